"""An underlying whose chains are wrong: pulled by the poller on repeated quarantines, by the watch over changed
definitions, or by hand. 15 clean minutes re-arm the poller's (`app.market_watch`), a person the others."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.risk.switches.kill import pulled
from quantsentinel.verdict import Verdict


def symbol_anomaly(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _judged)


def _judged(facts: TenantFacts) -> Verdict:
    return pulled(facts, "symbol_anomaly", f"symbol:{facts.view.underlying}")
