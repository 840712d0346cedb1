"""The market is open when the decision is made."""

from __future__ import annotations

from quantsentinel.errors import RuleGap
from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.calendar import IST

GUARD = Guard("session_open", 1, "session")


def session_open(case: Inspection) -> Finding:
    """Refuses holidays, weekends and times outside the session; unknown where the rule book has no usable row."""
    at = case.context.decided_at.astimezone(IST)
    try:
        session = case.context.rules.session(at.date())
    except RuleGap as gap:
        return GUARD.unknown("open", str(gap))
    if session is None:
        return GUARD.refuses("closed", "open", f"{at:%Y-%m-%d} is not a trading day")
    if not session.is_open(at):
        hours = f"{session.open:%H:%M}-{session.close:%H:%M}"
        return GUARD.refuses("closed", "open", f"{at:%H:%M:%S} lies outside the session of {at:%Y-%m-%d}, {hours} IST")
    return GUARD.passed("open", "open")
