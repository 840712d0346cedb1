"""No vertical spread of executable prices is a sure profit."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("vertical", 1, "share")


def vertical(case: Inspection) -> Finding:
    """Masks the wrong leg of each (`executable.py`); refuses above 20 % of the rows near the money."""
    return judge_near(case, GUARD, "vertical", "legs of vertical spreads at a sure profit")
