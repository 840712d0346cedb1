"""Realised variance of bars inside a session, and how much of it is jumps.

All take log-returns of equal length inside sessions, (n,) or (sessions, n), and return one number a session. With r the
returns: RV = Σ r². Bipower: π/2 · n/(n-1) Σ |r_i||r_i-1|. MedRV: π/(6 - 4√3 + π) · n/(n-2) Σ med(|r_i-1|, |r_i|,
|r_i+1|)². The last two estimate the continuous part. Test: Z of Huang and Tauchen (2005), ratio form with tripower
quarticity. References: Barndorff-Nielsen and Shephard (2004, 2006); Andersen, Dobrev and Schaumburg (2012).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.pricing.special import ndtr

Floats = NDArray[np.float64]
LEVEL = 0.001
"""Of the test, Andersen, Bollerslev and Diebold (2007): one false jump day in four years."""
_MU1 = math.sqrt(2.0 / math.pi)
_MU43 = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)
_MEDIAN = math.pi / (6.0 - 4.0 * math.sqrt(3.0) + math.pi)


@dataclass(frozen=True, eq=False)
class Measures:
    """Per session, (sessions,): `rv`, its `bipower` and `medrv` estimates of the continuous part, the test's `p_value`,
    and the split `continuous` + `jump` = rv, with no jump where the test finds none."""

    rv: Floats
    bipower: Floats
    medrv: Floats
    p_value: Floats
    continuous: Floats
    jump: Floats


def measures(returns: ArrayLike, level: float = LEVEL) -> Measures:
    """Raises `BadInput` with fewer than five returns a session, or one that is not finite."""
    r = np.atleast_2d(np.asarray(returns, dtype=np.float64))
    if r.ndim != 2 or r.shape[1] < 5 or not np.all(np.isfinite(r)):
        raise BadInput("needs five or more finite returns a session", where="measures")
    rv, bv, medrv = realised(r), bipower(r), median_variance(r)
    p_value = jump_p_value(r)
    jump = np.where(p_value < level, np.maximum(rv - bv, 0.0), 0.0)
    return Measures(rv, bv, medrv, p_value, rv - jump, jump)


def realised(r: Floats) -> Floats:
    return np.asarray(np.sum(r**2, axis=-1))


def bipower(r: Floats) -> Floats:
    n, size = r.shape[-1], np.abs(r)
    return np.asarray(n / (n - 1) * np.sum(size[..., 1:] * size[..., :-1], axis=-1) / _MU1**2)


def median_variance(r: Floats) -> Floats:
    n, size = r.shape[-1], np.abs(r)
    middle = np.median(np.stack([size[..., :-2], size[..., 1:-1], size[..., 2:]]), axis=0)
    return np.asarray(_MEDIAN * n / (n - 2) * np.sum(middle**2, axis=-1))


def jump_p_value(r: Floats) -> Floats:
    """One-sided: small where the realised variance is too far above bipower for a continuous path. One for a path that
    never moved."""
    n, powered = r.shape[-1], np.abs(r) ** (4.0 / 3.0)
    tripower = n * n / (n - 2) * np.sum(powered[..., 2:] * powered[..., 1:-1] * powered[..., :-2], axis=-1) / _MU43**3
    rv, bv = realised(r), bipower(r)
    known = (rv > 0) & (bv > 0)
    safe_rv, safe_bv = np.where(known, rv, 1.0), np.where(known, bv, 1.0)
    spread = np.sqrt(((math.pi / 2) ** 2 + math.pi - 5) / n * np.maximum(1.0, tripower / safe_bv**2))
    return np.asarray(np.where(known, ndtr(-(safe_rv - safe_bv) / safe_rv / spread), 1.0))


def subsampled(log_prices: ArrayLike, step: int) -> Floats:
    """RV over `step` bars, averaged over the `step` grids that start a bar apart, each scaled to the whole session.

    `log_prices` (sessions, n + 1). Raises `BadInput` unless the session holds two steps.
    """
    x = np.atleast_2d(np.asarray(log_prices, dtype=np.float64))
    n = x.shape[1] - 1
    if step < 1 or n < 2 * step:
        raise BadInput(f"{n} bars hold no two steps of {step}", where="subsampled")
    grids = [np.diff(x[:, start::step], axis=1) for start in range(step)]
    total = sum(np.sum(grid**2, axis=1) for grid in grids)
    return np.asarray(total * n / (step * sum(grid.shape[1] for grid in grids)))
