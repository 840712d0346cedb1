"""Wall 7, tail hedge: what can lose without bound is blocked until a hedge bounds the composite, which is then judged.

`bounded` reads the payoff itself beside the priced maximum loss; `adequate` asks that the composite's loss in a gap and
in the tail, at the adverse end of what the quotes allow, stays within the policy's multiple of the trade's loss budget.
"""

from __future__ import annotations

from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.tail_loss import tail_loss
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at, at_most, known, receipt
from quantsentinel.risk.shared_verdicts import at_lots, of_offer
from quantsentinel.verdict import Outcome, Verdict

BOUNDED, ADEQUATE = "tail_hedge.bounded", "tail_hedge.adequate"
CHECKS = (BOUNDED, ADEQUATE)


def tail_hedge(facts: Facts) -> tuple[Verdict, ...]:
    return at_lots(facts, _bounded), adequate(facts)


def _bounded(facts: Facts) -> Verdict:
    """Measured is the maximum loss in rupees; None when there is none."""
    loss, naked = facts.terms.max_loss, _naked_calls(facts.opportunity)
    if loss is None or naked > 0:
        detail = f"{naked} sold calls without a bought one; no hedge bounds it" if naked > 0 else "no hedge bounds it"
        reading = Reading(None, "bounded", "INR", detail)
        return receipt(BOUNDED, Outcome.BLOCKED, reading, loss, naked)
    if not known(loss):
        return receipt(BOUNDED, Outcome.UNKNOWN, Reading(None, "bounded", "INR"), None, naked)
    reading = Reading(float(loss), "bounded", "INR", _hedge(facts.opportunity))
    return receipt(BOUNDED, Outcome.PASSED, reading, loss, naked)


def adequate(facts: Facts) -> Verdict:
    """The worst of the gap valued at once, the adverse shortfall and the priced stressed loss, at the sized lots."""
    terms, budget, charges = facts.terms, facts.budget.trade_loss, facts.terms.entry_charges
    multiple = facts.tenant.desk.policy.walls.max_tail_of_trade_loss
    limit = float(budget) * multiple if known(budget, multiple) else None
    points = of_offer(facts, _worst)
    units = terms.lots * terms.lot
    loss = None if points is None or not known(charges) else points * units + float(charges)
    reading = (loss, limit, "INR", f"{at(terms.lots)}, in a gap or in the tail")
    return at_most(ADEQUATE, reading, points, units, charges)


def _worst(facts: Facts) -> float | None:
    """Points per unit; the same for every tenant."""
    return tail_loss(facts.opportunity, facts.tenant.view, facts.tenant.desk).worst


def _naked_calls(offer: Opportunity) -> int:
    """Sold calls that no bought one covers: beyond the last strike they lose point for point."""
    return max(-sum(leg.signed for leg in offer.package.legs if leg.instrument.is_call), 0)


def _hedge(offer: Opportunity) -> str:
    """The bought legs of a package that also sells."""
    legs = offer.package.legs
    if all(leg.side > 0 for leg in legs):
        return "nothing is sold"
    bought = [f"{leg.instrument.strike:g} {leg.instrument.right}" for leg in legs if leg.side > 0]
    return f"hedged by {', '.join(bought)}" if bought else "nothing is bought"
