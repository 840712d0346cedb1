"""The distribution of one expiry's settlement, implied by its smile.

A density is a discrete measure on a fixed grid of strikes. Its masses are the second differences of the undiscounted
call curve (Breeden and Litzenberger 1978), so at the grid strikes it reprices the slice exactly; between them the call
curve and the distribution function are interpolated by cubics. Puts come from parity: E[(S-K)+] - E[(K-S)+] = F - K
holds to rounding for every strike. Nothing here is discounted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.pricing.cubics import cubic, node_slopes, pair, places, rising, rising_slopes
from quantsentinel.pricing.special import ndtr

Floats = NDArray[np.float64]
VarianceCurve = Callable[[float | Floats], ArrayLike]
"""Total variance as a function of log-moneyness, of one number or of many."""

NODES = 801
REACH = 10.0
"""The grid reaches so many standard deviations, those at the money and `_EDGE_REACH` of the wing's own."""
TAIL_PROBABILITY = 0.05
"""Beyond the implied quantiles of this and of one minus this, mass is never scaled down (`definitions.md` §4)."""
_EDGE_REACH, _EDGE_STEPS = 8.0, 8
_MAX_LOG_STRIKE = 3.0
_SINH_SCALE = 4.0  # nodes are evenly spaced up to about 4 deviations, ever wider beyond
_MEAN_STEPS = 50
_MEAN_TOLERANCE = 1e-13


@dataclass(frozen=True, eq=False)
class Density:
    """A discrete measure: `strike` (n,) ascending in points, `mass` (n,) >= 0 that sums to one, mean `forward`.

    `negative_mass` is the mass that was negative in the slice (butterfly arbitrage) and set to zero: a caller refuses
    what it finds too much.
    """

    forward: float
    strike: Floats
    mass: Floats
    negative_mass: float = 0.0

    @worked_out
    def log_strike(self) -> Floats:
        """ln(K/F) of the nodes."""
        return np.asarray(np.log(self.strike / self.forward))

    @worked_out
    def edges(self) -> Floats:
        """(n - 1,) log-strikes of the points half-way between nodes."""
        return np.asarray(np.log(0.5 * (self.strike[1:] + self.strike[:-1]) / self.forward))

    @worked_out
    def cdf_at_edges(self) -> Floats:
        """(n - 1,) P(ln(S/F) <= edge)."""
        return np.asarray(np.minimum(self.mass[:-1].cumsum(), 1.0))

    @worked_out
    def pdf(self) -> Floats:
        """(n,) density per point at the nodes; the two ends hold what lies beyond them and show 0."""
        found = np.zeros_like(self.mass)
        np.divide(self.mass[1:-1], 0.5 * (self.strike[2:] - self.strike[:-2]), out=found[1:-1])
        return found

    @worked_out
    def cdf(self) -> Floats:
        """(n,) P(S <= strike) at the nodes: `distribution`, where each node's edges are known without a search."""
        found = np.zeros_like(self.mass)
        edges, (cdf, slope) = self.edges, self.smooth_cdf
        found[1:-1] = rising(
            self.log_strike[1:-1], (edges[:-1], edges[1:]), (cdf[:-1], cdf[1:]), (slope[:-1], slope[1:])
        )
        found[-1] = 1.0
        return found

    @worked_out
    def call(self) -> Floats:
        """(n,) E[(S - K)+] at the nodes, undiscounted points."""
        above = self.mass[:0:-1].cumsum()
        found = np.zeros_like(self.mass)
        np.cumsum(above * (self.strike[1:] - self.strike[:-1])[::-1], out=found[-2::-1])
        return found

    @worked_out
    def call_slope(self) -> Floats:
        """(n,) dC/dK at the nodes."""
        return node_slopes(self.strike, self.call, (-1.0, 0.0))

    @worked_out
    def cdf_slope(self) -> Floats:
        """(n - 1,) d cdf / d log-strike at the edges."""
        return rising_slopes(self.edges, self.cdf_at_edges)

    @worked_out
    def smooth_cdf(self) -> tuple[Floats, Floats]:
        """(n - 1,) cdf and slope at the edges, of the smooth law whose calls are those of the masses.

        Masses up to an edge are the mean of that cdf over the cell, which is off by h^2/24 of its curvature (3e-6).
        """
        bend = (self.strike[1:] - self.strike[:-1]) * (self.pdf[1:] - self.pdf[:-1]) / 24.0
        cdf = np.maximum.accumulate(np.minimum(np.maximum(self.cdf_at_edges - bend, 0.0), 1.0))
        return cdf, rising_slopes(self.edges, cdf)

    @worked_out
    def mean(self) -> float:
        """E[S], points."""
        return float(self.mass @ self.strike)

    @worked_out
    def log_mean(self) -> float:
        """E[ln(S/F)]; -2 times it is the total variance of a variance swap."""
        return float(self.mass @ self.log_strike)

    @worked_out
    def variance(self) -> float:
        """Variance of ln(S/F): total, not annual."""
        return self._moment(2)

    @property
    def skewness(self) -> float:
        """Third standardised moment of ln(S/F)."""
        return float(self._moment(3) / self.variance**1.5)

    @property
    def kurtosis(self) -> float:
        """Fourth standardised moment of ln(S/F), raw: 3 for a lognormal."""
        return self._moment(4) / self.variance**2

    def _moment(self, power: int) -> float:
        return float(self.mass @ (self.log_strike - self.log_mean) ** power)


