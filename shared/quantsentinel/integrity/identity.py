"""The chain is the one that was asked for, and none of its expiries has passed."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.calendar import IST

GUARD = Guard("identity", 1, "underlying")


def identity(case: Inspection) -> Finding:
    """Refuses another underlying, another source than the contract's, or an expired series."""
    snapshot, context = case.snapshot, case.context
    if snapshot.underlying != context.underlying:
        return GUARD.refuses(snapshot.underlying, context.underlying, "the chain belongs to another underlying")
    if snapshot.source != context.contract.source:
        detail = f"the chain comes from {snapshot.source}, judged by the contract of {context.contract.source}"
        return GUARD.refuses(snapshot.underlying, context.underlying, detail)
    today = context.decided_at.astimezone(IST).date()
    expired = [expiry for expiry in snapshot.expiries if expiry < today]
    if expired:
        detail = f"expiry {min(expired)} lies before {today}"
        return GUARD.refuses(snapshot.underlying, context.underlying, detail)
    return GUARD.passed(snapshot.underlying, context.underlying)
