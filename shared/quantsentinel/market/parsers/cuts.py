"""Recorded files of chains cut into raw snapshots, told apart by their columns, metadata or first bytes.

Tables hold many snapshots and are cut by collection time; JSON and daily CSV files hold one. A file that knows no time
takes it from its name; a name with a day only means 15:30 in India, the end of that day's session.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from functools import partial
from typing import TYPE_CHECKING

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.codec import encode_snapshot
from quantsentinel.market.dayfile import DayFile, is_day_file, read_day_file
from quantsentinel.market.parsers.canonical_rows import require_sound
from quantsentinel.market.parsers.nse_daily_csv import has_legs
from quantsentinel.market.parsers.payload import MAX_BYTES, check_shape, check_size, gunzip, parquet_columns, readable
from quantsentinel.market.parsers.saved_json import json_raw
from quantsentinel.market.parsers.stamps import compact_stamp, exchange_stamp, minute_stamp
from quantsentinel.market.parsers.table import ARROW, CSV, PARQUET, read_csv
from quantsentinel.market.raw import Payload, RawSnapshot

if TYPE_CHECKING:
    import polars as pl

CHAIN_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".json", ".json.gz")
DAY_END = time(15, 30)
_STAMP = re.compile(r"(20\d{2})-?(\d{2})-?(\d{2})(?:[_T-](\d{2})[-:]?(\d{2})(?:[-:]?(\d{2}))?)?", re.ASCII)
_NAMED_DAY = re.compile(r"([A-Z][A-Z0-9]+)_20\d{2}-\d{2}-\d{2}", re.ASCII)
_KINDS = f"Known: {', '.join(CHAIN_SUFFIXES)}"
_ALIASES = {"NIFTY50": "NIFTY"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded snapshot: when it was collected, how to get it, and its rows in the file (0 when not known)."""

    collected_at: datetime
    load: Callable[[], RawSnapshot]
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Layout:
    """How to cut a table: `name` and `stamp` columns, how the stamp reads, and who parses the cut."""

    parser: str
    source: str
    name: str
    stamp: str
    read: Callable[[str], datetime]


Entries = Mapping[str, list[Entry]]
History = Mapping[str, tuple[DailyBar, ...]]


def read_entries(name: str, data: bytes, where: str) -> tuple[Entries, History]:
    """The snapshots of one file by underlying, and the daily bars it carries. Raises `BadInput` when it is no chain.

    `name` is the file's own name, which may say when and of what; `where` is what an error says.
    """
    if not name.endswith(CHAIN_SUFFIXES):
        raise BadInput(f"{name!r}: no kind of recording", where=where, fix=_KINDS)
    if name.endswith(".gz"):
        name = name.removesuffix(".gz")
        data = gunzip(data, MAX_BYTES[name.rpartition(".")[2]], where)
    if name.endswith(".json"):
        raw, rows = json_raw(data, where, name_time(name))
        return {raw.underlying: [Entry(raw.collected_at, lambda: raw, rows)]}, {}
    if name.endswith(".csv"):
        return _from_csv(name, data, where), {}
    return _from_parquet(data, where)


def _from_parquet(data: bytes, where: str) -> tuple[Entries, History]:
    import polars as pl

    parquet_columns(data, where)
    if is_day_file(readable(lambda: pl.read_parquet_metadata(io.BytesIO(data)), where)):
        day = read_day_file(io.BytesIO(data), where)
        return _from_day(day), day.daily
    return _from_table(readable(lambda: pl.read_parquet(io.BytesIO(data)), where), where), {}


def _from_day(day: DayFile) -> Entries:
    def load(underlying: str, index: int) -> RawSnapshot:
        try:
            snapshot = require_sound(day.snapshot(underlying, index), "day file")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadInput(f"the header does not describe a snapshot: {error!r}", where="day file") from None
        at = day.schedule(underlying)[index]
        payload = Payload(encode_snapshot(snapshot), PARQUET, at)
        return RawSnapshot(underlying, snapshot.source, "canonical", at, (payload,))

    return {
        name: [Entry(at, partial(load, name, index)) for index, at in enumerate(day.schedule(name))]
        for name in day.underlyings
    }


