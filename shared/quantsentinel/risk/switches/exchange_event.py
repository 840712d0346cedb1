"""A halt, an outage or a regional event at the exchange that trades the underlying; a person acknowledges it."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.risk.switches.kill import pulled
from quantsentinel.risk.switches.scopes import exchange_of
from quantsentinel.verdict import Outcome, Verdict

NAME = "exchange_event"


def exchange_event(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _judged)


def _judged(facts: TenantFacts) -> Verdict:
    exchange = exchange_of(facts.view, facts.desk)
    if not exchange:
        reading = Reading(None, "off", "switch", f"no rule row says where {facts.view.underlying} is traded")
        return receipt(NAME, Outcome.UNKNOWN, reading, facts.view.underlying)
    return pulled(facts, NAME, f"exchange:{exchange}")
