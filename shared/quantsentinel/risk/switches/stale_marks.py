"""Every open position has been marked lately: what is not marked is not known to be within its limits."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts, session_of
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Outcome, Verdict

NAME = "stale_marks"


def stale_marks(facts: TenantFacts) -> Verdict:
    """Session seconds since the oldest mark of whatever may be held, over all underlyings (`definitions.md` §5)."""
    held, decided_at = facts.book.held, facts.as_of.decided_at
    if not held:
        return of_cycle(facts, _nothing_held)
    session, limit = session_of(facts.view, facts.desk), facts.gap.limit_s
    marks = [position.mark.at for position in held if position.mark is not None]
    if session is None or limit is None or len(marks) < len(held) or max(marks) > decided_at:
        reading = Reading(None, limit, "s", "the age of a mark is not known")
        return receipt(NAME, Outcome.UNKNOWN, reading, limit)
    age_s = round(60.0 * session.minutes_between(min(marks), decided_at), 3)
    return receipt(NAME, passes(age_s <= limit), Reading(age_s, limit, "s"), age_s, limit)


def _nothing_held(facts: TenantFacts) -> Verdict:
    return receipt(NAME, passes(True), Reading(None, facts.gap.limit_s, "s", "no open position"))
