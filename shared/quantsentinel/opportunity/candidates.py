"""Every candidate of the grid with its reason, columnar."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import canonical_bytes
from quantsentinel.frozen import dataclass, worked_out

Floats = NDArray[np.float64]
Texts = tuple[str, ...]

NUMBER_COLUMNS = (
    "mid",
    "executable",
    "gross_edge",
    "net_ev",
    "cost_ratio",
    "win_probability",
    "stressed_loss",
    "max_loss",
    "score",
    "hedge_put",
    "hedge_call",
)
TEXT_COLUMNS = ("family", "expiry", "strikes", "reason")


@dataclass(frozen=True, eq=False)
class Candidates:
    """`numbers` by `NUMBER_COLUMNS`, quantised, NaN where a number was not needed or is unbounded. Points per unit,
    except the ratio, the probability and the score; `hedge_put` and `hedge_call` are the strikes of the cheapest wings
    that would bound a naked package adequately.

    `codes` (m, 3) index `families`, `expiries` and `reason_names`; `strikes`, `is_call` and `sides` (m, 4) are the
    legs, bought legs first, side 0 for unused places. A calendar's expiry reads `near/far`: the far leg is bought. A
    reason is the first rule that failed; `outranked` passed the screen but was not among the best that are priced
    exactly; `priced` passed exactly but a better one of its expiry and family is offered; `offered` is among the
    opportunities.
    """

    numbers: Mapping[str, Floats]
    codes: NDArray[np.int64]
    families: Texts
    expiries: Texts
    reason_names: Texts
    strikes: Floats
    is_call: NDArray[np.bool_]
    sides: Floats

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def reasons(self) -> dict[str, int]:
        """How many candidates ended with each reason, the most frequent first."""
        counts = np.bincount(self.codes[:, 2], minlength=len(self.reason_names)).tolist()
        found = [(name, count) for name, count in zip(self.reason_names, counts, strict=True) if count]
        return dict(sorted(found, key=lambda item: (-item[1], item[0])))

    @worked_out
    def columns(self) -> Mapping[str, tuple[float | str | None, ...]]:
        """`TEXT_COLUMNS` and `NUMBER_COLUMNS` as plain values, None for NaN; `strikes` reads `24000PE/24100PE`."""
        names = (self.families, self.expiries, self.reason_names)
        family, expiry, reason = (
            tuple(text[code] for code in self.codes[:, place].tolist()) for place, text in enumerate(names)
        )
        plain: dict[str, tuple[float | str | None, ...]] = {
            "family": family,
            "expiry": expiry,
            "strikes": self._labels(),
            "reason": reason,
        }
        for name, values in self.numbers.items():
            plain[name] = tuple(None if value != value else value for value in values.tolist())
        return plain

    def _labels(self) -> Texts:
        rights = np.where(self.is_call, "CE", "PE").tolist()
        legs = zip(self.strikes.tolist(), rights, self.sides.tolist(), strict=True)
        return tuple(
            "/".join(f"{strike:g}{right}" for strike, right, side in zip(*leg, strict=True) if side) for leg in legs
        )

    @worked_out
    def digest(self) -> str:
        """`sha256:<hex>` of what was considered and why it ended: every package with its reason.

        The numbers stay out. They are for people and models; at 1e-6 and tens of thousands of them a view, the last
        bits in which CPUs differ would show in some of them. What they decide is in the reasons.
        """
        hasher = hashlib.sha256(canonical_bytes([self.families, self.expiries, self.reason_names]))
        for array in (self.codes, self.strikes, self.is_call, self.sides):
            hasher.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return "sha256:" + hasher.hexdigest()


NO_CANDIDATES = Candidates(
    {}, np.empty((0, 3), np.int64), (), (), (), np.empty((0, 4)), np.empty((0, 4), np.bool_), np.empty((0, 4))
)
