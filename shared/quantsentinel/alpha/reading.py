"""Reading features inside a view: numbers by name, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping

from quantsentinel.units import quantise

Features = Mapping[str, float | str | None]


def number(features: Features, name: str) -> float | None:
    """The feature as a number; None when it is absent, unknown or text."""
    value = features.get(name)
    return float(value) if isinstance(value, int | float) else None


def missing(features: Features, names: tuple[str, ...]) -> str:
    """`""` when every named feature is a number, else `no <first missing name>`."""
    return next((f"no {name}" for name in names if number(features, name) is None), "")


def evidence(features: Features, names: tuple[str, ...]) -> dict[str, float | str | None]:
    """The named features, quantised, as a view records them."""
    return {name: quantise(value) if isinstance(value := features.get(name), float) else value for name in names}


def squash(value: float) -> float:
    """Any number to (-1, 1), quantised."""
    return quantise(math.tanh(value))
