"""The exchange's time lies shortly before the receipt, within what the source's contract promises."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.quotes import MAX_SLICE_AGE_S, lag_s
from quantsentinel.market.contracts import MIN_LAG_S
from quantsentinel.market.snapshot import Slice, Snapshot

GUARD = Guard("lag", 1, "s")


def lag(case: Inspection) -> Finding:
    """Judged on the nearest expiry: other slices that are late are masked, so one slow far expiry costs itself only."""
    contract = case.context.contract
    masked = int(case.quotes.flags["stale_slice"].sum())
    if contract.clock == "receipt":
        detail = f"{contract.source} has no exchange clock (clock: receipt)"
        if masked:
            return GUARD.masks(None, contract.max_lag_s, f"{detail}; slices received late are not used", masked)
        return GUARD.passed(None, contract.max_lag_s, detail)
    nearest = _nearest_recent(case.snapshot)
    seconds = lag_s(nearest)
    if seconds is None:
        return GUARD.unknown(contract.max_lag_s, f"expiry {nearest.expiry} carries no exchange time")
    if seconds > contract.max_lag_s:
        return GUARD.refuses(seconds, contract.max_lag_s, f"exchange time of {nearest.expiry} is too far behind")
    if seconds < MIN_LAG_S:
        return GUARD.refuses(seconds, MIN_LAG_S, f"exchange time of {nearest.expiry} lies in the future")
    if masked:
        return GUARD.masks(seconds, contract.max_lag_s, "late slices are not used", masked)
    return GUARD.passed(seconds, contract.max_lag_s)


def _nearest_recent(snapshot: Snapshot) -> Slice:
    """The nearest expiry that came with this poll; a poll plan brings far ones less often."""
    newest = snapshot.received_at
    recent = (part for part in snapshot.slices if (newest - part.received_at).total_seconds() <= MAX_SLICE_AGE_S)
    return next(recent)
