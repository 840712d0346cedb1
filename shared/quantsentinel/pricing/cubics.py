"""Cubics between the nodes of a curve (Hermite interpolation): slopes at the nodes, and values between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]
"""Values at the left and the right end of one interval each."""
Places = tuple[NDArray[np.intp], NDArray[np.intp]]


def rising_slopes(x: Floats, cdf: Floats) -> Floats:
    """dy/dx at the nodes, limited so that the cubics between them never fall (Fritsch and Carlson 1980: at most three
    times the smaller neighbouring secant)."""
    slope = np.zeros_like(cdf)
    width = x[1:] - x[:-1]
    secant = (cdf[1:] - cdf[:-1]) / width
    limit = 3.0 * np.minimum(secant[1:], secant[:-1])
    np.minimum(_middle_slopes(width, secant), limit, out=slope[1:-1])
    return slope


def node_slopes(x: Floats, y: Floats, ends: tuple[float, float]) -> Floats:
    """dy/dx at the nodes from the parabola through each node and its neighbours; the ends are given."""
    slope = np.empty_like(y)
    slope[0], slope[-1] = ends
    width = x[1:] - x[:-1]
    slope[1:-1] = _middle_slopes(width, (y[1:] - y[:-1]) / width)
    return slope


def _middle_slopes(width: Floats, secant: Floats) -> Floats:
    """Of the parabolas, at all nodes but the ends."""
    return np.asarray((width[1:] * secant[:-1] + width[:-1] * secant[1:]) / (width[1:] + width[:-1]))


def places(x: Floats, at: Floats) -> Places:
    """Both ends of the interval of ascending `x` that each of `at` lies in, of the outermost ones beyond them."""
    place = np.minimum(np.maximum(x.searchsorted(at) - 1, 0), len(x) - 2)
    return place, place + 1


def pair(values: Floats, ends: Places) -> Ends:
    """The values at both `ends`."""
    return values[ends[0]], values[ends[1]]


def rising(at: Floats, x: Ends, y: Ends, slope: Ends) -> Floats:
    """`cubic` of rising data, kept from leaving its ends by rounding."""
    return np.asarray(np.minimum(np.maximum(cubic(at, x, y, slope), y[0]), y[1]))


def cubic(at: Floats, x: Ends, y: Ends, slope: Ends) -> Floats:
    """Cubic Hermite interpolation, each of `at` in an interval of its own; outside it takes its ends: callers handle
    it."""
    width = x[1] - x[0]
    t = np.minimum(np.maximum((at - x[0]) / width, 0.0), 1.0)
    rise = y[1] - y[0]
    left, right = slope[0] * width - rise, rise - slope[1] * width
    rest = 1 - t
    return np.asarray(y[0] + t * rise + t * rest * (rest * left + t * right))
