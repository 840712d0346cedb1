"""Wall 5, correlation: of scenario P&L, not of names (`definitions.md` §8), between this trade and what is held.

Signed: what loses when the book gains is welcome. The first package has nothing to go with: it passes and measures
nothing. Over the limit of a tenant that would hold both, the trade is refused, whatever its own merit.
"""

from __future__ import annotations

from quantsentinel.portfolio.comovement import trade_correlation
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, at_most, known, receipt
from quantsentinel.verdict import Outcome, Verdict

SCENARIO = "correlation.scenario_pnl"
CHECKS = (SCENARIO,)
UNIT = "correlation of scenario P&L"


def correlation(facts: Facts) -> tuple[Verdict, ...]:
    """Measured is the largest with one held package, or with all of them together at their lots."""
    tenant, held = facts.tenant, facts.held
    limit = tenant.account.limits.max_correlation
    if not held:
        reading = Reading(None, limit, UNIT, "the only package")
        outcome = Outcome.PASSED if known(limit) else Outcome.UNKNOWN
        return (receipt(SCENARIO, outcome, reading, 0, limit),)
    found = trade_correlation(facts.opportunity, facts.terms.lots, held, tenant.view, tenant.desk)
    compared = (found.value, limit, UNIT, found.reason or found.names)
    return (at_most(SCENARIO, compared, len(held), facts.terms.lots, found.names),)
