"""Calendar arbitrage between neighbouring expiries: total variance at one log-moneyness never falls with time.

Checked where both expiries have quotes. Beyond, both slices are straight lines that no quote holds: on 2025-08-29 most
pairs of NIFTY slices cross somewhere past 20 % of moneyness, none between common quotes. A later slice that crosses is
fitted again on a floor: points of the earlier curve join its quotes, heavier each round, until it stands above them.
Reference: Gatheral and Jacquier (2014), lemma 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.pricing.svi import SviFit, SviParams, fit_arbitrage_free, fit_of, total_variance

Floats = NDArray[np.float64]
VarianceCurve = Callable[[Floats], Floats]

TOLERANCE = 1e-6
"""Share of the later total variance: less is rounding."""
_POINTS = 65
_MARGIN = 1e-4  # the floor points stand so much above the floor, as a share
_ROUNDS = 5
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
    that no longer does. What still crosses after the last round is returned as it is: ask `floor.excess`."""
    k, w, weight = (np.asarray(part, dtype=np.float64) for part in quotes)
    share = _FIRST_WEIGHT * float(np.sum(weight))
    touched = np.zeros(len(floor.k), dtype=np.bool_)
    fit = late
    for _ in range(_ROUNDS):
        if fit.params is None or floor.excess(_curve(fit.params)) <= TOLERANCE:
            break
        touched |= floor.w > total_variance(floor.k, fit.params)
        count = int(np.count_nonzero(touched))
        joined = (
            np.append(k, floor.k[touched]),
            np.append(w, floor.w[touched] * (1 + _MARGIN)),
            np.append(weight, np.full(count, share / count)),
        )
        fit = fit_arbitrage_free(*joined)
        share *= 10.0
    return fit if fit is late or fit.params is None else fit_of((k, w, weight), fit.params)


def _curve(params: SviParams) -> VarianceCurve:
    return lambda k: total_variance(k, params)
