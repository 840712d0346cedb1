"""No premium-collecting entry on a contract's expiry day unless the tenant opted in (`definitions.md` §3)."""

from __future__ import annotations

from quantsentinel.market.calendar import IST
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

NAME = "expiry_day_premium"


def expiry_day_premium(facts: Facts) -> Verdict:
    """The time stop lies on the day the contract really ends, wherever holidays moved it."""
    opportunity, opted_in = facts.opportunity, facts.tenant.account.expiry_day_premium
    ends_today = opportunity.time_stop.astimezone(IST).date() == facts.tenant.view.session
    collects = min(opportunity.executable, opportunity.entry_zone[1]) < 0
    detail = "the tenant opted in" if opted_in else ""
    reading = Reading("expiry day" if ends_today else "earlier", "any day" if opted_in else "earlier", "day", detail)
    holds = opted_in or not (ends_today and collects)
    return receipt(facts.tenant.stamp, NAME, passes(holds), reading, ends_today, collects, opted_in)
