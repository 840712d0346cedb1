"""Every view of the desk, in one tuple. A new view is one file and one line here.

`cross_market`, `sentiment_momentum` (daily, weekly) and the learned combination have their place here later.
"""

from __future__ import annotations

from collections.abc import Callable

from quantsentinel.alpha import (
    dealer_gamma,
    implied_distribution,
    microstructure,
    oi_flow,
    volatility_ensemble,
)
from quantsentinel.alpha.reading import Features
from quantsentinel.alpha.view import Axis, Horizon, View
from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """What a view declares before it is asked; `weight` is its key in `policy.views.weights`."""

    name: str
    version: int
    horizon: Horizon
    axis: Axis
    weight: str
    ask: Callable[[Features], View]


VIEWS: tuple[ViewSpec, ...] = (
    ViewSpec(
        volatility_ensemble.NAME,
        volatility_ensemble.VERSION,
        "intraday",
        "volatility",
        "volatility_ensemble",
        volatility_ensemble.volatility_ensemble,
    ),
    ViewSpec(
        implied_distribution.NAME,
        implied_distribution.VERSION,
        "intraday",
        "volatility",
        "implied_distribution",
        implied_distribution.implied_distribution,
    ),
    ViewSpec(oi_flow.NAME, oi_flow.VERSION, "intraday", "direction", "oi_flow", oi_flow.oi_flow),
    ViewSpec(
        dealer_gamma.NAME, dealer_gamma.VERSION, "intraday", "volatility", "dealer_gamma", dealer_gamma.dealer_gamma
    ),
    ViewSpec(
        microstructure.NAME,
        microstructure.VERSION,
        "tick",
        "direction",
        "microstructure",
        microstructure.microstructure,
    ),
)


def ask_views(features: Features) -> tuple[View, ...]:
    """Every view's answer, in the order of the registry."""
    return tuple(spec.ask(features) for spec in VIEWS)
