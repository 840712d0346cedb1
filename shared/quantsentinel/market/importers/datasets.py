"""The one Parquet layout: datasets, their columns, how they are cut into partitions and written.

    <dataset>/underlying=NIFTY/date=2025-08-29/part-<digest>.parquet      rows of a session: `chains`, `bars_*min`, …
    <dataset>/underlying=NIFTY/year=2025/part-<digest>.parquet            a row or a few a session: daily series

Partition keys stand in the path only. Times are UTC, microseconds; `day` and `date` are the session's day in India;
prices are index points, sizes and open interest units; only types that BigQuery has. Every row says whence it is.
"""

from __future__ import annotations

import hashlib
import io
import string
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.codec import PAIR_COLUMNS
from quantsentinel.market.contracts import CONTRACTS
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Importer, Part

LAYOUT_VERSION = 1
LAYOUT_KEY = "quantsentinel.lake"
UTC_TIME = pl.Datetime("us", "UTC")
Key = Literal["date", "year"]

_PRICES = dict.fromkeys(("open", "high", "low", "close"), pl.Float64)
_BARS: Mapping[str, Any] = {"at": UTC_TIME, "instrument": pl.String, **_PRICES, "volume": pl.Float64}
_EOD: Mapping[str, Any] = {
    "day": pl.Date,
    "expiry": pl.Date,
    **_PRICES,
    "settle": pl.Float64,
    "previous_close": pl.Float64,
    "underlying_price": pl.Float64,
    "oi": pl.Int64,
    "oi_change": pl.Int64,
    "contracts": pl.Int64,
    "volume": pl.Int64,
    "value_rupees": pl.Float64,
    "trades": pl.Int64,
    "lot": pl.Int64,
}
PROVENANCE: Mapping[str, Any] = {
    "source": pl.String,
    "contract_version": pl.Int64,
    "importer": pl.String,
    "importer_version": pl.Int64,
    "input_sha256": pl.String,
    "input_row": pl.Int64,
    "blemishes": pl.String,
}
"""`input_row` is the line of a text (null for binary inputs), `blemishes` the flagged ones, joined by commas."""


