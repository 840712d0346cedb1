"""One live entry per (tenant, underlying, expiry, family), and a cool-down after it ends (`definitions.md` §5)."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

LIVE, COOL_DOWN = "live_entry", "cool_down"


def live_entry(facts: Facts) -> Verdict:
    found = facts.book.live(facts.key)
    reading = Reading(1 if found else 0, 0, "entries", f"{found.signal_id} is live" if found else "")
    signal = found.signal_id if found else ""
    return receipt(facts.tenant.stamp, LIVE, passes(found is None), reading, facts.opportunity.opportunity_id, signal)


def cool_down(facts: Facts) -> Verdict:
    """Minutes since the key's last entry ended; None when it never had one."""
    ended = facts.book.closed.get(str(facts.key))
    limit = float(facts.tenant.desk.policy.exits.cool_down_minutes)
    since = None if ended is None else round((facts.tenant.as_of.decided_at - ended.ended_at).total_seconds() / 60, 6)
    reading = Reading(since, limit, "minutes")
    outcome = passes(since is None or since >= limit)
    return receipt(facts.tenant.stamp, COOL_DOWN, outcome, reading, facts.opportunity.opportunity_id, since, limit)
