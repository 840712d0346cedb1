"""Open interest of a contract goes on from where it was: what does not carries another contract's numbers."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("interest_jump", 1, "share")


def interest_jump(case: Inspection) -> Finding:
    """Masks expiries where most strikes' open interest changed beyond 20 % and 2 % a minute; refuses above 20 % of rows
    near the money."""
    return judge_near(case, GUARD, "interest_jump", "quotes of expiries with other contracts' open interest")
