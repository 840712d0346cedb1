"""A paused tenant gets no entries; its open positions are still marked and closed."""

from __future__ import annotations

from quantsentinel.accounts.account import Status
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.verdict import Verdict

NAME = "tenant_paused"


def tenant_paused(facts: TenantFacts) -> Verdict:
    status = facts.account.status
    reading = Reading(status.value, Status.ACTIVE.value, "status")
    return receipt(facts.stamp, NAME, passes(status is Status.ACTIVE), reading, status.value)
