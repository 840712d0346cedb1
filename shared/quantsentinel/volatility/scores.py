"""How good a variance forecast was: losses, and whether two differ by more than luck."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.volatility.convex import FLOOR
from quantsentinel.volatility.har import long_run

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """`difference` of mean losses (negative: the first is better), `t` on Newey–West errors, two-sided `p_value`."""

    difference: float
    t: float
    p_value: float
    n: int


def qlike(realised: ArrayLike, forecast: ArrayLike) -> Floats:
    """y/f - ln(y/f) - 1, (n,): zero where they agree; ranks by a noisy, unbiased proxy as by the truth (Patton 2011).

    A realised variance counts with at least `FLOOR`. Raises `BadInput` for a forecast that is not positive.
    """
    f = np.asarray(forecast, dtype=np.float64)
    if not np.all(f > 0):
        raise BadInput("a forecast is not positive", where="qlike")
    ratio = np.maximum(np.asarray(realised, dtype=np.float64), FLOOR) / f
    return np.asarray(ratio - np.log(ratio) - 1)


def r_squared(realised: ArrayLike, forecast: ArrayLike) -> float:
    """1 - Σ(y - f)² / Σ(y - ȳ)² of volatilities (square roots): not refitted, so a biased forecast pays for it."""
    y, f = np.sqrt(np.maximum(realised, 0.0)), np.sqrt(np.asarray(forecast, dtype=np.float64))
    return float(1 - np.sum((y - f) ** 2) / np.sum((y - np.mean(y)) ** 2))


def diebold_mariano(first: ArrayLike, second: ArrayLike, horizon: int) -> DieboldMariano:
    """Of two loss series, (n,), of forecasts over `horizon` sessions that overlap.

    t = mean(d) / sqrt(LRV / n), d = first - second, Newey–West with max(1.5 h, 4 (n/100)^(2/9)) lags, normal p-value.
    Diebold and Mariano (1995). Raises `BadInput` for unequal lengths, or fewer than ten losses a lag.
    """
    d = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    lags = max(math.ceil(1.5 * horizon), math.floor(4 * (d.size / 100) ** (2 / 9)))
    if d.ndim != 1 or d.size < 10 * lags or not np.all(np.isfinite(d)):
        raise BadInput(f"{d.size} losses are too few for {lags} lags", where="diebold_mariano")
    mean = float(np.mean(d))
    variance = float(long_run((d - mean)[:, None], lags)[0, 0]) / d.size**2
    t = mean / math.sqrt(variance) if variance > 0 else 0.0
    return DieboldMariano(mean, t, math.erfc(abs(t) / math.sqrt(2)), d.size)


def direction_hits(realised: ArrayLike, forecast: ArrayLike, now: ArrayLike) -> float:
    """Share of days on which the forecast said rightly whether variance would be above or below its present level."""
    y, f, level = (np.asarray(value, dtype=np.float64) for value in (realised, forecast, now))
    return float(np.mean((y > level) == (f > level)))


def coverage(realised: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of realised values inside [low, high]."""
    y, bottom, top = (np.asarray(value, dtype=np.float64) for value in (realised, low, high))
    return float(np.mean((y >= bottom) & (y <= top)))
