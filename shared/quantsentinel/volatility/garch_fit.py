"""Fits GARCH(1,1) with `arch`: batch only, `arch` takes a second to import and is not in the serve environment."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from quantsentinel.volatility.garch import Garch, refine

PERCENT = 100.0
"""Returns are fitted in per cent: arch's optimiser stops early where variances are about 1e-4."""


def fit_garch(returns: ArrayLike, errors: Literal["normal", "t"] = "normal") -> Garch:
    """Maximum likelihood of log-returns (fractions), (n,); normal fits are refined on our own likelihood."""
    from arch import arch_model

    r = PERCENT * np.asarray(returns, dtype=np.float64)
    model = arch_model(r, mean="Constant", vol="GARCH", p=1, q=1, dist=errors, rescale=False)
    found = model.fit(disp="off", show_warning=False, backcast=float(np.mean((r - np.mean(r)) ** 2)))
    mu, omega, alpha, beta, *nu = (float(value) for value in found.params)
    fitted = Garch(mu, omega, alpha, min(beta, 1 - 1e-6 - alpha), nu[0] if nu else None)
    best = refine(r, fitted) if fitted.nu is None else fitted
    return Garch(best.mu / PERCENT, best.omega / PERCENT**2, best.alpha, best.beta, best.nu)
