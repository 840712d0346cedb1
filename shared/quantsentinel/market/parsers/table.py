"""What every parser ends in: paired rows with their times, brought to units and into a snapshot."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import DataContract
from quantsentinel.market.parsers.payload import check_shape, check_size, parquet_columns, readable
from quantsentinel.market.parsers.stamps import listed_date
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import GREEK_COLUMNS, VALUE_COLUMNS, Floats, Slice, Snapshot

if TYPE_CHECKING:
    import polars as pl

ARROW = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"
LARGEST = 1e12
"""The largest number of a chain is an open interest of some 1e9 units."""
_INTEGER_NOISE = 1e-6
"""4.333… lots of 75 are 325 units but for the last bits; a larger remainder is a unit error and is kept."""


@dataclass(frozen=True, slots=True)
class ChainTable:
    """Paired rows in any order, in the source's own units. `expiry` (n_pairs,) datetime64[D]."""

    raw: RawSnapshot
    contract: DataContract
    slices: Mapping[date, Slice]
    expiry: NDArray[np.datetime64]
    strike: Floats
    call: Mapping[str, Floats]
    put: Mapping[str, Floats]
    spot: float | None = None
    notes: tuple[str, ...] = ()


def to_snapshot(table: ChainTable, rules: RuleBook) -> Snapshot:
    """Lots become units of the trade-date lot; expiries without rule rows are left out with a note.

    Raises `RuleGap` when none is left, `BadInput` from `Snapshot.build`.
    """
    lots, notes = _lots(table, rules)
    listed, place = np.unique(table.expiry, return_inverse=True)
    lot_of = np.array([lots.get(day.item(), 0) for day in listed], dtype=np.float64)[place]
    keep = lot_of > 0
    lot_of = lot_of[keep]
    return Snapshot.build(
        underlying=table.raw.underlying,
        source=table.contract.source,
        capability=table.contract.capability,
        slices={expiry: part for expiry, part in table.slices.items() if expiry in lots},
        expiry=table.expiry[keep],
        strike=table.strike[keep],
        call=_in_units(table, table.call, keep, lot_of),
        put=_in_units(table, table.put, keep, lot_of),
        spot=table.spot or None,
        notes=(*table.notes, *notes),
    )


def _lots(table: ChainTable, rules: RuleBook) -> tuple[dict[date, int], list[str]]:
    """Units a lot by covered expiry (1 where the source counts in units), and why the others are left out."""
    counts_lots = "lots" in (table.contract.oi, table.contract.volume, table.contract.sizes)
    lots: dict[date, int] = {}
    notes = []
    for expiry, part in sorted(table.slices.items()):
        try:
            rules.last_trade(table.raw.underlying, expiry)
            on = part.observed_at.astimezone(IST).date()
            lots[expiry] = rules.lot(table.raw.underlying, expiry, on).value if counts_lots else 1
        except RuleGap as gap:
            notes.append(f"{expiry} left out: {gap.what}")
    if not lots:
        raise RuleGap(
            f"no expiry of the chain is covered: {'; '.join(notes) or 'it lists none'}",
            where=f"{table.raw.source} {table.raw.underlying}",
            fix="Add the dated rows to a rules overlay",
        )
    return lots, notes


def _in_units(
    table: ChainTable, columns: Mapping[str, Floats], keep: NDArray[np.bool_], lot: Floats
) -> dict[str, Floats]:
    unit = dict.fromkeys(("bid_size", "ask_size"), table.contract.sizes)
    unit |= {"oi": table.contract.oi, "oi_change": table.contract.oi, "volume": table.contract.volume}
    return {
        name: _whole(columns[name][keep] * lot) if unit.get(name) == "lots" else columns[name][keep]
        for name in (*VALUE_COLUMNS, *(greek for greek in GREEK_COLUMNS if greek in columns))
    }


def _whole(values: Floats) -> Floats:
    nearest = np.round(values)
    with np.errstate(invalid="ignore"):  # an infinity stays one, for the firewall to mask
        noise = np.abs(values - nearest) <= _INTEGER_NOISE * np.maximum(1.0, np.abs(values))
    return np.where(noise, nearest, values)


def read_table(payload: Payload, columns: Sequence[str], where: str) -> pl.DataFrame:
    """The rows of an Arrow, Parquet or CSV payload. Raises `BadInput` when truncated, beyond the limits or when columns
    are missing."""
    readers = {ARROW: _read_arrow, PARQUET: _read_parquet, CSV: read_csv}
    if payload.content_type not in readers:
        raise BadInput(f"content type {payload.content_type}", where=where, fix=f"Expected {', '.join(readers)}")
    frame = readers[payload.content_type](payload.body, where)
    require_columns(frame.columns, columns, where)
    if frame.is_empty():
        raise BadInput("no rows", where=where)
    check_shape(frame.height, frame.width, where)
    return frame


def _read_parquet(body: bytes, where: str) -> pl.DataFrame:
    import polars as pl

    parquet_columns(body, where)
    return readable(lambda: pl.read_parquet(io.BytesIO(body)), where)


def _read_arrow(body: bytes, where: str) -> pl.DataFrame:
    import polars as pl

    check_size(body, "arrow", where)
    return readable(lambda: pl.read_ipc(io.BytesIO(body)), where)


