"""No expiry has a vol that only another expiry's time explains."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("expiry_label", 1, "share")


def expiry_label(case: Inspection) -> Finding:
    """Masks expiries that look like another under a wrong label; refuses above 20 % of the rows near the money."""
    return judge_near(case, GUARD, "expiry_label", "quotes of expiries whose vol fits another expiry's time")
