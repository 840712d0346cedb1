"""A paused tenant gets no entries; its open positions are still marked and closed."""

from __future__ import annotations

from functools import partial

from quantsentinel.accounts.account import Status
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, passes, receipt
from quantsentinel.risk.shared_verdicts import of_cycle
from quantsentinel.verdict import Verdict

NAME = "tenant_paused"


def tenant_paused(facts: TenantFacts) -> Verdict:
    return of_cycle(facts, _ASKED[facts.account.status])


def _of(status: Status, facts: TenantFacts) -> Verdict:
    reading = Reading(status.value, Status.ACTIVE.value, "status")
    return receipt(NAME, passes(status is Status.ACTIVE), reading, status.value)


_ASKED = {status: partial(_of, status) for status in Status}
"""The same for all tenants of a status."""