def read_csv(body: bytes, where: str) -> pl.DataFrame:
    """A CSV whose columns are numbers only where every cell is written as one: digits, a sign, a point.

    `1e3`, `0x10`, `1,2`, `NaN`, `inf`, `True` and digits of other scripts stay text, and text is refused where a number
    is due. Empty cells are null. Raises `BadInput` for damaged, over-large or repeated columns.
    """
    import polars as pl

    check_size(body, "csv", where)
    if b"\0" in body:
        raise BadInput("NUL bytes in a text", where=where, fix="Is it damaged?")
    text = readable(lambda: pl.read_csv(io.BytesIO(body), infer_schema=False, truncate_ragged_lines=False), where)
    if any(name.endswith(_REPEATED) for name in text.columns):
        raise BadInput("a column name stands twice", where=where)
    return text.with_columns([_number_column(text[name]) for name in text.columns])


_REPEATED = "_duplicated_0"


def _number_column(column: pl.Series) -> pl.Series:
    import polars as pl

    for pattern, kind in ((_INTEGER, pl.Int64), (_DECIMAL, pl.Float64)):
        if column.null_count() < len(column) and column.str.contains(pattern).all():
            return column.cast(kind)
    return column


_INTEGER = r"^-?[0-9]{1,15}$"
_DECIMAL = r"^-?[0-9]{1,15}(\.[0-9]{0,20})?$"


def require_columns(found: Iterable[str], expected: Sequence[str], where: str) -> None:
    present = set(found)
    missing = [name for name in expected if name not in present]
    if missing:
        raise BadInput(f"missing columns {', '.join(missing)}", where=where, fix=f"Expected {', '.join(expected)}")


def floats(frame: pl.DataFrame, name: str, where: str) -> Floats:
    """A numeric column as float64, absent values as 0.0.

    NaN and infinities of binary tables are kept: the firewall masks them. Raises `BadInput` when the column is not
    numeric or holds a finite number that no market prints.
    """
    series = frame[name]
    if series.null_count() == len(series):
        return np.zeros(len(series))
    if not series.dtype.is_numeric():
        raise BadInput(f"column {name} is not numeric ({series.dtype})", where=where)
    known = series.fill_null(0) if series.null_count() else series
    values = np.array(known.to_numpy(), dtype=np.float64)
    beyond = np.isfinite(values) & (np.abs(values) > LARGEST)
    if beyond.any():
        raise BadInput(f"column {name} holds {values[beyond][0]:g}", where=where, fix=f"At most {LARGEST:g}")
    return values


def printed(frame: pl.DataFrame, name: str, where: str) -> Floats:
    """A numeric column as the vendor prints it, NaN where absent. Raises `BadInput` as `floats` does."""
    values = floats(frame, name, where)
    values[frame[name].is_null().to_numpy()] = np.nan
    return values


def strikes(frame: pl.DataFrame, name: str, where: str) -> Floats:
    """A column of strikes. Raises `BadInput` for one that is absent or not a positive number."""
    values = floats(frame, name, where)
    if not (np.isfinite(values) & (values > 0)).all():
        raise BadInput(f"column {name} holds a strike that is no positive number", where=where)
    return values


def spot_of(value: float, where: str) -> float | None:
    """What a source says the index is; 0 says nothing. Raises `BadInput` for a number that cannot be an index."""
    if not (np.isfinite(value) and 0 <= value <= LARGEST):
        raise BadInput(f"spot {value:g}", where=where, fix="Expected points, or 0 for none")
    return float(value) or None


def texts(frame: pl.DataFrame, name: str, where: str) -> list[str]:
    """A column of names, dates or stamps as text. Raises `BadInput` for absent cells and for anything that is none."""
    import polars as pl

    series = frame[name]
    if series.dtype not in (pl.String, pl.Date, pl.Int64) or series.null_count():
        what = f"{series.null_count()} absent" if series.null_count() else str(series.dtype)
        raise BadInput(f"column {name} is no text throughout ({what})", where=where)
    return [str(value) for value in series.to_list()]


def days_of(texts: Sequence[Any]) -> NDArray[np.datetime64]:
    """Dates of a column of date texts, each distinct text read once."""
    known = {text: np.datetime64(listed_date(str(text)), "D") for text in set(texts)}
    return np.array([known[text] for text in texts], dtype="datetime64[D]")


def require_echo(found: Iterable[str], raw: RawSnapshot, *aliases: str) -> None:
    """The payload must say that it is what was asked for. Raises `BadInput` when it names another underlying."""
    others = {str(name) for name in found} - {raw.underlying, *aliases}
    if others:
        raise BadInput(
            f"asked for {raw.underlying}, the payload names {', '.join(sorted(others))}",
            where=f"identity, {raw.source}",
            fix="Never use a payload of another instrument",
        )


def slices_of(
    expiries: Iterable[date], received_at: datetime, exchange_time: datetime | None = None
) -> dict[date, Slice]:
    """One slice an expiry, all with the same times."""
    return {expiry: Slice(expiry, exchange_time, received_at) for expiry in expiries}


def absent(rows: int) -> Floats:
    """A column the source does not carry."""
    return np.zeros(rows)
