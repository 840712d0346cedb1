"""Importer of cash-market bhavcopies in their older layout, one day or many stacked: half a million rows at once."""

from __future__ import annotations

import io
from datetime import date

import polars as pl

from quantsentinel.errors import BadInput
from quantsentinel.market.importers.cells import printed_day
from quantsentinel.market.importers.datasets import parts_of, provenance_of
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Blemish, Imported, Importer, Rejection, Request, Tally
from quantsentinel.market.importers.tables import NO_ROW, TWICE
from quantsentinel.market.parsers.numbers import LARGEST
from quantsentinel.market.parsers.payload import parquet_columns, readable
from quantsentinel.market.parsers.table import read_csv

VERSION = 1
UNADJUSTED = Blemish("unadjusted", "kept", "prices as printed: splits and dividends show as falls")
COLUMNS = {
    "symbol": "SYMBOL",
    "series": "SERIES",
    "open": "OPEN",
    "high": "HIGH",
    "low": "LOW",
    "close": "CLOSE",
    "previous_close": "PREVCLOSE",
    "volume": "TOTTRDQTY",
    "_stamp": "TIMESTAMP",
}
_TEXTS, _PRICES = ("symbol", "series", "_stamp"), ("open", "high", "low", "close", "previous_close")


def _read(request: Request) -> Imported:
    document, tally = request.document, Tally(CASH_HISTORY.blemishes)
    frame = _typed(document)
    days = {text: _day_or_none(text) for text in frame["_stamp"].unique().to_list()}
    frame = frame.with_columns(date=pl.col("_stamp").replace_strict(days, return_dtype=pl.Date))
    sound = pl.all_horizontal(pl.col(name).is_finite() & (pl.col(name) > 0) for name in _PRICES[:4])
    sound &= (
        pl.col("previous_close").is_finite()
        & (pl.col("previous_close") >= 0)
        & pl.col("volume").is_finite()
        & (pl.col("volume") >= 0)
        & (pl.col("volume") == pl.col("volume").round())
    )
    sound &= (pl.col("volume") <= LARGEST) & pl.all_horizontal(pl.col("date", "symbol", "series").is_not_null())
    frame = frame.with_columns(_sound=sound.fill_null(value=False))
    _refuse(frame.filter(~pl.col("_sound")), NO_ROW, tally)
    kept = frame.filter("_sound")
    first = kept.with_columns(_again=~pl.struct("symbol", "series", "date").is_first_distinct())
    _refuse(first.filter("_again"), TWICE, tally)
    kept = first.filter(~pl.col("_again")).with_columns(underlying=pl.lit("NSE"))
    if kept.is_empty():
        raise BadInput("no row can be used", where=document.name)
    tally.met(UNADJUSTED.name, kept.height)
    parts = parts_of("eod_cash", kept, provenance_of(CASH_HISTORY.name, CASH_HISTORY, document))
    return Imported(tuple(parts), tuple(tally.rejected), dict(tally.touched))


def _typed(document: Document) -> pl.DataFrame:
    """Our columns, texts as text and numbers as doubles. Raises `BadInput` when one is neither."""
    if document.kind == "parquet":
        parquet_columns(document.body, document.name)
        frame = readable(lambda: pl.read_parquet(io.BytesIO(document.body)), document.name)
    else:
        frame = read_csv(document.body, document.name)
    frame = frame.select(pl.col(printed).alias(name) for name, printed in COLUMNS.items())
    wrong = [
        COLUMNS[name]
        for name, kind in frame.schema.items()
        if (name in _TEXTS) != (kind == pl.String) or not (kind == pl.String or kind.is_numeric())
    ]
    if wrong:
        raise BadInput(f"columns of another type: {', '.join(wrong)}", where=document.name)
    numbers = [pl.col(name).cast(pl.Float64) for name in (*_PRICES, "volume")]
    return frame.with_columns(numbers).with_row_index("input_row", offset=2)


def _day_or_none(text: str | None) -> date | None:
    try:
        return printed_day(text) if text else None
    except ValueError:
        return None


def _refuse(rows: pl.DataFrame, blemish: Blemish, tally: Tally) -> None:
    for row in rows.select("input_row", *COLUMNS).iter_rows():
        tally.refuse(blemish.name, Rejection(row[0], 1, blemish.note, ",".join(map(str, row[1:]))[:400]))


CASH_HISTORY = Importer(
    "cash_history",
    VERSION,
    "cash-market bhavcopies, one day or many",
    (UNADJUSTED, NO_ROW, TWICE),
    lambda document: set(COLUMNS.values()) <= set(document.columns),
    _read,
)