def implied_density(forward: float, curve: VarianceCurve) -> Density:
    """The density of a slice given as total variance of log-moneyness.

    Negative masses (butterfly arbitrage) are set to zero and reported; total mass and mean are then restored by an
    exponential tilt. Raises `BadInput` when the forward or a total variance is not positive.
    """
    at_money = float(np.asarray(curve(0.0)))
    if not (forward > 0 and np.isfinite(at_money) and at_money > 0):
        raise BadInput(f"forward {forward}, total variance {at_money} must be positive", where="implied_density")
    x = _grid(curve, math.sqrt(at_money))
    w = np.asarray(curve(x))
    if not (w > 0).all():
        raise BadInput("total variance is not positive everywhere", where="implied_density")
    strike = forward * np.exp(x)
    root = np.sqrt(w)
    d1 = -x / root + 0.5 * root
    d2 = d1 - root
    # Slopes from the out-of-the-money side keep the precision of the tails.
    width, middle = strike[1:] - strike[:-1], int(x.searchsorted(0.0, side="right"))
    below, above = slice(0, middle), slice(middle - 1, None)
    put = strike[below] * ndtr(-d2[below]) - forward * ndtr(-d1[below])
    call = forward * ndtr(d1[above]) - strike[above] * ndtr(d2[above])
    slope = np.zeros(NODES + 1)
    slope[0] = -1.0
    slope[1:middle] = (put[1:] - put[:-1]) / width[: middle - 1] - 1.0
    slope[middle:-1] = (call[1:] - call[:-1]) / width[middle - 1 :]
    mass = slope[1:] - slope[:-1]
    negative = float(-mass[mass < 0].sum())
    mass = np.maximum(mass, 0.0)
    mass /= mass.sum()
    body = inside(x, *np.interp([TAIL_PROBABILITY, 1 - TAIL_PROBABILITY], mass.cumsum(), x).tolist())
    return Density(forward, strike, with_mean(mass, strike, body, forward), negative)


def inside(ascending: Floats, low: float, high: float) -> slice:
    """Where `ascending` lies strictly between."""
    return slice(int(ascending.searchsorted(low, side="right")), int(ascending.searchsorted(high)))


def expected_payoff(density: Density, strikes: ArrayLike, is_call: ArrayLike) -> Floats:
    """E[(S-K)+] or E[(K-S)+] of each strike, undiscounted points; `strikes` and `is_call` broadcast."""
    k = np.asarray(strikes, dtype=np.float64)
    ends = places(density.strike, k)
    call = cubic(k, pair(density.strike, ends), pair(density.call, ends), pair(density.call_slope, ends))
    call = np.where(k <= density.strike[0], density.mean - k, np.where(k >= density.strike[-1], 0.0, call))
    return np.where(is_call, call, call - (density.mean - k))


