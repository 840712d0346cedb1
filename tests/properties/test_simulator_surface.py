"""The simulated surface has no static arbitrage, whatever its state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.pricing import black76
from quantsentinel.simulator.config import SKEW_BOUNDS, SurfaceShape
from quantsentinel.simulator.surface import SurfacePath

LOG_STRIKES = np.linspace(-0.4, 0.4, 401)
thetas = st.lists(st.floats(1e-8, 0.3), min_size=2, max_size=6, unique=True)
skews = st.floats(*SKEW_BOUNDS)


def surface(atm: list[float], skew: float) -> np.ndarray:
    """Total variance by expiry and log-strike, (n_expiries, n_strikes)."""
    path = SurfacePath(np.array([sorted(atm)]), np.array([skew]), SurfaceShape().curvature)
    slots = np.arange(len(atm))
    rows = [path.total_variance(LOG_STRIKES[None, :], np.full(len(LOG_STRIKES), slot))[0] for slot in slots]
    return np.array(rows)


@settings(deadline=None)
@given(thetas, skews)
def test_total_variance_never_falls_with_expiry(atm: list[float], skew: float) -> None:
    assert (np.diff(surface(atm, skew), axis=0) >= -1e-15).all()


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), skews)
def test_call_prices_fall_and_are_convex_in_strike(theta: float, skew: float) -> None:
    variance = surface([theta], skew)[0]
    strike = np.exp(LOG_STRIKES)
    call = black76.price(1.0, strike, 1.0, np.sqrt(variance), 1.0, True)
    slope = np.diff(call) / np.diff(strike)
    assert (slope <= 1e-12).all()
    assert (slope >= -1 - 1e-9).all()
    assert (np.diff(slope) >= -1e-9).all()


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), skews)
def test_at_the_money_variance_is_the_parameter(theta: float, skew: float) -> None:
    assert np.isclose(surface([theta], skew)[0][200], theta, rtol=1e-9)
