"""No bid stands above its ask."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_share

GUARD = Guard("crossed_quotes", 1, "share")


def crossed_quotes(case: Inspection) -> Finding:
    """Masks crossed rows; refuses above 2 % of the quoted rows."""
    return judge_share(case, GUARD, "crossed", "bids above their ask")
