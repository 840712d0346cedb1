"""What every parser ends in: paired rows with their times, brought to units and into a snapshot."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import DataContract
from quantsentinel.market.parsers.stamps import listed_date
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import VALUE_COLUMNS, Floats, Slice, Snapshot

if TYPE_CHECKING:
    import polars as pl

ARROW = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"
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
        for name in VALUE_COLUMNS
    }


def _whole(values: Floats) -> Floats:
    nearest = np.round(values)
    return np.where(np.abs(values - nearest) <= _INTEGER_NOISE * np.maximum(1.0, np.abs(values)), nearest, values)


def read_table(payload: Payload, columns: Sequence[str], where: str) -> pl.DataFrame:
    """The rows of an Arrow, Parquet or CSV payload. Raises `BadInput` when truncated or when columns are missing."""
    import polars as pl

    readers = {ARROW: pl.read_ipc, PARQUET: pl.read_parquet, CSV: pl.read_csv}
    if payload.content_type not in readers:
        raise BadInput(f"content type {payload.content_type}", where=where, fix=f"Expected {', '.join(readers)}")
    try:
        frame = readers[payload.content_type](io.BytesIO(payload.body))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"unreadable: {str(error).splitlines()[0]}", where=where, fix="Is it truncated?") from None
    require_columns(frame.columns, columns, where)
    if frame.is_empty():
        raise BadInput("no rows", where=where)
    return frame


def require_columns(found: Iterable[str], expected: Sequence[str], where: str) -> None:
    present = set(found)
    missing = [name for name in expected if name not in present]
    if missing:
        raise BadInput(f"missing columns {', '.join(missing)}", where=where, fix=f"Expected {', '.join(expected)}")


def floats(frame: pl.DataFrame, name: str, where: str) -> Floats:
    """A numeric column as float64, absent values as 0.0. Raises `BadInput` when it is not numeric."""
    series = frame[name]
    if series.null_count() == len(series):
        return np.zeros(len(series))
    if not series.dtype.is_numeric():
        raise BadInput(f"column {name} is not numeric ({series.dtype})", where=where)
    known = series.fill_null(0) if series.null_count() else series
    return np.array(known.to_numpy(), dtype=np.float64)


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
