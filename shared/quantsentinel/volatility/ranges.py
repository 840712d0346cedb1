"""Variance of one session from its open, high, low and close: for where only daily bars exist.

Each estimator takes log-prices of arrays (n,) and returns session variances (n,), without the gap before the open.
References: Parkinson (1980), Garman and Klass (1980), Rogers and Satchell (1991), Yang and Zhang (2000).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogBars:
    """Log open, high, low, close, (n,) each; high and low reach at least the open and the close."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def log_bars(bars: Sequence[DailyBar]) -> LogBars:
    """Raises `BadInput` without a bar."""
    if not bars:
        raise BadInput("no daily bar", where="log_bars")
    o, h, l, c = np.log(np.array([(bar.open, bar.high, bar.low, bar.close) for bar in bars], dtype=np.float64)).T  # noqa: E741  # the four letters of a bar
    # A published index bar's open or close may lie outside its range by a rounding or a closing average.
    return LogBars(o, np.maximum.reduce([o, h, c]), np.minimum.reduce([o, l, c]), c)


def parkinson(bars: LogBars) -> Floats:
    """(high - low)² / (4 ln 2): five times as efficient as the squared open-to-close return; assumes no drift."""
    return (bars.high - bars.low) ** 2 / (4.0 * math.log(2.0))


def garman_klass(bars: LogBars) -> Floats:
    """½ (high - low)² - (2 ln 2 - 1) (close - open)²."""
    return 0.5 * (bars.high - bars.low) ** 2 - (2.0 * math.log(2.0) - 1.0) * (bars.close - bars.open) ** 2


def rogers_satchell(bars: LogBars) -> Floats:
    """(h - c)(h - o) + (l - c)(l - o): unbiased under any drift."""
    up, down = (bars.high - bars.close) * (bars.high - bars.open), (bars.low - bars.close) * (bars.low - bars.open)
    return up + down


def yang_zhang(bars: LogBars) -> float:
    """Variance of a session with its gap over the n - 1 sessions after the first: gap + k open-to-close + (1 - k) RS.

    k = 0.34 / (1.34 + (m + 1) / (m - 1)), m sessions. Raises `BadInput` with fewer than three bars.
    """
    m = bars.open.size - 1
    if m < 2:
        raise BadInput(f"{m + 1} bars, needs three", where="yang_zhang")
    gap, inside = bars.open[1:] - bars.close[:-1], (bars.close - bars.open)[1:]
    k = 0.34 / (1.34 + (m + 1) / (m - 1))
    parts = np.var(gap, ddof=1), np.var(inside, ddof=1), np.mean(rogers_satchell(bars)[1:])
    return float(parts[0] + k * parts[1] + (1 - k) * parts[2])


def range_variance(bars: LogBars) -> Floats:
    """Close-to-close variance of each session after the first, (n - 1,): squared gap + Parkinson."""
    return (bars.open[1:] - bars.close[:-1]) ** 2 + parkinson(bars)[1:]
