"""Three failures of real feeds, laid into a simulated day so that the demo shows what the firewall does with them.

From `conventions.md` §1: a chain of zeros with "success", another instrument's prices, a feed that repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from quantsentinel.market.snapshot import Snapshot

FOREIGN_SCALE = 2.2
"""BANKNIFTY's level over NIFTY's: what prices look like when two instruments are mixed up."""


def zeroed(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """Every quote, size and last price is zero."""
    return replace(snapshot, columns={name: np.zeros_like(column) for name, column in snapshot.columns.items()})


def foreign(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """Bid, ask and last prices of another instrument under this one's strikes."""
    scale = {name: FOREIGN_SCALE if name in ("bid", "ask", "ltp") else 1.0 for name in snapshot.columns}
    columns = {name: np.round(column * scale[name], 2) for name, column in snapshot.columns.items()}
    return replace(snapshot, columns=columns)


def repeated(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """The values and exchange times of the snapshot before, received again."""
    receipts = {part.expiry: part.received_at for part in snapshot.slices}
    slices = tuple(replace(part, received_at=receipts.get(part.expiry, part.received_at)) for part in before.slices)
    return replace(before, slices=slices)


FAULTS: tuple[Callable[[Snapshot, Snapshot], Snapshot], ...] = (zeroed, foreign, repeated)


def spoilt(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """One snapshot of each fault, spread evenly over the day; fewer where the day is too short."""
    spoiled = list(snapshots)
    for number, fault in enumerate(FAULTS, 1):
        at = number * len(spoiled) // (len(FAULTS) + 1)
        if at > 0:
            spoiled[at] = fault(spoiled[at], snapshots[at - 1])
    return tuple(spoiled)
