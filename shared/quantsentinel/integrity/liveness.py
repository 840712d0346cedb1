"""A source without an exchange clock must show that it is alive (`definitions.md` §1)."""

from __future__ import annotations

import numpy as np

from quantsentinel.errors import RuleGap
from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Snapshot

GUARD = Guard("liveness", 1, "changes")
MIN_CHANGES = 3
WINDOW_S = 60.0
COLUMNS = ("bid", "ask", "bid_size", "ask_size", "volume", "oi")


def liveness(case: Inspection) -> Finding:
    """Near-the-money quotes, volume or open interest that changed within the last 60 s of session time: at least 3.

    Compared with the newest snapshot seen before. Unknown without one, or when it is older than 60 s of session time:
    then nothing proves that the source moved within that time. Sources without quotes serve analytics only and are
    limited, not refused.
    """
    context = case.context
    if context.contract.clock == "exchange":
        return GUARD.passed(None, MIN_CHANGES, "the exchange's clock proves it")
    if case.snapshot.capability == "ltp_only":
        return GUARD.masks(None, MIN_CHANGES, "last prices prove no life: analytics only")
    earlier = context.last_seen or context.previous
    if earlier is None:
        return GUARD.unknown(MIN_CHANGES, "nothing seen before it to compare with")
    try:
        apart = _session_seconds(case, earlier)
    except RuleGap as gap:
        return GUARD.unknown(MIN_CHANGES, str(gap))
    if apart > WINDOW_S:
        detail = f"the snapshot before it is {apart:.0f} s of session time old, more than {WINDOW_S:.0f} s"
        return GUARD.unknown(MIN_CHANGES, detail)
    changes = _changes(case, earlier)
    if changes < MIN_CHANGES:
        return GUARD.refuses(changes, MIN_CHANGES, f"too few near-the-money values changed in {apart:.0f} s")
    return GUARD.passed(changes, MIN_CHANGES)


def _session_seconds(case: Inspection, earlier: Snapshot) -> float:
    start, end = earlier.received_at, case.snapshot.received_at
    days = (start.astimezone(IST).date(), end.astimezone(IST).date())
    return 60.0 * sum(session.minutes_between(start, end) for session in case.context.rules.sessions(*days))


def _changes(case: Inspection, earlier: Snapshot) -> int:
    """Near-the-money rows of which any compared value differs from the earlier snapshot."""
    snapshot, changes = case.snapshot, 0
    for index, expiry in enumerate(snapshot.expiries):
        if expiry not in earlier.expiries:
            continue
        now, before = snapshot.chain(index), earlier.chain(earlier.expiries.index(expiry))
        low, high = int(snapshot.offsets[index]), int(snapshot.offsets[index + 1])
        _, mine, theirs = np.intersect1d(now.strike, before.strike, return_indices=True)
        near = case.quotes.near[low:high:2][mine]
        for side in ("call", "put"):
            left, right = getattr(now, side), getattr(before, side)
            moved = np.logical_or.reduce([left[name][mine] != right[name][theirs] for name in COLUMNS])
            changes += int(np.count_nonzero(moved & near))
    return changes
