"""The global peer of the SVI search: scipy's bounded least squares on all five parameters, from twenty starts."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

RHO_MAX, SIGMA_RANGE = 0.999, (0.01, 1.0)
"""The search's own bounds: the kink within the quotes, its width a share of theirs."""


def oracle_loss(k: np.ndarray, w: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean square of the best slice of positive variance, in the quotes' own units to help scipy."""
    width, scale, share = np.ptp(k), float(w.std()), np.sqrt(weight / weight.sum())
    x, v = (k - k.mean()) / width, (w - w.mean()) / scale
    bounds = [[-np.inf, 0.0, -RHO_MAX, x.min(), SIGMA_RANGE[0]], [np.inf, np.inf, RHO_MAX, x.max(), SIGMA_RANGE[1]]]

    def residual(theta: np.ndarray) -> np.ndarray:
        a, b, rho, m, s = theta
        return share * (a + b * (rho * (x - m) + np.hypot(x - m, s)) - v)

    def jacobian(theta: np.ndarray) -> np.ndarray:
        _, b, rho, m, s = theta
        y, z = x - m, np.hypot(x - m, s)
        return share[:, None] * np.stack([np.ones_like(x), rho * y + z, b * y, -b * (rho + y / z), b * s / z], axis=1)

    found = []
    for m in np.linspace(x.min() + 1e-6, x.max() - 1e-6, 5):
        for s in np.geomspace(0.012, 0.95, 4):
            fit = least_squares(
                residual, [0.0, 2.0, -0.2, m, s], jacobian, bounds, xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=300
            )
            a, b, rho, _, sigma = fit.x
            if w.mean() + scale * (a + b * sigma * np.sqrt(1 - rho * rho)) > 0:
                found.append(2 * fit.cost * scale * scale)
    return float(min(found))
