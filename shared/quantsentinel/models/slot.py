"""Slots of the desk that a fitted model may fill. A slot without a model uses its documented rule."""

from __future__ import annotations

from enum import StrEnum


class Slot(StrEnum):
    """What a model may be asked for; the value is the key in `Desk.models` and in `registry/`."""

    VARIANCE_FORECAST = "variance_forecast"
    """Total variance to the settlement observation of an expiry; the rule is EWMA blended with today's path."""
    DIRECTION_TILT = "direction_tilt"
    """Drift of the physical density in units of sigma * sqrt(tau); the rule is 0."""
    VIEW_WEIGHTS = "view_weights"
    """Weights of the views in the consensus; the rule is the declared weights of the policy."""
