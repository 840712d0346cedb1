"""The chain is not all zeros behind a "success"."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("zero_chain", 1, "rows")
MIN_PRICED_ROWS = 6
"""Three pairs: with fewer there is no forward."""


def zero_chain(case: Inspection) -> Finding:
    """Rows with a bid, an ask or a last price."""
    snapshot = case.snapshot
    priced = int(np.count_nonzero((snapshot.bid > 0) | (snapshot.ask > 0) | (snapshot.ltp > 0)))
    if priced < MIN_PRICED_ROWS:
        return GUARD.refuses(priced, MIN_PRICED_ROWS, f"{priced} of {len(snapshot)} rows carry any price")
    return GUARD.passed(priced, MIN_PRICED_ROWS)
