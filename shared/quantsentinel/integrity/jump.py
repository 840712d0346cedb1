"""No quote, and no expiry, went another way than the market since the accepted snapshot before."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("jump", 1, "share")


def jump(case: Inspection) -> Finding:
    """Masks jumps beyond what forward, width, spreads and 60 s of move explain; refuses above 20 % of near rows."""
    return judge_near(case, GUARD, "jump", "quotes that jumped against the market")
