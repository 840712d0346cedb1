"""One live entry per (tenant, underlying, expiry, family), and a cool-down after it ends (`definitions.md` §5)."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Outcome, Verdict

LIVE, COOL_DOWN = "live_entry", "cool_down"


def live_entry(facts: Facts) -> Verdict:
    found = facts.book.live(facts.key) if facts.held else None
    if found is None:
        return of_offer(facts, _none_live)
    reading = Reading(1, 0, "entries", f"{found.signal_id} is live")
    return receipt(LIVE, Outcome.BLOCKED, reading, facts.opportunity.opportunity_id, found.signal_id)


def _none_live(facts: Facts) -> Verdict:
    return receipt(LIVE, Outcome.PASSED, Reading(0, 0, "entries"), facts.opportunity.opportunity_id, "")


def cool_down(facts: Facts) -> Verdict:
    """Minutes since the key's last entry ended; None when it never had one."""
    ended = facts.book.closed.get(str(facts.key)) if facts.book.closed else None
    if ended is None:
        return of_offer(facts, _never_ended)
    limit = float(facts.tenant.desk.policy.exits.cool_down_minutes)
    since = round((facts.tenant.as_of.decided_at - ended.ended_at).total_seconds() / 60, 6)
    reading = Reading(since, limit, "minutes")
    return receipt(COOL_DOWN, passes(since >= limit), reading, facts.opportunity.opportunity_id, since, limit)


def _never_ended(facts: Facts) -> Verdict:
    limit = float(facts.tenant.desk.policy.exits.cool_down_minutes)
    reading = Reading(None, limit, "minutes")
    return receipt(COOL_DOWN, Outcome.PASSED, reading, facts.opportunity.opportunity_id, None, limit)
