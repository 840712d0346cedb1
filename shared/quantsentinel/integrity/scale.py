"""Prices fit the underlying: its own forward, the forward before, the spot that the source names."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.quotes import nearest_forward
from quantsentinel.integrity.share import judge_share

GUARD = Guard("scale", 1, "share")
MAX_MOVE = 0.10
"""Of the forward since the accepted snapshot before: the exchange halts the market at 10 %."""
MAX_BASIS = 0.05
"""Between the nearest forward and the spot that the source names; measured on NIFTY within 1 %."""


def scale(case: Inspection) -> Finding:
    """Refuses a chain of another size than its underlying; masks single prices that no option of that strike has."""
    level = _level(case)
    if level is None:
        return GUARD.unknown(MAX_MOVE, "no forward to compare with")
    previous = case.context.previous
    before = nearest_forward(previous, case.context.rules) if previous else None
    if before is not None and abs(math.log(level / before)) > MAX_MOVE:
        move = abs(math.log(level / before))
        return GUARD.refuses(move, MAX_MOVE, f"forward {level:.2f} after {before:.2f} in the accepted snapshot before")
    spot = case.snapshot.spot
    if spot and abs(math.log(level / spot)) > MAX_BASIS:
        basis = abs(math.log(level / spot))
        return GUARD.refuses(basis, MAX_BASIS, f"forward {level:.2f} against the source's spot {spot:.2f}")
    return judge_share(case, GUARD, "scale", "prices off the scale of the underlying")


def _level(case: Inspection) -> float | None:
    fitted = case.quotes.forward[np.isfinite(case.quotes.forward)]
    return float(fitted[0]) if fitted.size else None
