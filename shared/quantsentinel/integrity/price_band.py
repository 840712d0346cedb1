"""No option is dearer than 300 % annual vol would make it."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_share

GUARD = Guard("price_band", 1, "share")


def price_band(case: Inspection) -> Finding:
    """Masks bids and last prices above intrinsic value + D·F·300 %·√T/√(2π); refuses above 2 % of the rows."""
    return judge_share(case, GUARD, "price_band", "prices above what 300 % vol explains")
