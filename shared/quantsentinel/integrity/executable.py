"""Vertical and butterfly spreads that could be traded at a sure profit, and which of their legs is wrong.

Executable prices only: sold at bids, bought at asks, beyond the index's move in 60 s times the largest delta of a leg
(`definitions.md` §3). The culprit is the leg that stands furthest from its neighbours' curve (`strike_curve.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.levels import Levels
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

MAX_ROUNDS = 8
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Executable:
    """(n_rows,) rows that `vertical` and `butterfly` take out of use."""

    vertical: Bools
    butterfly: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """(n,) rows by side, slice and strike; `group` tells side and slice apart."""

    row: Rows
    group: NDArray[np.int64]
    strike: Floats
    bid: Floats
    ask: Floats
    discount: Floats
    room: Floats
    is_call: Bools

    def only(self, keep: Bools) -> _Table:
        names = ("row", "group", "strike", "bid", "ask", "discount", "room", "is_call")
        return _Table(*(getattr(self, name)[keep] for name in names))


def executable(snapshot: Snapshot, level: Levels, judged: tuple[Bools, Floats, float]) -> Executable:
    """`judged`: the rows still good, their distance from their neighbours over its limit, the index's move in 60 s."""
    good, ratio, move_pts = judged
    table = _table(snapshot, level, good, move_pts)
    blame = np.where(np.isfinite(ratio), ratio, np.inf)
    wrong = {}
    for name, legs in (("vertical", _verticals), ("butterfly", _butterflies)):
        wrong[name] = np.zeros(len(snapshot), dtype=np.bool_)
        for _ in range(MAX_ROUNDS):
            found = legs(table)
            if not len(found):
                break
            culprits = found[np.arange(len(found)), np.argmax(blame[found], axis=1)]
            wrong[name][culprits] = True
            table = table.only(~wrong[name][table.row])
    return Executable(wrong["vertical"], wrong["butterfly"])


def _table(snapshot: Snapshot, level: Levels, good: Bools, move_pts: float) -> _Table:
    counts = np.diff(snapshot.offsets) // 2
    slices = np.repeat(np.arange(len(counts)), counts)
    discount = level.discount[slices]
    calls, puts = np.flatnonzero(good[0::2]), np.flatnonzero(good[1::2])
    pairs, rows = np.concatenate([calls, puts]), np.concatenate([2 * calls, 2 * puts + 1])
    is_call = np.arange(len(rows)) < len(calls)
    delta = np.where(is_call, level.delta[pairs], discount[pairs] - level.delta[pairs])
    room = np.where(np.isfinite(delta), delta, 1.0) * move_pts
    ask = np.where(snapshot.ask[rows] > 0, snapshot.ask[rows], np.inf)
    group = slices[pairs] + np.where(is_call, 0, len(counts))
    return _Table(rows, group, snapshot.strike[rows], snapshot.bid[rows], ask, discount[pairs], room, is_call)


def _verticals(table: _Table) -> Rows:
    """(n, 2) rows of neighbouring strikes: the dearer option bid under the cheaper, or apart by more than D·ΔK."""
    same = table.group[1:] == table.group[:-1]
    low, high = slice(None, -1), slice(1, None)
    room = np.maximum(table.room[low], table.room[high])
    width = table.discount[low] * (table.strike[high] - table.strike[low])
    up, down = table.bid[high] - table.ask[low], table.bid[low] - table.ask[high]
    call = table.is_call[low]
    gain = np.maximum(np.where(call, up, down), np.where(call, down, up) - width)
    bad = np.flatnonzero(same & (gain > room))
    return np.stack([table.row[bad], table.row[bad + 1]], axis=1)


def _butterflies(table: _Table) -> Rows:
    """(n, 3) rows of three neighbouring strikes whose middle is bid above the line between the outer asks."""
    same = table.group[2:] == table.group[:-2]
    left, right = table.strike[1:-1] - table.strike[:-2], table.strike[2:] - table.strike[1:-1]
    share = np.where(same, right / np.where(same, left + right, 1.0), 0.5)
    room = np.maximum(np.maximum(table.room[:-2], table.room[2:]), table.room[1:-1])
    gain = table.bid[1:-1] - share * table.ask[:-2] - (1.0 - share) * table.ask[2:]
    bad = np.flatnonzero(same & (gain > room))
    return np.stack([table.row[bad], table.row[bad + 1], table.row[bad + 2]], axis=1)
