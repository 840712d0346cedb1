"""The day file: many snapshots of one or more underlyings and their daily history in one Parquet file.

What `simulate` writes and `replay`, `run` and `import` read: a row per (snapshot, expiry, strike) with readable columns
(`underlying`, `source`, `collected_at`, `expiry`, `exchange_time`, `received_at`, `spot` and `PAIR_COLUMNS`), so that
any tool can open it; the snapshots' headers and the daily bars are JSON in the file's metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.codec import PAIR_COLUMNS, pair_columns, snapshot_from, snapshot_header
from quantsentinel.market.snapshot import Snapshot

if TYPE_CHECKING:
    import polars as pl

DAY_KEY = "quantsentinel.day"
DAY_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    header: Mapping[str, Any]
    collected_at: datetime
    start: int
    pairs: int


class DayFile:
    """An opened day file. Snapshots are built when asked for; entries ascend by collection time."""

    def __init__(self, frame: pl.DataFrame, entries: Iterable[_Entry], daily: Mapping[str, tuple[DailyBar, ...]]):
        self._frame = frame
        self._entries: dict[str, list[_Entry]] = {}
        for entry in sorted(entries, key=lambda item: item.collected_at):
            self._entries.setdefault(entry.header["underlying"], []).append(entry)
        self.daily = dict(daily)

    @property
    def underlyings(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def schedule(self, underlying: str) -> list[datetime]:
        """Collection times, ascending. Raises `BadInput` for an underlying that the file does not hold."""
        return [entry.collected_at for entry in self._of(underlying)]

    def snapshot(self, underlying: str, index: int) -> Snapshot:
        entry = self._of(underlying)[index]
        return snapshot_from(entry.header, self._frame.slice(entry.start, entry.pairs))

    def snapshots(self, underlying: str) -> Iterator[Snapshot]:
        return (self.snapshot(underlying, index) for index in range(len(self._of(underlying))))

    def _of(self, underlying: str) -> list[_Entry]:
        if underlying not in self._entries:
            raise BadInput(f"no {underlying} in the day file", fix=f"It holds {', '.join(self.underlyings)}")
        return self._entries[underlying]


def write_day_file(path: Path, snapshots: Iterable[Snapshot], daily: Mapping[str, Iterable[DailyBar]]) -> int:
    """Writes all snapshots and the daily bars by underlying; the number of snapshots written.

    A snapshot's collection time is its receipt. The file appears under its name only when complete. Raises `BadInput`
    when there is none, or when nothing can be written there.
    """
    import polars as pl

    frames: list[pl.DataFrame] = []
    index: list[dict[str, Any]] = []
    for snapshot in snapshots:
        frames.append(_frame(snapshot))
        index.append({"collected_at": snapshot.received_at, **snapshot_header(snapshot)})
    if not frames:
        raise BadInput("no snapshot to write", where=str(path))
    header = {
        "version": DAY_VERSION,
        "snapshots": canonical(index),
        "daily": {name: _bar_columns(bars) for name, bars in sorted(daily.items())},
    }
    metadata = {DAY_KEY: json.dumps(header, sort_keys=True, separators=(",", ":"))}
    _write_whole(path, pl.concat(frames), metadata)
    return len(frames)


def _write_whole(path: Path, frame: pl.DataFrame, metadata: dict[str, str]) -> None:
    """All of the file or none of it, and nothing left beside it."""
    import polars as pl

    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(partial, compression="zstd", compression_level=3, metadata=metadata)
        partial.replace(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise BadInput(f"cannot be written: {error}", where=str(path), fix="Name a file that can be written") from None


def read_day_file(source: Path | io.BytesIO, named: str = "") -> DayFile:
    """Opens a day file, or its bytes; errors say `named`.

    Raises `BadInput` for a truncated file, another format or a row count that does not match.
    """
    import polars as pl

    path = named or str(source)
    try:
        text = pl.read_parquet_metadata(source).get(DAY_KEY)
        if text is None:
            raise BadInput(f"no {DAY_KEY} metadata: not a day file", where=path, fix="Write it with `qs simulate`")
        header = json.loads(text)
        held = pl.read_parquet_schema(source)
        frame = pl.read_parquet(source, columns=[name for name in PAIR_COLUMNS if name in held], glob=False)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise BadInput(f"not a readable day file: {error}", where=path) from None
    try:
        return _opened(header, frame, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"the header does not describe a day: {error!r}", where=path) from None


def _opened(header: Mapping[str, Any], frame: pl.DataFrame, path: str) -> DayFile:
    if header.get("version") != DAY_VERSION:
        raise BadInput(f"day file version {header.get('version')}, expected {DAY_VERSION}", where=path)
    entries = list(_entries(header["snapshots"]))
    rows = sum(entry.pairs for entry in entries)
    if rows != frame.height:
        raise BadInput(f"{frame.height} rows, the header describes {rows}", where=path)
    return DayFile(frame, entries, {name: _bars(columns) for name, columns in header["daily"].items()})


def is_day_file(metadata: Mapping[str, str]) -> bool:
    return DAY_KEY in metadata


def _entries(index: Iterable[Mapping[str, Any]]) -> Iterator[_Entry]:
    start = 0
    for header in index:
        pairs, collected_at = sum(header["pairs"]), datetime.fromisoformat(header["collected_at"])
        if collected_at.tzinfo is None or not isinstance(header["underlying"], str):
            raise ValueError("a snapshot without an underlying or with a time without a zone")
        yield _Entry(header, collected_at, start, pairs)
        start += pairs


def _frame(snapshot: Snapshot) -> pl.DataFrame:
    import polars as pl

    counts = np.diff(snapshot.offsets) // 2
    moment = pl.Datetime("us", "UTC")

    def repeated(values: list[Any], kind: Any) -> pl.Series:
        return pl.Series(values, dtype=kind).gather(np.repeat(np.arange(len(values)), counts))

    return pl.DataFrame(pair_columns(snapshot)).select(
        pl.lit(snapshot.underlying).alias("underlying"),
        pl.lit(snapshot.source).alias("source"),
        pl.lit(snapshot.received_at).cast(moment).alias("collected_at"),
        repeated([part.expiry for part in snapshot.slices], pl.Date).alias("expiry"),
        repeated([part.exchange_time for part in snapshot.slices], moment).alias("exchange_time"),
        repeated([part.received_at for part in snapshot.slices], moment).alias("received_at"),
        pl.lit(snapshot.spot, dtype=pl.Float64).alias("spot"),
        pl.all(),
    )


def _bar_columns(bars: Iterable[DailyBar]) -> dict[str, list[Any]]:
    rows = [asdict(bar) for bar in sorted(bars, key=lambda bar: bar.day)]
    columns = {name: [row[name] for row in rows] for name in ("open", "high", "low", "close")}
    return {"day": [row["day"].isoformat() for row in rows], **columns}


def _bars(columns: Mapping[str, list[Any]]) -> tuple[DailyBar, ...]:
    days = (date.fromisoformat(day) for day in columns["day"])
    prices = (columns[name] for name in ("open", "high", "low", "close"))
    return tuple(DailyBar(*values) for values in zip(days, *prices, strict=True))
