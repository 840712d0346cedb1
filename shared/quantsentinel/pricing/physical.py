"""The implied density re-scaled to a forecast: what a package is expected to pay (`definitions.md` §4)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.pricing.density import TAIL_PROBABILITY, Density, cdf_at, inside, quantile, with_mean

Floats = NDArray[np.float64]

MAX_TILT = 0.05
"""A direction view moves the mean by at most this share of one standard deviation, times its confidence."""


def physical_density(
    implied: Density, variance_ratio: float, direction: float = 0.0, confidence: float = 0.0
) -> Density:
    """The implied density re-scaled to a forecast: forecast / implied total variance is `variance_ratio`.

    Log-returns are stretched by its root; beyond the implied 5th and 95th percentiles each mass is the larger of the
    stretched and the implied one; the body between takes what is left, tilted so that the mean is the forward, moved by
    `MAX_TILT` * direction * confidence standard deviations (direction in [-1, 1], confidence in [0, 1]). With ratio 1
    and no direction this is the implied density. Raises `BadInput` outside these ranges or when no body holds the mean.
    """
    if not (math.isfinite(variance_ratio) and variance_ratio > 0 and abs(direction) <= 1 and 0 <= confidence <= 1):
        raise BadInput(
            f"variance ratio {variance_ratio}, direction {direction} or confidence {confidence} is out of range",
            where="physical_density",
        )
    body = inside(implied.strike, *quantile(implied, [TAIL_PROBABILITY, 1 - TAIL_PROBABILITY]).tolist())
    stretched = _stretched(implied, variance_ratio)
    mass = np.maximum(stretched, implied.mass)
    left = 1.0 - float(mass[: body.start].sum() + mass[body.stop :].sum())
    within = float(stretched[body].sum())
    if left <= 0 or within <= 0:
        raise BadInput(f"a variance ratio of {variance_ratio} leaves no body", where="physical_density")
    mass[body] = stretched[body] * (left / within)
    deviation = math.sqrt(variance_ratio * implied.variance)
    mean = implied.forward * math.exp(MAX_TILT * direction * confidence * deviation)
    return Density(implied.forward, implied.strike, with_mean(mass, implied.strike, body, mean), implied.negative_mass)


def _stretched(implied: Density, ratio: float) -> Floats:
    """Masses of the log-returns stretched by sqrt(ratio) about their mean, with the drift that this takes from E[S]."""
    centre = implied.log_mean
    moved = centre - 0.5 * (ratio - 1.0) * implied.variance
    cdf = np.empty(len(implied.mass) + 1)
    cdf[0], cdf[-1] = 0.0, 1.0
    cdf[1:-1] = cdf_at(implied, centre + (implied.edges - moved) / math.sqrt(ratio))
    return np.asarray(np.maximum(cdf[1:] - cdf[:-1], 0.0))
