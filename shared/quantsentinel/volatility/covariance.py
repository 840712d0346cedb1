"""Covariance of few series from few days: the sample's, shrunk towards a scaled identity by Ledoit and Wolf's formula.

With x the centred observations (n, k), S = x'x / n, m = tr(S) / k and the distances d2 = |S - mI|^2 / k and
b2 = min(d2, sum_t |x_t x_t' - S|^2 / (k n^2)), the estimate is (1 - b2/d2) S + (b2/d2) m I. Reference: Ledoit, O. and
Wolf, M. (2004), A well-conditioned estimator for large-dimensional covariance matrices, J. Multivariate Analysis 88.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]


def shrunk_covariance(observations: ArrayLike) -> tuple[Floats, float]:
    """((k, k) estimate, shrinkage in [0, 1]) of observations (n, k), in their units squared.

    Raises `BadInput` for fewer than two observations, another shape or a number that is not finite.
    """
    x = np.asarray(observations, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1 or not np.all(np.isfinite(x)):
        raise BadInput(f"observations of shape {x.shape}", where="covariance", fix="(n, k) finite numbers, n >= 2")
    n, k = x.shape
    x = x - x.mean(axis=0)
    sample = x.T @ x / n
    level = float(np.trace(sample)) / k
    distance = float(np.sum((sample - level * np.eye(k)) ** 2)) / k
    noise = float(np.sum(np.sum(x**2, axis=1) ** 2) / n - np.sum(sample**2)) / (k * n)
    shrinkage = min(noise, distance) / distance if distance > 0 else 0.0
    return (1.0 - shrinkage) * sample + shrinkage * level * np.eye(k), shrinkage


def shrunk_correlation(observations: ArrayLike) -> tuple[Floats, float]:
    """The same of the series in units of their own deviations: (k, k) with ones on its diagonal.

    Raises `BadInput` as above, and for a series that never moves.
    """
    x = np.asarray(observations, dtype=np.float64)
    spread = x.std(axis=0) if x.ndim == 2 and len(x) else np.zeros(1)
    if not np.all(spread > 0):
        raise BadInput("a series does not move", where="covariance", fix="Leave it out")
    return shrunk_covariance(x / spread)
