"""Calendar arbitrage between neighbouring expiries: total variance at one log-moneyness never falls with time.

Checked where both expiries have quotes. Beyond, both slices are straight lines that no quote holds: on 2025-08-29 most
pairs of NIFTY slices cross somewhere past 20 % of moneyness; between common quotes one pair did in a tenth of the
snapshots, by 0.1-2 % of the variance. A later slice that crosses is fitted again on a floor: points of the earlier
curve join its quotes, heavier each round, until it stands above them.
Reference: Gatheral and Jacquier (2014), lemma 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.pricing.svi import SviFit, SviParams, fit_arbitrage_free, fit_of, total_variance

Floats = NDArray[np.float64]
VarianceCurve = Callable[[Floats], Floats]

TOLERANCE = 1e-6
"""Share of the later total variance: less is rounding."""
_POINTS = 65
_ROUNDS = 4
_MAX_LIFT = 0.02
_FIRST_WEIGHT = 0.1  # of all quotes together, for all floor points together; ten times more each round


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """The earlier expiry's total variance `w` at `k`, (n,) each: log-moneyness that both expiries quote."""

    k: Floats
    w: Floats

    def excess(self, curve: VarianceCurve) -> float:
        """The most by which the floor is above `curve`, as a share of that; 0 where it is nowhere."""
        later = curve(self.k)
        return float(np.max((self.w - later) / later, initial=0.0))


def floor_under(late: SviFit, early: SviFit, curve: VarianceCurve) -> Floor | None:
    """The floor that `early`, priced by `curve`, is to `late`; None where no log-moneyness is quoted in both."""
    low, high = max(early.k_low, late.k_low), min(early.k_high, late.k_high)
    if not low < high:
        return None
    k = np.linspace(low, high, _POINTS)
    return Floor(k, curve(k))


def on_floor(late: SviFit, quotes: tuple[ArrayLike, ArrayLike, ArrayLike], floor: Floor) -> SviFit:
    """`late`, a fit of `quotes` (as `svi.fit_slices` takes them), or where it crosses `floor` the arbitrage-free slice
    that no longer does. `late` too where none is found: ask `floor.excess`."""
    if late.params is None or floor.excess(_curve(late.params)) <= TOLERANCE:
        return late
    k, w, weight = (np.asarray(part, dtype=np.float64) for part in quotes)
    share = _FIRST_WEIGHT * float(np.sum(weight))
    touched = np.zeros(len(floor.k), dtype=np.bool_)
    params = late.params
    for _ in range(_ROUNDS):
        touched |= floor.w > total_variance(floor.k, params)
        count = int(np.count_nonzero(touched))
        joined = (
            np.append(k, floor.k[touched]),
            np.append(w, floor.w[touched]),
            np.append(weight, np.full(count, share / count)),
        )
        params = fit_arbitrage_free(*joined).params or params
        # What is left, below a fiftieth of the variance, is lifted as a whole: least squares only approach a floor.
        gap = float(np.max(floor.w - total_variance(floor.k, params)))
        if gap <= _MAX_LIFT * float(np.min(floor.w)):
            lifted = fit_of((k, w, weight), replace(params, a=params.a + max(gap, 0.0)))
            if lifted.arbitrage_free:
                return lifted
        share *= 10.0
    return late


def _curve(params: SviParams) -> VarianceCurve:
    return lambda k: total_variance(k, params)
