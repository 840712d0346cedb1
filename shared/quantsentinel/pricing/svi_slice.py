"""One raw SVI slice: total variance of one expiry as a function of log-moneyness k = ln(K/F), and its arbitrage.

    w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))

Reference: Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]

CALENDAR_TOLERANCE = 1e-9
G_TOLERANCE = -1e-9
LEE_SLOPE = 2.0
_FAR = 3.0
_REACH = np.sinh(np.linspace(-8.0, 8.0, 161))
_FAR_AND_NEAR = np.concatenate([np.linspace(-_FAR, _FAR, 121), np.linspace(-0.3, 0.3, 61)])


@dataclass(frozen=True, slots=True)
class SviParams:
    """Raw parameters; `a` in total variance, `m` and `sigma` in log-moneyness."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float


def total_variance(k: ArrayLike, params: SviParams) -> Floats:
    """w(k), same shape as `k`: variance times years of the clock of the quotes."""
    y = np.asarray(k, dtype=np.float64) - params.m
    return np.asarray(params.a + params.b * (params.rho * y + np.sqrt(y * y + params.sigma**2)))


def variance_derivatives(k: ArrayLike, params: SviParams) -> tuple[Floats, Floats, Floats]:
    """w, w' and w'' with respect to k."""
    raw = np.array([params.a, params.b, params.rho, params.m, params.sigma])
    return derivatives(np.asarray(k, dtype=np.float64), raw)


def derivatives(k: Floats, raw: Floats) -> tuple[Floats, Floats, Floats]:
    """w, w' and w'' of many slices: `raw` (5, ...) holds a, b, rho, m and sigma, which broadcast against `k`."""
    a, b, rho, m, sigma = raw
    y = k - m
    square = sigma * sigma
    root = np.sqrt(y * y + square)
    return a + b * (rho * y + root), b * (rho + y / root), b * square / (root * root * root)


def durrleman_g(k: ArrayLike, params: SviParams) -> Floats:
    """g(k) = (1 - k w'/(2w))^2 - (w'^2/4)(1/w + 1/4) + w''/2; a slice is free of butterfly arbitrage where g >= 0."""
    x = np.asarray(k, dtype=np.float64)
    return butterfly_g(x, *variance_derivatives(x, params))


def butterfly_g(x: Floats, w: Floats, slope: Floats, curvature: Floats) -> Floats:
    """Durrleman's g from log-moneyness and w, w', w'' of any smile; one shape."""
    bend = x * slope / w
    return np.asarray((1 - 0.5 * bend) ** 2 - 0.25 * slope * slope * (1 / w + 0.25) + 0.5 * curvature)


def butterfly_free(params: SviParams) -> bool:
    """Positive variance, wing slopes within Lee's bound, g >= 0 on a line dense around the kink and out to +-3."""
    line = check_lines(np.array([params.m]), np.array([params.sigma]))[0]
    return is_free(params, float(np.min(durrleman_g(line, params))))


def is_free(params: SviParams, g_min: float) -> bool:
    """`butterfly_free` for a caller who knows the least g."""
    lowest = params.a + params.b * params.sigma * math.sqrt(1 - params.rho**2)
    return bool(lowest > 0 and params.b * (1 + abs(params.rho)) <= LEE_SLOPE and g_min >= G_TOLERANCE)


def check_lines(m: Floats, sigma: Floats) -> Floats:
    """(L, 343) log-moneyness of each slice: sinh-spaced around its kink on its own scale, out to +-3, and around the
    money."""
    kink = m[:, None] + np.maximum(sigma, 1e-4)[:, None] * _REACH
    fixed = np.broadcast_to(_FAR_AND_NEAR, (len(m), len(_FAR_AND_NEAR)))
    return np.concatenate([np.clip(kink, -_FAR, _FAR), fixed], axis=1)


def calendar_ok(slices: Sequence[SviParams], k: ArrayLike) -> list[bool]:
    """For each neighbouring pair, earlier expiry first: total variance does not fall with time at any of `k`."""
    levels = [total_variance(k, params) for params in slices]
    return [bool(np.all(late - early >= -CALENDAR_TOLERANCE)) for early, late in pairwise(levels)]
