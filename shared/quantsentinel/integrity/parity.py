"""Near-the-money calls and puts agree on the forward, within spread and the index's move in 60 s."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("parity", 2, "share")
MAX_SHARE = 0.20


def parity(case: Inspection) -> Finding:
    """Share of two-sided near-the-money pairs off parity (`definitions.md` §3); unknown without such a pair."""
    if case.snapshot.capability == "ltp_only":
        return GUARD.masks(None, MAX_SHARE, "last prices of a call and its put are not simultaneous: not judged")
    share = case.quotes.parity_breaches
    if share is None:
        return GUARD.unknown(MAX_SHARE, "no two-sided near-the-money pair")
    rows = int(np.count_nonzero(case.quotes.flags["parity"]))
    tolerance = f"spread + {case.quotes.tolerance:.2f} points"
    if share > MAX_SHARE:
        return GUARD.refuses(share, MAX_SHARE, f"near-the-money pairs off parity by more than {tolerance}", rows)
    if rows:
        return GUARD.masks(share, MAX_SHARE, f"rows off parity by more than {tolerance} are not used", rows)
    return GUARD.passed(share, MAX_SHARE)
