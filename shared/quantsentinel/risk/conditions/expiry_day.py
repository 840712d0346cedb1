"""No premium-collecting entry on a contract's expiry day unless the tenant opted in (`definitions.md` §3)."""

from __future__ import annotations

from datetime import date

from quantsentinel.market.calendar import IST
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Verdict

NAME = "expiry_day_premium"


def expiry_day_premium(facts: Facts) -> Verdict:
    """The same for all tenants that opted in, and for all others."""
    return of_offer(facts, _opted_in if facts.tenant.account.expiry_day_premium else _not_opted_in)


def _opted_in(facts: Facts) -> Verdict:
    return _judged(facts.opportunity, facts.tenant.view.session, opted_in=True)


def _not_opted_in(facts: Facts) -> Verdict:
    return _judged(facts.opportunity, facts.tenant.view.session, opted_in=False)


def _judged(opportunity: Opportunity, session: date, *, opted_in: bool) -> Verdict:
    """The time stop lies on the day the contract really ends, wherever holidays moved it."""
    ends_today = opportunity.time_stop.astimezone(IST).date() == session
    collects = min(opportunity.executable, opportunity.entry_zone[1]) < 0
    detail = "the tenant opted in" if opted_in else ""
    reading = Reading("expiry day" if ends_today else "earlier", "any day" if opted_in else "earlier", "day", detail)
    holds = opted_in or not (ends_today and collects)
    return receipt(NAME, passes(holds), reading, ends_today, collects, opted_in)
