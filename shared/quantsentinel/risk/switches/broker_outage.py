"""The broker or the source of the chain does not answer; 5 clean minutes of polls re-arm it (`app.market_watch`)."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.risk.switches.kill import pulled
from quantsentinel.risk.switches.scopes import broker_scopes
from quantsentinel.verdict import Verdict


def broker_outage(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _judged)


def _judged(facts: TenantFacts) -> Verdict:
    return pulled(facts, "broker_outage", *broker_scopes(facts.view, facts.desk))
