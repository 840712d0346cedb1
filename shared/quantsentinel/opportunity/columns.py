"""The screen's arrays as the columns of `Candidates`, quantised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.opportunity.candidates import NO_CANDIDATES, NUMBER_COLUMNS, Candidates
from quantsentinel.opportunity.screen import Screened
from quantsentinel.opportunity.structures import FAMILIES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def candidate_columns(groups: Sequence[Screened], reasons: Sequence[Ints], reason_names: Sequence[str]) -> Candidates:
    """All expiries one after another, in the order of the grid; `reasons` index `reason_names`, one array an expiry."""
    if not groups:
        return NO_CANDIDATES
    codes: list[Ints] = []
    names: list[str] = []
    for group, reason in zip(groups, reasons, strict=True):
        labels, which = group.expiries
        codes.append(np.column_stack([group.grid.family, which + len(names), reason]))
        names += labels
    return Candidates(
        numbers={name: np.concatenate([_column(group, name) for group in groups]) for name in NUMBER_COLUMNS},
        codes=np.concatenate(codes),
        families=tuple(family.value for family in FAMILIES),
        expiries=tuple(names),
        reason_names=tuple(reason_names),
        strikes=np.concatenate([group.legs.strike for group in groups]),
        is_call=np.concatenate([group.legs.is_call for group in groups]),
        sides=np.concatenate([group.legs.side for group in groups]),
    )


def _column(group: Screened, name: str) -> Floats:
    """Rounded as `units.quantise` rounds; infinite (unbounded) becomes NaN."""
    values = np.asarray(getattr(group, name))
    return np.asarray(np.where(np.isfinite(values), np.round(values, 6) + 0.0, np.nan))
