"""Own model-free implied variance, the method of CBOE's VIX white paper (2019) and NSE's India VIX.

Total variance of one expiry = 2/D Σ ΔK/K² Q(K) - (F/K0 - 1)², Q the out-of-the-money mid (both sides' mean at K0, the
highest strike not above the forward). Where NSE's differs from CBOE's we follow NSE: a quote whose spread exceeds 30 %
of its mid is filled by a natural cubic spline. Ours: the spline runs through log mids, and the forward comes from
parity (NSE: the future). `quoted` ends at the outermost quotes as both exchanges do; `total_variance` adds what lies
beyond them at those quotes' own implied vols (Jiang and Tian 2005).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol

Floats = NDArray[np.float64]
MAX_SPREAD_SHARE = 0.30
MIN_QUOTES = 8
MAX_TAIL_SHARE = 0.25
"""Where more than a quarter of the variance would be extrapolated, the strip says too little."""
TAIL_SD, TAIL_POINTS = 8.0, 60
_IS_CALL, _OUTWARDS = np.array([False, True]), np.array([-1.0, 1.0])
"""Of the left and of the right end."""
MONTH_MINUTES, YEAR_MINUTES = 30 * 1440.0, 365 * 1440.0


@dataclass(frozen=True, slots=True)
class ModelFree:
    """`total_variance` to expiry, `quoted` of it between the outermost quotes; NaN with a `reason`. `n_quotes` good
    ones, `n_filled` by the spline."""

    total_variance: float
    quoted: float
    n_quotes: int
    n_filled: int
    reason: str = ""

    @property
    def is_known(self) -> bool:
        return not self.reason


@dataclass(frozen=True, eq=False)
class Strip:
    """Two-sided quotes of one expiry by ascending strike, (n,) each; NaN or zero where there is none. `deviation`:
    implied vol x root of years of each strike's out-of-the-money mid, where they are known already."""

    strike: Floats
    call_bid: Floats
    call_ask: Floats
    put_bid: Floats
    put_ask: Floats
    deviation: Floats | None = None


def model_free_variance(strip: Strip, forward: float, discount: float) -> ModelFree:
    """Raises `BadInput` for strikes that do not ascend, or a forward or discount that is not positive."""
    strike = np.asarray(strip.strike, dtype=np.float64)
    if strike.ndim != 1 or not (strike[1:] > strike[:-1]).all() or not (forward > 0 and discount > 0):
        raise BadInput("strikes must ascend, forward and discount be positive", where="model_free_variance")
    at = int(strike.searchsorted(forward, side="right")) - 1
    put, price = _mid(strip.put_bid, strip.put_ask), _mid(strip.call_bid, strip.call_ask)
    if 0 <= at < strike.size:
        price[: at + 1] = np.append(put[:at], 0.5 * (put[at] + price[at]))
    good = np.flatnonzero(np.isfinite(price))
    if not 0 <= at < strike.size or good.size < MIN_QUOTES or not good[0] < at < good[-1]:
        return ModelFree(math.nan, math.nan, int(good.size), 0, "too_few_quotes")
    x = strike[good[0] : good[-1] + 1]
    width = _widths(x)
    filled = price[good] if good.size == x.size else np.exp(natural_spline(strike[good], np.log(price[good]), x))
    quoted = 2.0 / discount * float((width * filled / x**2).sum()) - (forward / float(strike[at]) - 1.0) ** 2
    ends = strike[good[[0, -1]]], price[good[[0, -1]]]
    deviation = _deviations(*ends, forward, discount) if strip.deviation is None else strip.deviation[good[[0, -1]]]
    tails = _tails(ends[0], width[[0, -1]], deviation, forward, discount)
    reason = "" if quoted > 0 and tails <= MAX_TAIL_SHARE * (quoted + tails) else "cut_off"
    total = quoted + tails if not reason else math.nan
    return ModelFree(total, quoted, int(good.size), x.size - int(good.size), reason)


def _widths(strike: Floats) -> Floats:
    """Half of the distance between each strike's neighbours; at both ends the whole one to the only neighbour."""
    gap = strike[1:] - strike[:-1]
    width = np.empty_like(strike)
    width[0], width[-1] = gap[0], gap[-1]
    width[1:-1] = 0.5 * (gap[1:] + gap[:-1])
    return width


