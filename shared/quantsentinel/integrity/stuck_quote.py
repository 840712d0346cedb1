"""No quote stands still while its forward moves by more than its spread."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("stuck_quote", 1, "share")


def stuck_quote(case: Inspection) -> Finding:
    """Masks rows and expiries that repeat their values meanwhile; refuses above 20 % of the rows near the money."""
    return judge_near(case, GUARD, "stuck_quote", "quotes that stood still while the market moved")
