"""What tests of the firewall ask of its answers."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.firewall import Firewall
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.verdict import Verdict
from tests.chains import changed, rules


def verdict(firewall: Firewall, guard: str) -> Verdict:
    return next(item for item in firewall.verdicts if item.guard == guard)


def masked_rows(firewall: Firewall) -> list[int]:
    return [int(row) for row in np.flatnonzero(~firewall.mask)]


def near_rows(snapshot: Snapshot) -> list[int]:
    """Rows near the money of the first expiry."""
    rows = np.flatnonzero(quote_mask(snapshot, rules()).near)
    return [int(row) for row in rows[rows < snapshot.offsets[1]]]


def moved(snapshot: Snapshot, points: dict[int, float]) -> Snapshot:
    """Bid and ask of single rows moved by points."""
    bid = {row: round(float(snapshot.bid[row]) + by, 2) for row, by in points.items()}
    ask = {row: round(float(snapshot.ask[row]) + by, 2) for row, by in points.items()}
    return changed(snapshot, bid=bid, ask=ask)
