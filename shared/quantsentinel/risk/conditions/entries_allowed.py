"""The market pass allows entries from this view at all (history is known, quotes are two-sided)."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Verdict

NAME = "entries_allowed"


def entries_allowed(facts: Facts) -> Verdict:
    return of_offer(facts, _judged)


def _judged(facts: Facts) -> Verdict:
    reason = facts.tenant.view.entries_refused
    return receipt(NAME, passes(not reason), Reading(reason or "yes", "yes", "reason"), reason)
