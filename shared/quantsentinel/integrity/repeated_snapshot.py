"""The snapshot tells something new."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.snapshot import VALUE_COLUMNS, Snapshot

GUARD = Guard("repeated_snapshot", 1, "s")


def repeated_snapshot(case: Inspection) -> Finding:
    """Refuses the exchange time of the previous accepted snapshot, or the same values under any time."""
    snapshot, previous = case.snapshot, case.context.previous
    if previous is None:
        return GUARD.passed(None, 0.0, "no accepted snapshot before it")
    ahead = (snapshot.observed_at - previous.observed_at).total_seconds()
    if case.context.contract.clock == "exchange" and ahead == 0:
        return GUARD.refuses(ahead, 0.0, f"exchange time {snapshot.observed_at.isoformat()} was accepted before")
    if _same_values(snapshot, previous):
        return GUARD.refuses(ahead, 0.0, "every value equals the previous accepted snapshot's")
    return GUARD.passed(ahead, 0.0)


def _same_values(snapshot: Snapshot, previous: Snapshot) -> bool:
    if snapshot.expiries != previous.expiries or not np.array_equal(snapshot.strike, previous.strike):
        return False
    return all(np.array_equal(snapshot.columns[name], previous.columns[name]) for name in VALUE_COLUMNS)
