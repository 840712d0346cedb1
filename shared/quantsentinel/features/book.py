"""Who waits in the book near the money, and what it costs to cross it."""

from __future__ import annotations

import numpy as np

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Value
from quantsentinel.features.flow import NEAR_STRIKES, book_shape

FEATURES = (
    Feature("imbalance", "share"),
    Feature("call_imbalance", "share"),
    Feature("put_imbalance", "share"),
    Feature("spread", "share of the price"),
    Feature("spread_vol_near", "annual vol, half the median spread near the money"),
    Feature("near_quotes", "count"),
)


def book_values(inputs: Inputs) -> dict[str, Value]:
    part = inputs.analytics.trading
    shape = None
    if part is not None and part.forward is not None:
        shape = book_shape(part.chain, part.forward, part.usable_call, part.usable_put)
    return {
        "imbalance": shape.imbalance if shape else None,
        "call_imbalance": shape.call_imbalance if shape else None,
        "put_imbalance": shape.put_imbalance if shape else None,
        "spread": shape.spread if shape else None,
        "spread_vol_near": _spread_vol(part) if part else None,
        "near_quotes": float(shape.quotes) if shape else 0.0,
    }


def _spread_vol(part: SliceAnalytics) -> float | None:
    """Half the spread of the out-of-the-money quotes nearest the forward in vol: half spread over vega, the median."""
    if part.forward is None:
        return None
    near = np.argsort(np.abs(part.strike - part.forward), kind="stable")[:NEAR_STRIKES]
    is_call = part.strike[near] >= part.forward
    call, put = part.chain.call, part.chain.put
    spread = np.where(is_call, (call["ask"] - call["bid"])[near], (put["ask"] - put["bid"])[near])
    usable = np.where(is_call, part.usable_call[near], part.usable_put[near]) & (part.vega[near] > 0)
    return float(np.median(0.5 * spread[usable] / part.vega[near][usable])) if usable.any() else None


FAMILY = Family("book", FEATURES, book_values)
