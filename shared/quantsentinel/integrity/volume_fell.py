"""Volume of the session only grows: where it fell, the numbers are of another time, strike, expiry or vendor."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.since_previous import FELL_SHARE

GUARD = Guard("volume_fell", 1, "share")
MIN_ROWS = 5


def volume_fell(case: Inspection) -> Finding:
    """Of the rows whose volume changed since the accepted snapshot before, those where it fell: above 20 % refuses.

    Fewer are masked, with all of an expiry where it holds for a fifth of it (14 of 670,000 rows fell on 2025-08-29).
    """
    since = case.since
    if since is None:
        return GUARD.passed(None, FELL_SHARE, "no accepted snapshot before it")
    share = since.fell_rows / max(since.traded_rows, 1)
    rows = int(np.count_nonzero(case.quotes.flags["volume_fell"]))
    detail = f"traded volume fell in {since.fell_rows} of {since.traded_rows} rows"
    if since.fell_rows >= MIN_ROWS and share > FELL_SHARE:
        return GUARD.refuses(share, FELL_SHARE, detail, rows)
    if rows:
        return GUARD.masks(share, FELL_SHARE, f"{detail}: {rows} rows are not used", rows)
    return GUARD.passed(share, FELL_SHARE)
