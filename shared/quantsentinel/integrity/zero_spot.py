"""A spot that the source names is a number above zero; one that it does not name is not needed."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.scale import named_spot

GUARD = Guard("zero_spot", 1, "points")


def zero_spot(case: Inspection) -> Finding:
    """Limits a chain whose spot is zero, negative or no number: the level comes from parity alone."""
    spot = case.snapshot.spot
    if spot is None:
        return GUARD.passed(None, 0.0, "the source names no spot")
    if named_spot(spot) is None:
        return GUARD.masks(spot if spot == spot else None, 0.0, "the source's spot is not used: no price above zero")
    return GUARD.passed(spot, 0.0)
