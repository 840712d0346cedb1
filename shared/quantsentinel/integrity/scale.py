"""Prices fit the underlying: its own forward and the forward before."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.quotes import nearest_forward
from quantsentinel.integrity.share import judge_share

GUARD = Guard("scale", 2, "share")
MAX_MOVE = 0.10
"""Of the forward since the accepted snapshot before: the exchange halts the market at 10 %."""


def scale(case: Inspection) -> Finding:
    """Refuses a chain of another size than its underlying; masks single prices that no option of that strike has."""
    level = _level(case)
    if level is None:
        return GUARD.unknown(MAX_MOVE, "no forward to compare with")
    previous = case.context.previous
    before = nearest_forward(previous, case.context.rules) if previous else None
    if before is not None and before > 0 and abs(math.log(level / before)) > MAX_MOVE:
        move = abs(math.log(level / before))
        return GUARD.refuses(move, MAX_MOVE, f"forward {level:.2f} after {before:.2f} in the accepted snapshot before")
    return judge_share(case, GUARD, "scale", "prices off the scale of the underlying")


def _level(case: Inspection) -> float | None:
    fitted = case.quotes.forward[np.isfinite(case.quotes.forward)]
    return float(fitted[0]) if fitted.size and fitted[0] > 0 else None


def named_spot(spot: float | None) -> float | None:
    """The spot that the source names, where it is one."""
    return spot if spot is not None and math.isfinite(spot) and spot > 0 else None
