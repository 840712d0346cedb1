"""No entry while the assumed and the confirmed book have disagreed for more than a session (`definitions.md` §5)."""

from __future__ import annotations

from quantsentinel.errors import RuleGap
from quantsentinel.portfolio.reconcile import overdue
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Outcome, Verdict

NAME = "reconciled"


def reconciled(facts: Facts) -> Verdict:
    """Measured is the number of positions the books have disagreed about for too long; none may be."""
    tenant, open_since = facts.tenant, facts.tenant.book.unreconciled
    if not open_since:
        return of_cycle(tenant, _agreed)
    try:
        late = overdue(tenant.book, tenant.desk, tenant.as_of.decided_at)
    except RuleGap as gap:
        reading = Reading(None, 0, "positions", str(gap))
        return receipt(NAME, Outcome.UNKNOWN, reading, sorted(open_since))
    detail = f"say taken, skipped or closed of {', '.join(late)}" if late else ""
    return receipt(NAME, passes(not late), Reading(len(late), 0, "positions", detail), late)


def _agreed(_: TenantFacts) -> Verdict:
    return receipt(NAME, Outcome.PASSED, Reading(0, 0, "positions"), ())
