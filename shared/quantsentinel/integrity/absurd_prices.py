"""Prices and sizes are numbers, none negative."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_share

GUARD = Guard("absurd_prices", 2, "share")


def absurd_prices(case: Inspection) -> Finding:
    """Masks rows with a negative, non-finite or astronomic price or size; refuses above 2 % of the quoted rows."""
    return judge_share(case, GUARD, "absurd", "rows whose prices or sizes are no such numbers")