def distribution(density: Density, strikes: ArrayLike) -> Floats:
    """P(S <= K) of each strike."""
    x = np.log(np.maximum(np.asarray(strikes, dtype=np.float64), 1e-300) / density.forward)
    return cdf_at(density, x, density.smooth_cdf)


def digital(density: Density, strikes: ArrayLike) -> Floats:
    """P(S > K) of each strike, undiscounted."""
    return np.asarray(1.0 - distribution(density, strikes))


def crash_probability(density: Density, drop: ArrayLike) -> Floats:
    """P(S <= (1 - drop) F): a settlement at least that share below the forward; `drop` in (0, 1), any shape."""
    return distribution(density, density.forward * (1.0 - np.asarray(drop, dtype=np.float64)))


def probability_between(density: Density, low: ArrayLike, high: ArrayLike) -> Floats:
    """P(low < S <= high), 0 where high <= low; 0 and infinity are fine as bounds."""
    return np.asarray(np.maximum(distribution(density, high) - distribution(density, low), 0.0))


def quantile(density: Density, probabilities: ArrayLike) -> Floats:
    """The strikes below which the given probabilities lie, points."""
    x = np.interp(np.asarray(probabilities, dtype=np.float64), density.cdf_at_edges, density.edges)
    return np.asarray(density.forward * np.exp(x))


def _grid(curve: VarianceCurve, deviation: float) -> Floats:
    """Log-strikes, sinh-spaced around the forward, reaching as far as each wing's own variance asks."""
    reach = min(REACH * deviation, _MAX_LOG_STRIKE)
    left, right = (math.asinh(_wing(curve, side, reach) / (_SINH_SCALE * deviation)) for side in (-1.0, 1.0))
    return np.asarray(_SINH_SCALE * deviation * np.sinh(np.linspace(-left, right, NODES)))


def _wing(curve: VarianceCurve, side: float, reach: float) -> float:
    """`reach`, or up to `_MAX_LOG_STRIKE` as far as `_EDGE_REACH` deviations are there: a few steps towards it."""
    for _ in range(_EDGE_STEPS):
        asked = _EDGE_REACH * math.sqrt(max(float(np.asarray(curve(side * reach))), 0.0))
        if not asked > reach:
            break
        reach = min(asked, _MAX_LOG_STRIKE)
    return reach


def with_mean(mass: Floats, strike: Floats, body: slice, mean: float) -> Floats:
    """`mass` with its part inside `body` exponentially tilted (same total) until the mean is `mean`: Newton steps."""
    inner, at = mass[body], strike[body]
    total = float(inner.sum())
    below, above = slice(0, body.start), slice(body.stop, None)
    target = (mean - float(mass[below] @ strike[below] + mass[above] @ strike[above])) / total
    middle = float(inner @ at) / total
    score = at - middle
    scale = max(math.sqrt(float(inner @ (score * score)) / total), 1e-150)
    score /= scale
    wanted = (target - middle) / scale
    if not score.size or not score[0] < wanted < score[-1]:
        raise BadInput("the body cannot hold the mean: the variance ratio is too far from 1", where="density")
    theta, tilted = 0.0, inner
    for _ in range(_MEAN_STEPS):
        pull = tilted * score
        reached = float(pull.sum()) / total
        if abs(wanted - reached) * scale <= _MEAN_TOLERANCE * mean:
            break
        spread = float(pull @ score) / total - reached**2
        if not spread > 0:
            raise BadInput("the body has no spread left to hold the mean", where="density")
        theta += (wanted - reached) / spread
        exponent = theta * score
        weights = inner * np.exp(exponent - exponent.max())
        tilted = weights * (total / float(weights.sum()))
    result = mass.copy()
    result[body] = tilted
    return result


def cdf_at(density: Density, x: Floats, curve: tuple[Floats, Floats] | None = None) -> Floats:
    """P(ln(S/F) <= x) by monotone-clipped cubics between edges, through the masses (or another `curve`: values and
    slopes at the edges)."""
    edges = density.edges
    cdf, slope = curve or (density.cdf_at_edges, density.cdf_slope)
    ends = places(edges, x)
    value = rising(x, pair(edges, ends), pair(cdf, ends), pair(slope, ends))
    return np.where(x < edges[0], 0.0, np.where(x > edges[-1], 1.0, value))
