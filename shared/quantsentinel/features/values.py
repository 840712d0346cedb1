"""The feature values of one snapshot, quantised: the only thing that views and models read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quantsentinel.errors import Broken
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.feature import Family, Inputs, Value
from quantsentinel.features.registry import FAMILIES
from quantsentinel.market.history import History, known_at
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.units import quantise


def feature_values(
    analytics: MarketAnalytics, snapshot: Snapshot, history: History, families: Sequence[Family] = FAMILIES
) -> dict[str, Value]:
    """Every feature of `families` by name; None where its inputs are missing. Raises `Broken` when a family answers
    with other names than it declares."""
    inputs = Inputs(analytics, snapshot, known_at(history, snapshot.received_at))
    values: dict[str, Value] = {}
    for family in families:
        found = family.compute(inputs)
        names = [feature.name for feature in family.features]
        if set(found) != set(names):
            odd = sorted(set(found) ^ set(names))
            raise Broken(f"declared and computed differ: {odd}", where=f"features of {family.name}")
        values.update({name: _quantised(found[name]) for name in names})
    return values


def _quantised(value: Value) -> Value:
    if isinstance(value, float):
        return quantise(value) if math.isfinite(value) else None
    return value
