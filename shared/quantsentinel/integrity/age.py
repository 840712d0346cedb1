"""The snapshot was received not long before the decision (`definitions.md` §1)."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.contracts import MIN_LAG_S

GUARD = Guard("age", 1, "s")
MAX_AGE_S = 60.0


def age(case: Inspection) -> Finding:
    """Decision time minus receipt; refuses more than 60 s, or a receipt more than 5 s in the future."""
    seconds = (case.context.decided_at - case.snapshot.received_at).total_seconds()
    if seconds > MAX_AGE_S:
        return GUARD.refuses(seconds, MAX_AGE_S, "the snapshot is too old")
    if seconds < MIN_LAG_S:
        return GUARD.refuses(seconds, MIN_LAG_S, "the snapshot was received after the decision: a clock is wrong")
    return GUARD.passed(seconds, MAX_AGE_S)
