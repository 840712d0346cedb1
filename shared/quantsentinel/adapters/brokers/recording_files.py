"""The files that hold recorded chains, told apart by their columns, metadata or first bytes.

Tables hold many snapshots and are cut by collection time; JSON and daily CSV files hold one. A file that knows no time
takes it from its name; a name with a day only means 15:30 in India, the end of that day's session.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from quantsentinel.adapters.brokers.recording_json import json_raw
from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.codec import encode_snapshot
from quantsentinel.market.dayfile import DayFile, is_day_file, read_day_file
from quantsentinel.market.parsers.nse_daily_csv import has_legs
from quantsentinel.market.parsers.stamps import exchange_stamp
from quantsentinel.market.parsers.table import ARROW, CSV, PARQUET
from quantsentinel.ports import Payload, RawSnapshot

if TYPE_CHECKING:
    import polars as pl

CHAIN_SUFFIXES = (".parquet", ".csv", ".json", ".json.gz")
DAY_END = time(15, 30)
_STAMP = re.compile(r"(20\d{2})-?(\d{2})-?(\d{2})(?:[_T-](\d{2})[-:]?(\d{2})(?:[-:]?(\d{2}))?)?")
_NAMED_DAY = re.compile(r"([A-Z][A-Z0-9]+)_20\d{2}-\d{2}-\d{2}")
_KINDS = f"Known: {', '.join(CHAIN_SUFFIXES)}"
_ALIASES = {"NIFTY50": "NIFTY"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded snapshot: when it was collected and how to get it."""

    collected_at: datetime
    load: Callable[[], RawSnapshot]


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


def read_entries(file: Path) -> tuple[Entries, History]:
    """The snapshots of one file by underlying, and the daily bars it carries. Raises `BadInput` when it is no chain."""
    if file.name.endswith((".json", ".json.gz")):
        raw = json_raw(file.read_bytes(), file, _name_time(file))
        return {raw.underlying: [Entry(raw.collected_at, lambda: raw)]}, {}
    if not file.name.endswith(CHAIN_SUFFIXES):
        raise BadInput(f"{file.suffix or 'no suffix'}: no kind of recording", where=str(file), fix=_KINDS)
    import polars as pl

    try:
        if file.suffix == ".csv":
            return _from_csv(file), {}
        if is_day_file(pl.read_parquet_metadata(file)):
            day = read_day_file(file)
            return _from_day(day), day.daily
        # glob off: a name may hold brackets.
        return _from_table(pl.read_parquet(file, glob=False), file), {}
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(f"cannot be read: {first}", where=str(file), fix="Is the file truncated?") from None


def _from_day(day: DayFile) -> Entries:
    def load(underlying: str, index: int) -> RawSnapshot:
        snapshot = day.snapshot(underlying, index)
        at = day.schedule(underlying)[index]
        payload = Payload(encode_snapshot(snapshot), PARQUET, at)
        return RawSnapshot(underlying, snapshot.source, "canonical", at, (payload,))

    return {
        name: [Entry(at, partial(load, name, index)) for index, at in enumerate(day.schedule(name))]
        for name in day.underlyings
    }


def _from_csv(file: Path) -> Entries:
    import polars as pl

    with file.open("rb") as stream:
        header = stream.readline()
    if {b"strikePrice", b"expiryDate"} <= set(header.strip().split(b",")):
        return _from_daily_csv(file, header)
    return _from_table(pl.read_csv(file, glob=False), file)


def _from_daily_csv(file: Path, header: bytes) -> Entries:
    name, at = _NAMED_DAY.search(file.name), _name_time(file)
    if name is None or at is None:
        raise BadInput("neither the file nor its name says which underlying and day", where=str(file), fix=_RENAME)
    source = "nse_site_untimed" if has_legs(header) else "nse_site_ltp"
    raw = RawSnapshot(name.group(1), source, "nse_daily_csv", at, (Payload(file.read_bytes(), CSV, at),))
    return {raw.underlying: [Entry(at, lambda: raw)]}


_RENAME = "Name it like NIFTY_2025-07-21.csv"


def _from_table(frame: pl.DataFrame, file: Path) -> Entries:
    """Cuts a table at its collection times; rows of one cut stay together in their order."""
    import polars as pl

    layout = _layout(frame.columns, file)
    keys = [layout.name, layout.stamp]
    runs = frame.select(pl.struct(keys).rle_id().max() + 1).item() if frame.height else 0
    if runs != frame.select(pl.struct(keys).n_unique()).item():
        frame = frame.sort(keys, maintain_order=True)
    cuts = frame.with_row_index("row").group_by(keys, maintain_order=True).agg(pl.col("row").first(), pl.len())
    entries: dict[str, list[Entry]] = {}
    for printed, stamp, start, rows in cuts.iter_rows():
        underlying, at = _ALIASES.get(printed, printed), layout.read(str(stamp)).astimezone(UTC)
        load = partial(_cut, frame, (start, rows), layout, (underlying, at))
        entries.setdefault(underlying, []).append(Entry(at, load))
    if not entries:
        raise BadInput("no rows", where=str(file))
    return entries


def _cut(frame: pl.DataFrame, rows: tuple[int, int], layout: _Layout, what: tuple[str, datetime]) -> RawSnapshot:
    buffer = io.BytesIO()
    frame.slice(*rows).write_ipc(buffer, compression="zstd")
    underlying, at = what
    return RawSnapshot(underlying, layout.source, layout.parser, at, (Payload(buffer.getvalue(), ARROW, at),))


def _layout(columns: list[str], file: Path) -> _Layout:
    present = set(columns)
    if {"Fetch_Time", "Symbol"} <= present:
        collected = "collection_timestamp" in present
        # A file without collection times uses its fetch time (`definitions.md` §1).
        stamp, read = ("collection_timestamp", _compact) if collected else ("Fetch_Time", exchange_stamp)
        return _Layout("nse_rows", "nse_site", "Symbol", stamp, read)
    if {"timestamp", "symbol", "option_type"} <= present:
        return _Layout("nse_greeks", "nse_site_ltp", "symbol", "timestamp", _compact)
    if {"timestamp", "Stock", "CE_LTP", "PE_LTP"} <= present:
        return _Layout("ltp_rows", "nse_units_ltp", "Stock", "timestamp", _plain)
    raise BadInput(
        f"columns of no known chain layout: {', '.join(columns[:8])}…",
        where=str(file),
        fix="Expected NSE rows (Fetch_Time, Symbol, CALLS_Bid_Price…), Greeks rows, LTP rows or a day file",
    )


def _compact(text: str) -> datetime:
    """`20250829_092416` or `202608201202`, in India."""
    digits = text.replace("_", "")
    form = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits), "")
    try:
        return datetime.strptime(digits, form).replace(tzinfo=IST)
    except ValueError:
        raise BadInput(f"{text!r} is not a collection time", fix="Expected 20250829_092416") from None


def _plain(text: str) -> datetime:
    """`2025-12-31 09:18`, with or without seconds, in India."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=IST)
    except ValueError:
        raise BadInput(f"{text!r} is not a collection time", fix="Expected 2025-12-31 09:18") from None


def _name_time(file: Path) -> datetime | None:
    """When a file's name says it was collected (UTC); None when it does not."""
    found = _STAMP.search(file.name)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups())
    try:
        clock = DAY_END if hour is None else time(hour, minute or 0, second or 0)
        return datetime.combine(datetime(year or 0, month or 0, day or 0, tzinfo=IST), clock, IST).astimezone(UTC)
    except ValueError:
        return None
