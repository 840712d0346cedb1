"""There is still time to enter before the entry's validity or the package's time stop ends."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_offer
from quantsentinel.verdict import Verdict

NAME = "entry_window"
MIN_MINUTES = 1.0


def entry_window(facts: Facts) -> Verdict:
    return of_offer(facts, _judged)


def _judged(facts: Facts) -> Verdict:
    end = min(facts.opportunity.valid_until, facts.opportunity.time_stop)
    left = round((end - facts.tenant.as_of.decided_at).total_seconds() / 60, 6)
    reading = Reading(left, MIN_MINUTES, "minutes")
    return receipt(NAME, passes(left >= MIN_MINUTES), reading, left, MIN_MINUTES)
