"""A later expiry is never worth less than an earlier one at the same moneyness."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("calendar", 1, "share")


def calendar(case: Inspection) -> Finding:
    """Masks expiries whose straddle contradicts most others (`term_structure.py`); refuses above 20 % of near rows."""
    return judge_near(case, GUARD, "calendar", "quotes of expiries whose total variance falls with time")
