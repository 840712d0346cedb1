"""No butterfly of executable prices is a sure profit."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("butterfly", 1, "share")


def butterfly(case: Inspection) -> Finding:
    """Masks the wrong leg of each (`executable.py`); refuses above 20 % of the rows near the money."""
    return judge_near(case, GUARD, "butterfly", "legs of butterflies at a sure profit")
