"""The distribution of one expiry's settlement, implied by its smile.

A density is a discrete measure on a fixed grid of strikes. Its masses are the second differences of the undiscounted
call curve (Breeden and Litzenberger 1978), so at the grid strikes it reprices the slice exactly; between them the call
curve and the distribution function are interpolated by cubics. Puts come from parity: E[(S-K)+] - E[(K-S)+] = F - K
holds to rounding for every strike. Nothing here is discounted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]
VarianceCurve = Callable[[Floats], Floats]
"""Total variance as a function of log-moneyness."""

NODES = 801
REACH = 10.0
"""The grid reaches so many standard deviations, those at the money and `_EDGE_REACH` of the wing's own."""
TAIL_PROBABILITY = 0.05
"""Beyond the implied quantiles of this and of one minus this, mass is never scaled down (`definitions.md` §4)."""
_EDGE_REACH = 8.0
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

    @cached_property
    def log_strike(self) -> Floats:
        """ln(K/F) of the nodes."""
        return np.asarray(np.log(self.strike / self.forward))

    @cached_property
    def edges(self) -> Floats:
        """(n - 1,) log-strikes of the points half-way between nodes."""
        return np.asarray(np.log(0.5 * (self.strike[1:] + self.strike[:-1]) / self.forward))

    @cached_property
    def cdf_at_edges(self) -> Floats:
        """(n - 1,) P(ln(S/F) <= edge)."""
        return np.asarray(np.minimum(np.cumsum(self.mass[:-1]), 1.0))

    @cached_property
    def pdf(self) -> Floats:
        """(n,) density per point at the nodes; the two ends hold what lies beyond them and show 0."""
        points = np.exp(self.edges)
        width = (points[1:] - points[:-1]) * self.forward
        return np.concatenate([[0.0], self.mass[1:-1] / width, [0.0]])

    @cached_property
    def cdf(self) -> Floats:
        """(n,) P(S <= strike) at the nodes."""
        return distribution(self, self.strike)

    @cached_property
    def call(self) -> Floats:
        """(n,) E[(S - K)+] at the nodes, undiscounted points."""
        above = np.append(np.cumsum(self.mass[::-1])[::-1][1:], 0.0)
        steps = above[:-1] * (self.strike[1:] - self.strike[:-1])
        return np.append(np.cumsum(steps[::-1])[::-1], 0.0)

    @cached_property
    def call_slope(self) -> Floats:
        """(n,) dC/dK at the nodes."""
        return _node_slopes(self.strike, self.call, (-1.0, 0.0))

    @cached_property
    def cdf_slope(self) -> Floats:
        """(n - 1,) d cdf / d log-strike at the edges."""
        return _rising_slopes(self.edges, self.cdf_at_edges)

    @cached_property
    def smooth_cdf(self) -> tuple[Floats, Floats]:
        """(n - 1,) cdf and slope at the edges, of the smooth law whose calls are those of the masses.

        Masses up to an edge are the mean of that cdf over the cell, which is off by h^2/24 of its curvature (3e-6).
        """
        bend = (self.strike[1:] - self.strike[:-1]) * (self.pdf[1:] - self.pdf[:-1]) / 24.0
        cdf = np.maximum.accumulate(np.clip(self.cdf_at_edges - bend, 0.0, 1.0))
        return cdf, _rising_slopes(self.edges, cdf)

    @property
    def mean(self) -> float:
        """E[S], points."""
        return float(self.mass @ self.strike)

    @cached_property
    def _log_moments(self) -> tuple[float, float, float, float]:
        x = self.log_strike
        mean = float(self.mass @ x)
        variance = float(self.mass @ (x - mean) ** 2)
        skewness = float(self.mass @ (x - mean) ** 3) / variance**1.5
        kurtosis = float(self.mass @ (x - mean) ** 4) / variance**2
        return mean, variance, skewness, kurtosis

    @property
    def log_mean(self) -> float:
        """E[ln(S/F)]; -2 times it is the total variance of a variance swap."""
        return self._log_moments[0]

    @property
    def variance(self) -> float:
        """Variance of ln(S/F): total, not annual."""
        return self._log_moments[1]

    @property
    def skewness(self) -> float:
        """Third standardised moment of ln(S/F)."""
        return self._log_moments[2]

    @property
    def kurtosis(self) -> float:
        """Fourth standardised moment of ln(S/F), raw: 3 for a lognormal."""
        return self._log_moments[3]


def implied_density(forward: float, curve: VarianceCurve) -> Density:
    """The density of a slice given as total variance of log-moneyness.

    Negative masses (butterfly arbitrage) are set to zero and reported; total mass and mean are then restored by an
    exponential tilt. Raises `BadInput` when the forward or a total variance is not positive.
    """
    at_money = float(curve(np.zeros(1))[0])
    if not (forward > 0 and np.isfinite(at_money) and at_money > 0):
        raise BadInput(f"forward {forward}, total variance {at_money} must be positive", where="implied_density")
    x = _grid(curve, float(np.sqrt(at_money)))
    w = curve(x)
    if not np.all(w > 0):
        raise BadInput("total variance is not positive everywhere", where="implied_density")
    strike = forward * np.exp(x)
    root = np.sqrt(w)
    d1 = -x / root + 0.5 * root
    # Slopes from the out-of-the-money side keep the precision of the tails.
    width, middle = strike[1:] - strike[:-1], int(np.count_nonzero(x <= 0))
    below, above = slice(0, middle), slice(middle - 1, None)
    put = strike[below] * ndtr(root[below] - d1[below]) - forward * ndtr(-d1[below])
    call = forward * ndtr(d1[above]) - strike[above] * ndtr(d1[above] - root[above])
    put_slope, call_slope = (put[1:] - put[:-1]) / width[: middle - 1], (call[1:] - call[:-1]) / width[middle - 1 :]
    slope = np.concatenate([[-1.0], put_slope - 1.0, call_slope, [0.0]])
    mass = slope[1:] - slope[:-1]
    negative = float(-np.sum(mass[mass < 0]))
    mass = np.maximum(mass, 0.0)
    x_tail = np.interp([TAIL_PROBABILITY, 1 - TAIL_PROBABILITY], np.cumsum(mass) / np.sum(mass), x)
    body = (x > x_tail[0]) & (x < x_tail[1])
    return Density(forward, strike, with_mean(mass / np.sum(mass), strike, body, forward), negative)


