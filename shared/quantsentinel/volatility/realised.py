"""Realised variance of a forward's (or index's) own path inside one session.

The path comes every 65 s or so, with gaps and repeats, and each forward carries its fit's noise. Squared returns of
neighbouring observations would add that noise up, so returns are taken over five minutes on a previous-tick grid, and
the five grids that start a minute apart are averaged. Reference: Zhang, Mykland and Ait-Sahalia (2005), the subsampled
average ("second best") estimator.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import at_ist
from quantsentinel.market.rulebook import RuleBook

Floats = NDArray[np.float64]

STEP_MINUTES = 5.0
SUBGRIDS = 5
MIN_MINUTES = 30.0
MIN_OBSERVATIONS = 12


@dataclass(frozen=True, slots=True)
class RealisedVariance:
    """`value` is the total variance of the log-forward over `minutes`; NaN with a `reason` when there is too little.

    `n` is the number of returns of all grids together, `longest_gap_minutes` the longest time without an observation (a
    return across a gap counts in full: it is unbiased, only noisier).
    """

    value: float
    minutes: float
    n: int
    longest_gap_minutes: float = 0.0
    reason: str | None = None

    @property
    def is_known(self) -> bool:
        return self.reason is None


def spot_stop(rules: RuleBook, day: date) -> datetime:
    """Until when the index prints continuous trades that day: under the closing auction to 15:15, else to its close.

    A forward from option quotes runs on: options trade through the auction. Raises `RuleGap` on a day not covered.
    """
    return at_ist(day, rules.rows.pick("cash_hours", day).get("continuous_close", day))


def realised_variance(seconds: ArrayLike, forwards: ArrayLike, stop_s: float | None = None) -> RealisedVariance:
    """From observation times (epoch seconds, not descending) and forwards (points), both (n,), of one session.

    Of several observations at one time the last counts; those from `stop_s` (epoch seconds) on do not: a settlement
    window, or where the index stops printing continuous trades (`spot_stop`). Raises `BadInput` when times descend,
    lengths differ or a forward is not positive.
    """
    t, f = np.asarray(seconds, dtype=np.float64), np.asarray(forwards, dtype=np.float64)
    if t.shape != f.shape or t.ndim != 1 or (t[1:] < t[:-1]).any() or not (np.isfinite(t) & (f > 0)).all():
        raise BadInput("needs ascending times and positive forwards of one length", where="realised_variance")
    if stop_s is not None:
        t, f = t[t < stop_s], f[t < stop_s]
    last = np.append(t[1:] > t[:-1], True)[: t.size]
    t, x = t[last], np.log(f[last])
    minutes = float(t[-1] - t[0]) / 60 if t.size else 0.0
    longest = float((t[1:] - t[:-1]).max()) / 60 if t.size > 1 else 0.0
    if t.size < MIN_OBSERVATIONS or minutes < MIN_MINUTES:
        return RealisedVariance(float("nan"), minutes, 0, longest, "too_few_observations")
    # All grids side by side: a return spans `SUBGRIDS` points of their common grid.
    grid = np.arange(t[0], t[-1] + 1e-6, 60 * STEP_MINUTES / SUBGRIDS)
    sampled = x[t.searchsorted(grid, side="right") - 1]
    returns = sampled[SUBGRIDS:] - sampled[:-SUBGRIDS]
    covered = returns.size * STEP_MINUTES
    return RealisedVariance(float(returns @ returns) / covered * minutes, minutes, returns.size, longest)