def _from_csv(name: str, data: bytes, where: str) -> Entries:
    check_size(data, "csv", where)
    header = data.split(b"\n", 1)[0]
    if {b"strikePrice", b"expiryDate"} <= set(header.strip().split(b",")):
        return _from_daily_csv(name, data, where)
    frame = read_csv(data, where)
    check_shape(frame.height, frame.width, where)
    return _from_table(frame, where)


def _from_daily_csv(name: str, data: bytes, where: str) -> Entries:
    named, at = _NAMED_DAY.search(name), name_time(name)
    if named is None or at is None:
        raise BadInput("neither the file nor its name says which underlying and day", where=where, fix=_RENAME)
    source = "nse_site_untimed" if has_legs(data) else "nse_site_ltp"
    raw = RawSnapshot(named.group(1), source, "nse_daily_csv", at, (Payload(data, CSV, at),))
    return {raw.underlying: [Entry(at, lambda: raw, read_csv(data, where).height)]}


_RENAME = "Name it like NIFTY_2025-07-21.csv"


def _from_table(frame: pl.DataFrame, where: str) -> Entries:
    """Cuts a table at its collection times; rows of one cut stay together in their order."""
    import polars as pl

    layout = _layout(frame.columns, where)
    keys = [layout.name, layout.stamp]
    runs = frame.select(pl.struct(keys).rle_id().max() + 1).item() if frame.height else 0
    if runs != frame.select(pl.struct(keys).n_unique()).item():
        frame = frame.sort(keys, maintain_order=True)
    if any(frame[key].null_count() for key in keys):
        raise BadInput(f"rows without {layout.name} or {layout.stamp}", where=where)
    cuts = frame.with_row_index("row").group_by(keys, maintain_order=True).agg(pl.col("row").first(), pl.len())
    entries: dict[str, list[Entry]] = {}
    for printed, stamp, start, rows in cuts.iter_rows():
        underlying, at = _ALIASES.get(printed, printed), layout.read(str(stamp)).astimezone(UTC)
        load = partial(_cut, frame, (start, rows), layout, (underlying, at))
        entries.setdefault(underlying, []).append(Entry(at, load, rows))
    if not entries:
        raise BadInput("no rows", where=where)
    return entries


def _cut(frame: pl.DataFrame, rows: tuple[int, int], layout: _Layout, what: tuple[str, datetime]) -> RawSnapshot:
    buffer = io.BytesIO()
    frame.slice(*rows).write_ipc(buffer, compression="zstd")
    underlying, at = what
    return RawSnapshot(underlying, layout.source, layout.parser, at, (Payload(buffer.getvalue(), ARROW, at),))


def _layout(columns: list[str], where: str) -> _Layout:
    present = set(columns)
    if {"Fetch_Time", "Symbol"} <= present:
        collected = "collection_timestamp" in present
        # A file without collection times uses its fetch time (`definitions.md` §1).
        stamp, read = ("collection_timestamp", compact_stamp) if collected else ("Fetch_Time", exchange_stamp)
        return _Layout("nse_rows", "nse_site", "Symbol", stamp, read)
    if {"timestamp", "symbol", "option_type"} <= present:
        return _Layout("nse_greeks", "nse_site_ltp", "symbol", "timestamp", compact_stamp)
    if {"timestamp", "Stock", "CE_LTP", "PE_LTP"} <= present:
        return _Layout("ltp_rows", "nse_units_ltp", "Stock", "timestamp", minute_stamp)
    raise BadInput(
        f"columns of no known chain layout: {', '.join(columns[:8])}…",
        where=where,
        fix="Expected NSE rows (Fetch_Time, Symbol, CALLS_Bid_Price…), Greeks rows, LTP rows or a day file",
    )


def name_time(name: str) -> datetime | None:
    """When a file's name says it was collected (UTC); None when it does not."""
    found = _STAMP.search(name)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups())
    try:
        clock = DAY_END if hour is None else time(hour, minute or 0, second or 0)
        return datetime.combine(datetime(year or 0, month or 0, day or 0, tzinfo=IST), clock, IST).astimezone(UTC)
    except ValueError:
        return None
