"""Wall 4, margin: after the trade the buffer stays free, funds blocked by all positions ≤ equity / (1 + buffer)."""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

BUFFER = "margin.buffer"
CHECKS = (BUFFER,)


def margin(facts: Facts) -> tuple[Verdict, ...]:
    """Measured is what this trade and the running book block, in rupees: an estimate (`definitions.md` §6)."""
    after, limit = facts.budget.margin_used + facts.terms.funds, facts.budget.margin
    positive = facts.terms.funds > Decimal(0)
    reading = Reading(float(after), float(limit), "INR", f"at {facts.terms.lots} lots, estimate")
    return (receipt(facts.tenant.stamp, BUFFER, passes(positive and after <= limit), reading, after, limit),)
