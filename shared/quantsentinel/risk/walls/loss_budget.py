"""Maximum loss of a trade, and of all entries of a day, as shares of the declared capital.

An unbounded loss is not a number: measured is None and it blocks.
"""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.verdict import Outcome, Verdict

TRADE, DAY = "trade_loss", "day_loss"


def trade_loss(facts: Facts) -> Verdict:
    return _within(facts, TRADE, facts.terms.max_loss, facts.budget.trade_loss)


def day_loss(facts: Facts) -> Verdict:
    loss = facts.terms.max_loss
    after = None if loss is None else facts.budget.day_spent + loss
    return _within(facts, DAY, after, facts.budget.day_loss)


def _within(facts: Facts, name: str, loss: Decimal | None, limit: Decimal) -> Verdict:
    if loss is None:
        reading = Reading(None, float(limit), "INR", "the loss is unbounded")
        return receipt(facts.tenant.stamp, name, Outcome.BLOCKED, reading, None, limit)
    outcome = Outcome.PASSED if loss <= limit else Outcome.BLOCKED
    reading = Reading(float(loss), float(limit), "INR", f"at {facts.terms.lots} lots")
    return receipt(facts.tenant.stamp, name, outcome, reading, loss, limit, facts.terms.lots)
