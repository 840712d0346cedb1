"""What a simulated market is made of. Every number is a parameter of a made-up market, not a fact about a real one.

Defaults were set by eye against the NIFTY chain of 2025-08-29 (ATM vol, wings, spreads, open interest, volume).
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Dynamics:
    """The index under the physical measure: Heston variance in the variance clock, compensated Poisson jumps.

    `annual_vol` is the long-run volatility, jumps included. `variance_dispersion` is the stationary standard deviation
    of the variance as a share of its mean (below 1 the Feller condition holds); `reversion` is per clock year;
    `leverage` correlates index and variance shocks; `market_correlation` ties underlyings of one seed together.
    """

    annual_vol: float
    reversion: float = 6.0
    variance_dispersion: float = 0.6
    leverage: float = -0.6
    jumps_per_year: float = 12.0
    jump_mean: float = -0.003
    jump_sd: float = 0.006
    market_correlation: float = 0.9
    dividend_yield: float = 0.012

    @property
    def jump_variance(self) -> float:
        """Variance a clock year from jumps alone."""
        return self.jumps_per_year * (self.jump_mean**2 + self.jump_sd**2)

    @property
    def diffusive_variance(self) -> float:
        """Long-run variance a clock year without the jumps."""
        return self.annual_vol**2 - self.jump_variance


@dataclass(frozen=True, slots=True)
class SurfaceShape:
    """Implied surface: SSVI slices over what the market expects, times a mean-reverting premium.

    `premium` is implied over expected volatility (1.12: implied is 12 % above), `premium_sd` the stationary standard
    deviation of its logarithm, `reversion` per clock year for premium and skew. `belief` is how much of the expectation
    is the true variance; the rest is the EWMA(0.94) of past daily closes, which is what market makers can see.
    `curvature` (eta) and `skew` (rho) obey eta (1 + |rho|) <= 2, the no-butterfly condition of Gatheral and Jacquier.
    """

    premium: float = 1.12
    premium_sd: float = 0.04
    reversion: float = 60.0
    belief: float = 0.5
    skew: float = -0.45
    skew_sd: float = 0.05
    curvature: float = 1.25


SKEW_BOUNDS: Final = (-0.6, -0.2)
"""The skew is kept inside these, so that the no-butterfly condition holds at every moment."""


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """One day's settings. `level` is the index at the previous close."""

    level: float
    dynamics: Dynamics
    surface: SurfaceShape = field(default_factory=SurfaceShape)
    interval_s: float = 60.0
    history_sessions: int = 160
    activity: float = 1.0
    """Turnover and open interest against NIFTY's."""

    def __post_init__(self) -> None:
        problems = [text for wrong, text in _checks(self) if wrong]
        if problems:
            raise BadInput("; ".join(problems), where="simulator config")


def _checks(config: SimulatorConfig) -> tuple[tuple[bool, str], ...]:
    moves, shape = config.dynamics, config.surface
    return (
        (config.level <= 0, f"level {config.level} must be positive"),
        (config.interval_s < 5, f"interval_s {config.interval_s} is below the 5 s step of the path"),
        (config.history_sessions < 120, f"history_sessions {config.history_sessions} is below 120"),
        (config.activity <= 0, f"activity {config.activity} must be positive"),
        (
            moves.diffusive_variance <= 0,
            f"annual_vol {moves.annual_vol} is not above the volatility of the jumps alone",
        ),
        (not 0 <= moves.variance_dispersion < 1, f"variance_dispersion {moves.variance_dispersion} is not in [0, 1)"),
        (abs(moves.leverage) > 1, f"leverage {moves.leverage} is not a correlation"),
        (not 0 <= moves.market_correlation <= 1, f"market_correlation {moves.market_correlation} is not in [0, 1]"),
        (shape.premium <= 0, f"premium {shape.premium} must be positive"),
        (not 0 <= shape.belief <= 1, f"belief {shape.belief} is not in [0, 1]"),
        (
            shape.curvature * (1 - SKEW_BOUNDS[0]) > 2,
            f"curvature {shape.curvature} allows butterfly arbitrage at a skew of {SKEW_BOUNDS[0]}",
        ),
        (
            not SKEW_BOUNDS[0] <= shape.skew <= SKEW_BOUNDS[1],
            f"skew {shape.skew} is not in [{SKEW_BOUNDS[0]}, {SKEW_BOUNDS[1]}]",
        ),
    )


_DEFAULTS: Final = {
    "NIFTY": (24_500.0, 0.12, 1.0),
    "BANKNIFTY": (54_000.0, 0.14, 0.25),
    "FINNIFTY": (25_800.0, 0.14, 0.03),
    "MIDCPNIFTY": (12_700.0, 0.16, 0.03),
    "NIFTYNXT50": (67_000.0, 0.16, 0.01),
    "SENSEX": (80_000.0, 0.12, 0.5),
}
"""Level, annual volatility and activity of each underlying."""


def default_config(underlying: str) -> SimulatorConfig:
    """The usual market of an underlying. Raises `BadInput` for one that has no defaults."""
    if underlying not in _DEFAULTS:
        raise BadInput(f"no simulated market for {underlying}", where="simulator", fix=f"Known: {', '.join(_DEFAULTS)}")
    level, annual_vol, activity = _DEFAULTS[underlying]
    return SimulatorConfig(level=level, dynamics=Dynamics(annual_vol=annual_vol), activity=activity)
