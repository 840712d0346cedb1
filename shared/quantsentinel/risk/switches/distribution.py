"""The declared distribution mode is enforced (`conventions.md` §6): paper limits, `registered` needs its number."""

from __future__ import annotations

from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.verdict import Outcome, Verdict

NAME = "distribution"
MODES = "own_account, paper or registered with its number"


def distribution(facts: TenantFacts) -> Verdict:
    mode, number = facts.account.distribution_mode, facts.account.registration
    reading = Reading(mode, MODES, "mode")
    return receipt(facts.stamp, NAME, _outcome(mode, number), reading, mode, number)


def _outcome(mode: str, number: str) -> Outcome:
    if mode == "own_account":
        return Outcome.PASSED
    if mode == "paper":
        return Outcome.LIMITED
    if mode == "registered":
        return Outcome.PASSED if number else Outcome.BLOCKED
    return Outcome.UNKNOWN
