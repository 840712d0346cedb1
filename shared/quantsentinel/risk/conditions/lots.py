"""At least one lot is left after every bound and the tenant's knob."""

from __future__ import annotations

from quantsentinel.risk.facts import Facts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

NAME = "sizing"


def sizing(facts: Facts) -> Verdict:
    found = facts.sizing
    reading = Reading(found.lots, 1, "lots", f"bound by {found.binding}")
    return receipt(NAME, passes(found.lots >= 1), reading, found.lots, found.binding, found.knob)