def expected_payoff(density: Density, strikes: ArrayLike, is_call: ArrayLike) -> Floats:
    """E[(S-K)+] or E[(K-S)+] of each strike, undiscounted points; `strikes` and `is_call` broadcast."""
    k = np.asarray(strikes, dtype=np.float64)
    call = _hermite(density.strike, density.call, density.call_slope, k, _place(density.strike, k))
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
    sides, edges = np.array([-1.0, 1.0]), np.full(2, min(REACH * deviation, _MAX_LOG_STRIKE))
    for _ in range(8):
        asked = _EDGE_REACH * np.sqrt(np.maximum(curve(sides * edges), 0.0))
        wider = np.minimum(np.maximum(edges, asked), _MAX_LOG_STRIKE)
        if np.array_equal(wider, edges):
            break
        edges = wider
    left, right = np.arcsinh(edges / (_SINH_SCALE * deviation)).tolist()
    return np.asarray(_SINH_SCALE * deviation * np.sinh(np.linspace(-left, right, NODES)))


def with_mean(mass: Floats, strike: Floats, body: NDArray[np.bool_], mean: float) -> Floats:
    """`mass` with its part inside `body` exponentially tilted (same total) until the mean is `mean`: Newton steps."""
    inner, at = mass[body], strike[body]
    total = float(np.sum(inner))
    target = (mean - float(mass[~body] @ strike[~body])) / total
    middle = float(inner @ at) / total
    score = at - middle
    scale = max(float(np.sqrt(inner @ score**2 / total)), 1e-150)
    score /= scale
    wanted = (target - middle) / scale
    if not score.size or not score[0] < wanted < score[-1]:
        raise BadInput("the body cannot hold the mean: the variance ratio is too far from 1", where="density")
    theta, tilted = 0.0, inner
    for _ in range(_MEAN_STEPS):
        reached = float(tilted @ score) / total
        if abs(wanted - reached) * scale <= _MEAN_TOLERANCE * mean:
            break
        spread = float(tilted @ score**2) / total - reached**2
        if not spread > 0:
            raise BadInput("the body has no spread left to hold the mean", where="density")
        theta += (wanted - reached) / spread
        exponent = theta * score
        weights = inner * np.exp(exponent - np.max(exponent))
        tilted = weights * (total / float(np.sum(weights)))
    result = mass.copy()
    result[body] = tilted
    return result


def cdf_at(density: Density, x: Floats, curve: tuple[Floats, Floats] | None = None) -> Floats:
    """P(ln(S/F) <= x) by monotone-clipped cubics between edges, through the masses (or another `curve`: values and
    slopes at the edges)."""
    edges = density.edges
    cdf, slope = curve or (density.cdf_at_edges, density.cdf_slope)
    place = _place(edges, x)
    value = np.clip(_hermite(edges, cdf, slope, x, place), cdf[place], cdf[place + 1])
    return np.where(x < edges[0], 0.0, np.where(x > edges[-1], 1.0, value))


def _rising_slopes(x: Floats, cdf: Floats) -> Floats:
    """dy/dx at the nodes, limited so that the cubics between them never fall (Fritsch and Carlson 1980: at most three
    times the smaller neighbouring secant)."""
    secant = (cdf[1:] - cdf[:-1]) / (x[1:] - x[:-1])
    padded = np.concatenate([[0.0], secant, [0.0]])
    limit = 3.0 * np.minimum(padded[1:], padded[:-1])
    return np.asarray(np.minimum(_node_slopes(x, cdf, (0.0, 0.0)), limit))


def _node_slopes(x: Floats, y: Floats, ends: tuple[float, float]) -> Floats:
    """dy/dx at the nodes from the parabola through each node and its neighbours; the ends are given."""
    width = x[1:] - x[:-1]
    slope = (y[1:] - y[:-1]) / width
    inner = (width[1:] * slope[:-1] + width[:-1] * slope[1:]) / (width[1:] + width[:-1])
    return np.concatenate([[ends[0]], inner, [ends[1]]])


def _place(x: Floats, at: Floats) -> NDArray[np.intp]:
    """The interval of ascending `x` that each of `at` lies in, the outermost ones beyond both ends."""
    return np.asarray(np.minimum(np.maximum(x.searchsorted(at) - 1, 0), len(x) - 2))


def _hermite(x: Floats, y: Floats, slope: Floats, at: Floats, place: NDArray[np.intp]) -> Floats:
    """Cubic Hermite interpolation in intervals `place`; `at` outside them takes their ends: callers handle it."""
    following = place + 1
    low, start = x[place], y[place]
    width = x[following] - low
    t = np.minimum(np.maximum((at - low) / width, 0.0), 1.0)
    rise = y[following] - start
    left, right = slope[place] * width - rise, rise - slope[following] * width
    rest = 1 - t
    return np.asarray(start + t * rise + t * rest * (rest * left + t * right))
