"""Wall 3, policy: how much of one thing a tenant may hold, after this trade.

Shares are of the declared capital. An unbounded loss is not a number: measured is None and it blocks.
"""

from __future__ import annotations

from decimal import Decimal

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Outcome, Verdict

TRADE, DAY, POSITIONS = "policy.trade_loss", "policy.day_loss", "policy.positions"
CHECKS = (TRADE, DAY, POSITIONS)


def policy(facts: Facts) -> tuple[Verdict, ...]:
    """One verdict for each of `CHECKS`, in that order."""
    loss, budget = facts.terms.max_loss, facts.budget
    return (
        _within(facts, TRADE, loss, budget.trade_loss),
        _within(facts, DAY, None if loss is None else budget.day_spent + loss, budget.day_loss),
        _positions(facts),
    )


def _within(facts: Facts, name: str, loss: Decimal | None, limit: Decimal) -> Verdict:
    if loss is None:
        reading = Reading(None, float(limit), "INR", "the loss is unbounded")
        return receipt(facts.tenant.stamp, name, Outcome.BLOCKED, reading, None, limit)
    reading = Reading(float(loss), float(limit), "INR", f"at {facts.terms.lots} lots")
    return receipt(facts.tenant.stamp, name, passes(loss <= limit), reading, loss, limit, facts.terms.lots)


def _positions(facts: Facts) -> Verdict:
    """Open positions, this one included, over all underlyings."""
    after, limit = len(facts.book.positions) + 1, facts.tenant.account.limits.max_positions
    reading = Reading(after, limit, "positions")
    return receipt(facts.tenant.stamp, POSITIONS, passes(after <= limit), reading, after, limit)