_CASH: Mapping[str, Any] = {
    "symbol": pl.String,
    "series": pl.String,
    **_PRICES,
    "previous_close": pl.Float64,
    "volume": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Dataset:
    name: str
    key: Key
    columns: Mapping[str, Any]


DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "chains",
            "date",
            {
                "collected_at": UTC_TIME,
                "expiry": pl.Date,
                "exchange_time": UTC_TIME,
                "received_at": UTC_TIME,
                "spot": pl.Float64,
                **dict.fromkeys(PAIR_COLUMNS, pl.Float64),
                "snapshot": pl.String,
            },
        ),
        *(Dataset(f"bars_{minutes}min", "date", _BARS) for minutes in (1, 5, 15, 60)),
        Dataset("bars_daily", "year", {"day": pl.Date, **_PRICES, "volume": pl.Float64}),
        Dataset("vix", "year", {"day": pl.Date, **_PRICES, "previous_close": pl.Float64}),
        Dataset("eod_options", "date", {**_EOD, "strike": pl.Float64, "right": pl.String}),
        Dataset("eod_futures", "year", _EOD),
        Dataset("eod_cash", "date", _CASH),
        Dataset(
            "participants",
            "year",
            {
                "day": pl.Date,
                "client_type": pl.String,
                **{
                    f"{product}_{side}": pl.Float64
                    for product in (
                        "index_future",
                        "stock_future",
                        "index_call",
                        "index_put",
                        "stock_call",
                        "stock_put",
                    )
                    for side in ("long", "short")
                },
            },
        ),
        Dataset(
            "daily_volatility",
            "year",
            {
                "day": pl.Date,
                "underlying_close": pl.Float64,
                "futures_close": pl.Float64,
                "underlying_daily": pl.Float64,
                "futures_daily": pl.Float64,
                "applicable_daily": pl.Float64,
                "applicable_annual": pl.Float64,
            },
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """`contract_version` is that of the source's data contract, None for a source that nobody has described yet."""

    source: str
    contract_version: int | None
    importer: str
    importer_version: int
    input_sha256: str


def provenance_of(source: str, importer: Importer, document: Document) -> Provenance:
    """Where an importer's rows come from."""
    version = CONTRACTS[source].version if source in CONTRACTS else None
    return Provenance(source, version, importer.name, importer.version, document.input_sha256)


def parts_of(
    dataset: str, frame: pl.DataFrame, provenance: Provenance, metadata: Mapping[str, str] | None = None
) -> Iterator[Part]:
    """The parts of a frame with `underlying`, the partition's `date` (or `day`) and the dataset's columns.

    `input_row` and `blemishes` default to null and none. Raises `BadInput` when a column does not fit the schema.
    """
    kind = DATASETS[dataset]
    known = {"source": provenance.source, "contract_version": provenance.contract_version}
    known |= {"importer": provenance.importer, "importer_version": provenance.importer_version}
    known |= {"input_sha256": provenance.input_sha256, "input_row": None, "blemishes": ""}
    added = [pl.lit(value).alias(name) for name, value in known.items() if name not in frame.columns]
    key = pl.col("date" if kind.key == "date" else "day")
    text = key.dt.to_string("%Y-%m-%d" if kind.key == "date" else "%Y").alias("_key")
    schema = {**kind.columns, **PROVENANCE}
    try:
        whole = frame.with_columns(text, *added)
        typed = whole.select("underlying", "_key", *(pl.col(name).cast(type_) for name, type_ in schema.items()))
    except pl.exceptions.PolarsError as error:
        raise BadInput(
            f"does not fit dataset {dataset}: {str(error).splitlines()[0]}", where=provenance.importer
        ) from None
    cut = typed.partition_by("underlying", "_key", as_dict=True, include_key=False)
    for (underlying, value), rows in sorted(cut.items()):
        yield Part(dataset, underlying, f"{kind.key}={value}", rows, content_digest(rows), metadata or {})


def path_of(part: Part) -> str:
    """Where a part lies below the lake's root."""
    digest = hashlib.sha256(f"{part.dataset} {part.underlying} {part.partition} {part.digest}".encode()).hexdigest()
    return f"{part.dataset}/underlying={quoted(part.underlying)}/{part.partition}/part-{digest[:12]}.parquet"


_PLAIN = frozenset(string.ascii_letters + string.digits + "_.-")


def quoted(text: str) -> str:
    """A partition value as Hive writes it: anything but letters, digits, `_`, `.` and `-` as %XX."""
    return "".join(char if char in _PLAIN else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text)


def encode(frame: pl.DataFrame, metadata: Mapping[str, str]) -> bytes:
    """Parquet, zstd."""
    buffer = io.BytesIO()
    stamped = {LAYOUT_KEY: str(LAYOUT_VERSION), **metadata}
    frame.write_parquet(buffer, compression="zstd", compression_level=3, statistics=True, metadata=stamped)
    return buffer.getvalue()


def content_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of names, types, nulls and values, column by column: the same whatever version wrote the Parquet."""
    hasher = hashlib.sha256()
    for column in frame.iter_columns():
        nulls = column.null_count()
        hasher.update(f"{column.name}:{column.dtype}:{len(column)}:{nulls};".encode())
        if nulls == len(column):
            continue
        if nulls:
            hasher.update(np.packbits(column.is_null().to_numpy()).tobytes())
        if column.dtype == pl.String:
            hasher.update("\x1f".join(text or "" for text in column.to_list()).encode())
        else:
            plain = column.to_physical()
            hasher.update(np.ascontiguousarray((plain.fill_null(0) if nulls else plain).to_numpy()).tobytes())
    return hasher.hexdigest()
