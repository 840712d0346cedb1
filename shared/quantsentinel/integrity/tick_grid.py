"""Bids and asks lie on the exchange's price steps."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.row_flaws import tick_pts
from quantsentinel.integrity.share import MAX_SHARE, judge_share

GUARD = Guard("tick_grid", 1, "share")


def tick_grid(case: Inspection) -> Finding:
    """Masks prices between two ticks; refuses above 2 % of the quoted rows. Unknown without a tick row for the day."""
    if tick_pts(case.snapshot, case.context.rules) is None:
        return GUARD.unknown(MAX_SHARE, f"no usable tick row for {case.snapshot.underlying} on the day")
    return judge_share(case, GUARD, "off_tick", "prices off the tick grid")
