"""Implied total variance: SSVI slices with the power-law function of Gatheral and Jacquier (2014), gamma = 1/2.

w(k, theta) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)), phi = eta / sqrt(theta (1 + theta)).
With eta (1 + |rho|) <= 2 no slice has butterfly arbitrage; theta that rises with expiry excludes calendar arbitrage.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.simulator.config import SKEW_BOUNDS, Dynamics, SurfaceShape

Floats = NDArray[np.float64]

_MIN_TOTAL_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class SurfacePath:
    """ATM total variance by snapshot and expiry (n_snapshots, n_expiries), skew by snapshot (n_snapshots,)."""

    atm_variance: Floats
    skew: Floats
    curvature: float

    def total_variance(self, log_strike: Floats, slot: NDArray[np.int64]) -> Floats:
        """`log_strike` is log(K/F), (n_snapshots, n_pairs); `slot` the expiry index of each pair."""
        theta = self.atm_variance[:, slot]
        rho = self.skew[:, None]
        slope = self.curvature / np.sqrt(theta * (1 + theta)) * log_strike
        return np.asarray(0.5 * theta * (1 + rho * slope + np.sqrt((slope + rho) ** 2 + 1 - rho**2)), dtype=np.float64)


def expected_variance(start: Floats, moves: Dynamics, clock_years: Floats) -> Floats:
    """Expected total variance over `clock_years` when the rate is `start` now and reverts to its long-run mean."""
    mean, speed = moves.annual_vol**2, moves.reversion
    pulled = -np.expm1(-speed * clock_years) / speed
    return np.asarray(mean * clock_years + (start - mean) * pulled, dtype=np.float64)


def reverting(mean: float, sd: float, speed: float, dt: Floats, random: np.random.Generator) -> Floats:
    """A stationary Ornstein-Uhlenbeck path, exact at each step; `dt[i]` is the time before value i. Shape of `dt`."""
    noise = random.standard_normal(len(dt) + 1)
    value, out = noise[0], []
    for decay, shock in zip(np.exp(-speed * dt).tolist(), noise[1:].tolist(), strict=True):
        value = decay * value + (1 - decay * decay) ** 0.5 * shock
        out.append(value)
    return np.asarray(mean + sd * np.array(out), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the market sees: the true variance rate by snapshot (jumps included), and the EWMA before the day."""

    variance_rate: Floats
    ewma_rate: float


def surface_path(
    shape: SurfaceShape, moves: Dynamics, expectation: Expectation, remaining: Floats, random: np.random.Generator
) -> SurfacePath:
    """`remaining` is clock years to each settlement, (n_snapshots, n_expiries)."""
    dt = np.concatenate(([0.0], -np.diff(remaining[:, -1])))
    premium = np.exp(reverting(np.log(shape.premium), shape.premium_sd, shape.reversion, dt, random))
    skew = np.clip(reverting(shape.skew, shape.skew_sd, shape.reversion, dt, random), *SKEW_BOUNDS)
    rate = shape.belief * expectation.variance_rate + (1 - shape.belief) * expectation.ewma_rate
    expected = expected_variance(rate[:, None], moves, remaining)
    return SurfacePath(np.maximum(premium[:, None] ** 2 * expected, _MIN_TOTAL_VARIANCE), skew, shape.curvature)
