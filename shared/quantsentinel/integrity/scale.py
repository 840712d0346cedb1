"""Prices fit the underlying: its own forward and the forward before."""

from __future__ import annotations

import math

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.quotes import QuoteMask, quote_mask
from quantsentinel.integrity.share import judge_share

GUARD = Guard("scale", 2, "share")
MAX_MOVE = 0.10
"""Of the forward since the accepted snapshot before: the exchange halts the market at 10 %."""


def scale(case: Inspection) -> Finding:
    """Refuses a chain of another size than its underlying; masks single prices that no option of that strike has."""
    level = _level(case.quotes)
    if level is None:
        return GUARD.unknown(MAX_MOVE, "no forward to compare with")
    context = case.context
    before = None
    if context.previous is not None:
        before = _level(context.previous_quotes or quote_mask(context.previous, context.rules))
    if before is not None and abs(math.log(level / before)) > MAX_MOVE:
        move = abs(math.log(level / before))
        return GUARD.refuses(move, MAX_MOVE, f"forward {level:.2f} after {before:.2f} in the accepted snapshot before")
    return judge_share(case, GUARD, "scale", "prices off the scale of the underlying")


def _level(quotes: QuoteMask) -> float | None:
    """The forward of the nearest expiry that has one."""
    return next((fit.forward for fit in quotes.forwards if fit.is_fitted), None)


def named_spot(spot: float | None) -> float | None:
    """The spot that the source names, where it is one."""
    return spot if spot is not None and math.isfinite(spot) and spot > 0 else None
