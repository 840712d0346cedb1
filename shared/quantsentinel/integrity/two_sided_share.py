"""Enough of the near-the-money quotes have a bid and an ask."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from quantsentinel.errors import RuleGap
from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook

GUARD = Guard("two_sided_share", 1, "share")
MIN_SHARE = 0.8
"""On 2025-08-29 it is 1.0 in every snapshot of NIFTY and BANKNIFTY."""
NEAR_EXPIRY = timedelta(days=45)


def two_sided_share(case: Inspection) -> Finding:
    """Two-sided near-the-money rows of the expiries within 45 days (the nearest, if later) that still trade and are not
    settling yet: in its last half hour an expiring series is what nobody quotes twice, and gives no entries anyway."""
    snapshot = case.snapshot
    if snapshot.capability == "ltp_only":
        return GUARD.masks(None, MIN_SHARE, "the source carries last prices only: analytics, no entries", len(snapshot))
    judged = case.quotes.near & np.repeat(_near_expiries(case), np.diff(snapshot.offsets))
    rows = int(np.count_nonzero(judged))
    if not rows:
        return GUARD.refuses(0.0, MIN_SHARE, "no near-the-money row can be found")
    two_sided = (snapshot.bid > 0) & (snapshot.ask > 0) & judged
    share = float(np.count_nonzero(two_sided) / rows)
    if share < MIN_SHARE:
        return GUARD.refuses(share, MIN_SHARE, f"{rows} near-the-money rows, too few with bid and ask")
    return GUARD.passed(share, MIN_SHARE)


def _near_expiries(case: Inspection) -> list[bool]:
    snapshot, now = case.snapshot, case.snapshot.received_at
    ends = [_quoted_until(case.context.rules, snapshot.underlying, expiry) for expiry in snapshot.expiries]
    trading = [end is not None and now < end for end in ends]
    last = now.astimezone(IST).date() + NEAR_EXPIRY
    near = [on and expiry <= last for on, expiry in zip(trading, snapshot.expiries, strict=True)]
    if not any(near) and any(trading):
        near[trading.index(True)] = True
    return near


@lru_cache(maxsize=512)
def _quoted_until(rules: RuleBook, underlying: str, expiry: date) -> datetime | None:
    """While it trades and is not settling yet; None without rule rows."""
    try:
        return min(rules.last_trade(underlying, expiry), rules.settlement(underlying, expiry).window_start)
    except RuleGap:
        return None