def _deviations(strike: Floats, price: Floats, forward: float, discount: float) -> Floats:
    """(2,) implied by a put and a call out of the money; NaN where there is none."""
    return implied_vol(price, forward, strike, 1.0, discount, _IS_CALL)


def _tails(strike: Floats, width: Floats, deviation: Floats, forward: float, discount: float) -> float:
    """Variance beyond the outermost rectangles, (2,) each: left put, right call, at those quotes' own implied vols;
    trapezium over `TAIL_SD` deviations. NaN when one of them has no implied vol."""
    edge = np.log((strike + _OUTWARDS * width / 2) / forward)
    step = _OUTWARDS * deviation * (TAIL_SD / (TAIL_POINTS - 1))
    at = forward * np.exp(edge[:, None] + step[:, None] * np.arange(TAIL_POINTS))
    value = black76.price(forward, at, 1.0, deviation[:, None], discount, _IS_CALL[:, None]) / at
    area = np.abs(step) * (value.sum(axis=1) - 0.5 * (value[:, 0] + value[:, -1]))
    return 2.0 / discount * float(area.sum())


def _mid(bid: ArrayLike, ask: ArrayLike) -> Floats:
    """NaN where a side is missing, crossed or the spread is too wide to say anything."""
    b, a = np.asarray(bid, dtype=np.float64), np.asarray(ask, dtype=np.float64)
    mid = 0.5 * (b + a)
    with np.errstate(invalid="ignore"):
        return np.where((b > 0) & (a >= b) & (a - b <= MAX_SPREAD_SHARE * mid), mid, np.nan)


def natural_spline(x: Floats, y: Floats, at: Floats) -> Floats:
    """The cubic spline through (x, y), (n,) each, x ascending, with zero second derivative at both ends, at `at`."""
    h, n = x[1:] - x[:-1], x.size
    if n < 3:
        return np.interp(at, x, y)
    slope = (y[1:] - y[:-1]) / h
    second = np.array([0.0, *_tridiagonal(2 * (h[:-1] + h[1:]), h[1:-1], 6 * (slope[1:] - slope[:-1])), 0.0])
    left = np.minimum(np.maximum(x.searchsorted(at, side="right") - 1, 0), n - 2)
    step, low, high = at - x[left], second[left], second[left + 1]
    return np.asarray(
        y[left]
        + step * (slope[left] - h[left] * (2 * low + high) / 6)
        + step**2 * low / 2
        + step**3 * (high - low) / (6 * h[left])
    )


def _tridiagonal(diagonal: Floats, beside: Floats, right: Floats) -> list[float]:
    """Thomas's algorithm for a symmetric, diagonally dominant matrix. A dense solve of 80 strikes wakes BLAS threads:
    25 ms of CPU on a busy machine for what is 0.1 ms of work."""
    pivot: list[float] = diagonal.tolist()
    value: list[float] = right.tolist()
    off: list[float] = beside.tolist()
    for i, side in enumerate(off):
        share = side / pivot[i]
        pivot[i + 1] -= share * side
        value[i + 1] -= share * value[i]
    value[-1] /= pivot[-1]
    for i in range(len(off) - 1, -1, -1):
        value[i] = (value[i] - off[i] * value[i + 1]) / pivot[i]
    return value


def thirty_day_vol(near: tuple[float, float], following: tuple[float, float]) -> float:
    """Annual vol of 30 days (fraction) from (minutes to expiry, total variance) of two expiries, as the VIX: total
    variance is linear in minutes. Raises `BadInput` unless minutes ascend and both variances are positive."""
    (t1, w1), (t2, w2) = near, following
    if not (0 < t1 < t2 and w1 > 0 and w2 > 0):
        raise BadInput("needs two expiries in order with positive variances", where="thirty_day_vol")
    total = max(w1 + (w2 - w1) * (MONTH_MINUTES - t1) / (t2 - t1), 0.0)
    return math.sqrt(total * YEAR_MINUTES / MONTH_MINUTES)
