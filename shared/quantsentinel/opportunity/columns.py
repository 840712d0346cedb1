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
        numbers=dict(zip(NUMBER_COLUMNS, _numbers(groups), strict=True)),
        codes=np.concatenate(codes),
        families=tuple(family.value for family in FAMILIES),
        expiries=tuple(names),
        reason_names=tuple(reason_names),
        strikes=np.concatenate([group.legs.strike for group in groups]),
        is_call=np.concatenate([group.legs.is_call for group in groups]),
        sides=np.concatenate([group.legs.side for group in groups]),
    )


def _numbers(groups: Sequence[Screened]) -> Floats:
    """A row a column: rounded as `units.quantise` rounds; infinite (unbounded) becomes NaN."""
    found = np.empty((len(NUMBER_COLUMNS), sum(len(group.grid) for group in groups)))
    for name, row in zip(NUMBER_COLUMNS, found, strict=True):
        np.concatenate([getattr(group, name) for group in groups], out=row)
    return np.asarray(np.where(np.isfinite(found), np.round(found, 6) + 0.0, np.nan))
