"""The number of open positions, this one included, over all underlyings."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

NAME = "max_positions"


def max_positions(facts: Facts) -> Verdict:
    after, limit = len(facts.book.positions) + 1, facts.tenant.account.limits.max_positions
    return receipt(facts.tenant.stamp, NAME, passes(after <= limit), Reading(after, limit, "positions"), after, limit)
