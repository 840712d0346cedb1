"""Wall 1, regime: which structures the market's regime allows. An unknown regime allows none."""

from __future__ import annotations

from functools import lru_cache

from quantsentinel.features.regime import Regime
from quantsentinel.portfolio.sizing import Rung
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Outcome, Verdict

STRUCTURE = "regime.structure"
CHECKS = (STRUCTURE,)
UNIT = "structure in a regime"


def regime(facts: Facts) -> tuple[Verdict, ...]:
    """Measured is the structure, the limit the regime whose list it has to be on."""
    return (of_offer(facts, _judged),)


def _judged(facts: Facts) -> Verdict:
    market, family = facts.tenant.view.regime, facts.opportunity.family
    name = market.name
    allowed = None if name is None else facts.tenant.desk.policy.regime.allowed.get(name)
    if name is None or allowed is None:
        reading = Reading(family.value, name, UNIT, f"the regime is not known: {market.reason or name}")
        return receipt(STRUCTURE, Outcome.UNKNOWN, reading, family.value, name, market.reason)
    listed = family in allowed
    reading = Reading(family.value, name, UNIT, _said(market))
    return receipt(STRUCTURE, passes(listed), reading, family.value, name, listed)


def regime_rung(facts: TenantFacts) -> Rung:
    """The regime's step on the sizing ladder; an unknown one takes the whole size."""
    name = facts.view.regime.name
    percent = None if name is None else facts.desk.policy.regime.size_percent.get(name)
    if name is None or percent is None:
        return Rung("regime", 0, f"the regime is not known: {facts.view.regime.reason or name}")
    return Rung("regime", percent, name.replace("_", ", "))


@lru_cache(maxsize=64)
def _said(market: Regime) -> str:
    strain = ", options far from it" if market.strained else ""
    return f"forecast vol {market.forecast_vol:.1%}{strain}, trend {market.trend_sds:.1f} deviations"
