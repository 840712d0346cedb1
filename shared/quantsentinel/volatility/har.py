"""Heterogeneous autoregression of realised variance: least squares with Newey–West errors, in NumPy.

y_t = mean of the next h variances on a constant and trailing means over 1, 5 and 22 sessions (Corsi 2009); HAR-J adds
the jump part of the last session, HAR-CJ splits every mean into its continuous and its jump part (Andersen, Bollerslev
and Diebold 2007). Row t of a design is known at the close of session t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
SPANS = (1, 5, 22)


@dataclass(frozen=True, eq=False)
class Fit:
    """Least squares: `coefficients` (k,), their Newey–West `covariance` (k, k), `residuals` (n,), R²."""

    coefficients: Floats
    covariance: Floats
    residuals: Floats
    r_squared: float

    @property
    def errors(self) -> Floats:
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def least_squares(design: ArrayLike, target: ArrayLike, lags: int) -> Fit:
    """Bartlett weights 1 - l / (lags + 1), no small-sample factor (statsmodels' `HAC` with `use_correction=False`).

    `design` (n, k) with its constant, `target` (n,). Raises `BadInput` with n <= k, unequal lengths, a number that is
    not finite, negative lags or collinear columns.
    """
    x, y = np.asarray(design, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1] or x.shape[0] <= x.shape[1] or lags < 0:
        raise BadInput("needs more rows than columns, and as many targets", where="least_squares")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise BadInput("a number is not finite", where="least_squares", fix="Leave the first 22 sessions out")
    # Variances are about 1e-4: columns are scaled first, else the normal equations lose half their digits.
    scale = np.sqrt(np.mean(x**2, axis=0))
    if not np.all(scale > 0):
        raise BadInput("a column is zero", where="least_squares")
    q, r = np.linalg.qr(x / scale)
    if np.min(np.abs(np.diag(r))) < 1e-10 * np.max(np.abs(np.diag(r))):
        raise BadInput("columns are collinear", where="least_squares")
    inverse = np.linalg.inv(r) / scale[:, None]
    coefficients = inverse @ (q.T @ y)
    residuals = y - x @ coefficients
    middle = long_run(q * residuals[:, None], lags)
    total = float(np.sum((y - np.mean(y)) ** 2))
    r_squared = 1 - float(residuals @ residuals) / total if total > 0 else float("nan")
    return Fit(coefficients, inverse @ middle @ inverse.T, residuals, r_squared)


def long_run(scores: Floats, lags: int) -> Floats:
    """Newey–West: Γ0 + Σ (1 - l / (lags + 1)) (Γl + Γl'), sums not means, of (n, k) scores."""
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total = total + (1 - lag / (lags + 1)) * (cross + cross.T)
    return np.asarray(total)


def trailing_means(values: ArrayLike, spans: Sequence[int] = SPANS) -> Floats:
    """(n, len(spans)); NaN before there are as many."""
    v = np.asarray(values, dtype=np.float64)
    total = np.concatenate(([0.0], np.cumsum(v)))
    found = np.full((v.size, len(spans)), np.nan)
    for column, span in enumerate(spans):
        found[span - 1 :, column] = (total[span:] - total[:-span]) / span
    return found


def design_rv(rv: ArrayLike) -> Floats:
    """[1, RV, RV5, RV22], (n, 4)."""
    means = trailing_means(rv)
    return np.column_stack([np.ones(len(means)), means])


def design_j(rv: ArrayLike, jump: ArrayLike) -> Floats:
    """[1, RV, RV5, RV22, J], (n, 5)."""
    return np.column_stack([design_rv(rv), np.asarray(jump, dtype=np.float64)])


def design_cj(continuous: ArrayLike, jump: ArrayLike) -> Floats:
    """[1, C, C5, C22, J, J5, J22], (n, 7)."""
    return np.column_stack([design_rv(continuous), trailing_means(jump)])


def next_mean(values: ArrayLike, horizon: int) -> Floats:
    """Mean of the next `horizon` values after each, (n,); NaN at the end."""
    v = np.asarray(values, dtype=np.float64)
    found = np.full(v.size, np.nan)
    if v.size > horizon:
        found[:-horizon] = trailing_means(v, [horizon])[horizon:, 0]
    return found
