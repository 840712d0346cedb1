"""Wall 6, cost: the hard rules again at the sized lots (brokerage by freeze slices and depth impact are not linear)."""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

EV, RATIO = "cost.net_ev", "cost.ratio"
CHECKS = (EV, RATIO)


def cost(facts: Facts) -> tuple[Verdict, ...]:
    return _net_ev(facts), _ratio(facts)


def _net_ev(facts: Facts) -> Verdict:
    """Net EV at the sized lots as a share of the stressed loss (the fourth hard rule); it must be positive too."""
    terms, limit = facts.terms, facts.tenant.desk.policy.hard_rules.min_net_ev_of_stressed_loss
    share = terms.net_ev_of_stressed_loss
    holds = terms.net_ev > Decimal(0) and (share is None or share >= limit)
    reading = Reading(share, limit, "of stressed loss", f"net EV {terms.net_ev} INR at {terms.lots} lots")
    return receipt(facts.tenant.stamp, EV, passes(holds), reading, terms.net_ev, share, limit)


def _ratio(facts: Facts) -> Verdict:
    """Frictions over gross edge at the sized lots; no gross edge, no ratio, no entry."""
    ratio, limit = facts.terms.cost_ratio, facts.tenant.desk.policy.hard_rules.max_cost_ratio
    reading = Reading(ratio, limit, "of gross edge", f"at {facts.terms.lots} lots")
    return receipt(facts.tenant.stamp, RATIO, passes(ratio is not None and ratio <= limit), reading, ratio, limit)
