"""No bid equals its ask: an auction or a frozen screen, not a market that trades."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_share

GUARD = Guard("locked_quotes", 1, "share")


def locked_quotes(case: Inspection) -> Finding:
    """Masks locked rows; refuses above 2 % of the quoted rows (2025-08-29 has none in 551,000)."""
    return judge_share(case, GUARD, "locked", "bids equal to their ask")
