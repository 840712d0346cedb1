"""Time does not run backwards between accepted snapshots."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("monotone_time", 1, "s")


def monotone_time(case: Inspection) -> Finding:
    """Seconds that the observation and the receipt lie after the previous accepted snapshot's: never negative."""
    previous = case.context.previous
    if previous is None:
        return GUARD.passed(None, 0.0, "no accepted snapshot before it")
    observed = (case.snapshot.observed_at - previous.observed_at).total_seconds()
    received = (case.snapshot.received_at - previous.received_at).total_seconds()
    if min(observed, received) < 0:
        what = "observed" if observed < 0 else "received"
        return GUARD.refuses(min(observed, received), 0.0, f"{what} before the previous accepted snapshot")
    return GUARD.passed(observed, 0.0)
