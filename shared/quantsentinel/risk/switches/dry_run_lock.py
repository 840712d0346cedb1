"""The first 14 days of a tenant are paper: the lock never blocks, it limits (`definitions.md` §8)."""

from __future__ import annotations

from quantsentinel.accounts.account import DRY_RUN_LOCK
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.receipt import Reading, receipt
from quantsentinel.verdict import Outcome, Verdict

NAME = "dry_run_lock"
_DAY_S = 86_400.0


def dry_run_lock(facts: TenantFacts) -> Verdict:
    """Age of the tenant's document against the lock. A clock that runs before the creation limits too."""
    age_days = round((facts.as_of.decided_at - facts.account.created_at).total_seconds() / _DAY_S, 6)
    limit = DRY_RUN_LOCK.total_seconds() / _DAY_S
    locked = age_days < limit
    reading = Reading(age_days, limit, "days", "signals go out as paper" if locked else "")
    outcome = Outcome.LIMITED if locked else Outcome.PASSED
    return receipt(NAME, outcome, reading, age_days)
