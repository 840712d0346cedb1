"""Changing a snapshot: columns, rows, slices and times; whatever is not named stays, and nothing is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from quantsentinel.frozen import dataclass
from quantsentinel.market.snapshot import Bools, Floats, Slice, Snapshot
from quantsentinel.simulator.faults.fault import Injected, Scene

PRICES = ("bid", "ask", "ltp")
SIDES = ("bid", "ask")
SIZES = ("bid_size", "ask_size")
COUNTS = ("oi", "oi_change", "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One expiry taken out of its snapshot: strikes and columns by row."""

    slice: Slice
    strike: Floats
    columns: Mapping[str, Floats]

    def labelled(self, other: Slice) -> Part:
        return replace(self, slice=other)


def injected(scene: Scene, at: int, snapshot: Snapshot, touched: Bools) -> Injected | None:
    """One changed snapshot; None when no row is touched, so that nothing is counted that did not happen."""
    return Injected(scene.with_snapshot(at, snapshot), at, touched, at) if touched.any() else None


def whole(scene: Scene, at: int, snapshot: Snapshot, decided_at: datetime | None = None) -> Injected:
    """A fault of the whole chain: every row is touched."""
    touched = np.ones(len(snapshot), dtype=np.bool_)
    return Injected(scene.with_snapshot(at, snapshot), at, touched, at, decided_at)


def with_columns(snapshot: Snapshot, columns: Mapping[str, Floats]) -> Snapshot:
    return replace(snapshot, columns={**snapshot.columns, **columns})


def with_values(snapshot: Snapshot, rows: Bools, values: Mapping[str, Floats]) -> Snapshot:
    """`values` by column, each (n_rows,), taken at `rows` only."""
    return with_columns(
        snapshot, {name: np.where(rows, value, snapshot.columns[name]) for name, value in values.items()}
    )


def scaled(snapshot: Snapshot, names: Sequence[str], factor: float, rows: Bools | None = None) -> Snapshot:
    """Columns times `factor`, at `rows` or everywhere."""
    chosen = np.ones(len(snapshot), dtype=np.bool_) if rows is None else rows
    return with_values(snapshot, chosen, {name: snapshot.columns[name] * factor for name in names})


def with_slices(snapshot: Snapshot, change: Callable[[Slice], Slice]) -> Snapshot:
    return replace(snapshot, slices=tuple(change(part) for part in snapshot.slices))


def received(snapshot: Snapshot, shift: timedelta) -> Snapshot:
    """Received later (or earlier), everything else the same."""
    return with_slices(snapshot, lambda part: replace(part, received_at=part.received_at + shift))


def observed(snapshot: Snapshot, shift: timedelta) -> Snapshot:
    """The exchange's times later (or earlier); slices without one stay."""

    def moved(part: Slice) -> Slice:
        return part if part.exchange_time is None else replace(part, exchange_time=part.exchange_time + shift)

    return with_slices(snapshot, moved)


def timed_as(snapshot: Snapshot, other: Snapshot) -> Snapshot:
    """The values of `snapshot` under the times of `other`, expiry by expiry."""
    times = {part.expiry: part for part in other.slices}
    return with_slices(snapshot, lambda part: times.get(part.expiry, part))


def parts(snapshot: Snapshot) -> list[Part]:
    spans = zip(snapshot.slices, snapshot.offsets, snapshot.offsets[1:], strict=False)
    return [
        Part(part, snapshot.strike[low:high], {name: column[low:high] for name, column in snapshot.columns.items()})
        for part, low, high in spans
    ]


def assembled(snapshot: Snapshot, pieces: Sequence[Part]) -> Snapshot:
    """A snapshot of other slices: they are put in the order of their expiries, as a parser does."""
    ordered = sorted(pieces, key=lambda piece: piece.slice.expiry)
    strike = np.concatenate([piece.strike for piece in ordered])
    return replace(
        snapshot,
        slices=tuple(piece.slice for piece in ordered),
        offsets=np.cumsum([0, *(len(piece.strike) for piece in ordered)]).astype(np.int64),
        strike=strike,
        is_call=np.tile([True, False], len(strike) // 2),
        columns={name: np.concatenate([piece.columns[name] for piece in ordered]) for name in snapshot.columns},
    )


def without_rows(snapshot: Snapshot, gone: Bools) -> Snapshot:
    """Rows left out; slices that lose all of them go too."""
    kept = []
    for piece, low, high in zip(parts(snapshot), snapshot.offsets, snapshot.offsets[1:], strict=False):
        stays = ~gone[low:high]
        columns = {name: column[stays] for name, column in piece.columns.items()}
        if stays.any():
            kept.append(Part(piece.slice, piece.strike[stays], columns))
    return assembled(snapshot, kept)


def slice_rows(snapshot: Snapshot, index: int) -> Bools:
    """(n_rows,) rows of one slice."""
    rows = np.zeros(len(snapshot), dtype=np.bool_)
    rows[int(snapshot.offsets[index]) : int(snapshot.offsets[index + 1])] = True
    return rows


def matched(snapshot: Snapshot, other: Snapshot, names: Sequence[str]) -> tuple[Bools, dict[str, Floats]]:
    """The rows of `snapshot` that `other` has too (same expiry, strike and right), and `other`'s values there."""
    found, mine = np.intersect1d(_keys(snapshot), _keys(other), return_indices=True)[1:], len(snapshot)
    here, there = found
    rows = np.zeros(mine, dtype=np.bool_)
    rows[here] = True
    values = {}
    for name in names:
        values[name] = snapshot.columns[name].copy()
        values[name][here] = other.columns[name][there]
    return rows, values


def _keys(snapshot: Snapshot) -> Floats:
    days = np.repeat([part.expiry.toordinal() for part in snapshot.slices], np.diff(snapshot.offsets))
    return np.asarray(days * 1e7 + snapshot.strike * 10 + snapshot.is_call, dtype=np.float64)
