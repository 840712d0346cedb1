"""Sizes are whole lots of the rule book's lot for the contract and the day (`definitions.md` §2)."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.row_flaws import carries_sizes, lots
from quantsentinel.integrity.share import MAX_SHARE, judge_share

GUARD = Guard("lot_mismatch", 1, "share")
MIN_SQUARES = 20


def lot_mismatch(case: Inspection) -> Finding:
    """Masks rows whose sizes are no multiple of the lot; refuses above 2 %, or when all are multiples of its square.

    Multiples of the square in every row mean that a size in units was taken for lots. Unknown without any lot row.
    """
    snapshot = case.snapshot
    if not carries_sizes(snapshot):
        return GUARD.passed(None, MAX_SHARE, f"{snapshot.source} prints no sizes")
    lot = lots(snapshot, case.context.rules)
    if np.isnan(lot).all():
        return GUARD.unknown(MAX_SHARE, f"no usable lot row for {snapshot.underlying} on the day")
    squares = np.array([snapshot.bid_size, snapshot.ask_size]) / np.repeat(lot, np.diff(snapshot.offsets)) ** 2
    squares = squares[(squares > 0) & np.isfinite(squares)]
    if len(squares) >= MIN_SQUARES and (squares == np.rint(squares)).all():
        return GUARD.refuses(1.0, MAX_SHARE, f"every size is a multiple of {lot[0]:g}², units were taken for lots")
    return judge_share(case, GUARD, "off_lot", "sizes that are no whole number of lots")
