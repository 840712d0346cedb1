"""A snapshot as Parquet bytes and back, digest preserved: the accepted object in the bucket.

One row per (expiry, strike) with the columns of `PAIR_COLUMNS`; everything else is canonical JSON in the file's
key-value metadata. The same snapshot always gives the same bytes under one polars version; the content address is the
snapshot's own digest, which does not depend on the encoding.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from quantsentinel.canonical import canonical_bytes
from quantsentinel.errors import BadInput
from quantsentinel.market.snapshot import COLUMNS, SCHEMAS, Slice, Snapshot

if TYPE_CHECKING:
    import polars as pl

PAIR_COLUMNS = (
    "strike",
    *(f"call_{name}" for name in COLUMNS),
    *(f"put_{name}" for name in COLUMNS),
)
SNAPSHOT_KEY = "quantsentinel.snapshot"
PARQUET = "application/vnd.apache.parquet"


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Parquet (zstd) of one snapshot."""
    import polars as pl

    buffer = io.BytesIO()
    header = canonical_bytes(snapshot_header(snapshot)).decode()
    pl.DataFrame(pair_columns(snapshot)).write_parquet(
        buffer, compression="zstd", compression_level=1, statistics=False, metadata={SNAPSHOT_KEY: header}
    )
    return buffer.getvalue()


def decode_snapshot(data: bytes) -> Snapshot:
    """The inverse of `encode_snapshot`. Raises `BadInput` for other bytes, a truncated file or another schema."""
    import polars as pl

    try:
        header = pl.read_parquet_metadata(io.BytesIO(data)).get(SNAPSHOT_KEY)
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise BadInput(f"not a Parquet file: {_first_line(error)}", where="snapshot object") from None
    if header is None:
        raise BadInput(f"the Parquet file has no {SNAPSHOT_KEY} metadata", where="snapshot object")
    try:
        described = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the header is no JSON: {_first_line(error)}", where="snapshot object") from None
    return snapshot_from(described, frame)


def snapshot_header(snapshot: Snapshot) -> dict[str, Any]:
    """All of a snapshot but its rows, as plain values."""
    return {
        "underlying": snapshot.underlying,
        "source": snapshot.source,
        "capability": snapshot.capability,
        "schema_version": snapshot.schema_version,
        "slices": snapshot.slices,
        "pairs": (np.diff(snapshot.offsets) // 2).tolist(),
        "spot": snapshot.spot,
        "notes": snapshot.notes,
    }


def pair_columns(snapshot: Snapshot) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """`PAIR_COLUMNS` of a snapshot, each (n_pairs,), by expiry and strike."""
    columns = {"strike": snapshot.strike[0::2]}
    for name in COLUMNS:
        columns[f"call_{name}"] = snapshot.columns[name][0::2]
        columns[f"put_{name}"] = snapshot.columns[name][1::2]
    return {name: np.ascontiguousarray(columns[name]) for name in PAIR_COLUMNS}


def snapshot_from(header: Mapping[str, Any], frame: pl.DataFrame) -> Snapshot:
    """A snapshot of any known schema version. Raises `BadInput` when header and rows do not belong together.

    The header is JSON of whatever shape: its values are taken as they are, `require_sound` looks at foreign ones.
    """
    version = header.get("schema_version") if isinstance(header, Mapping) else None
    if type(version) is not int or version not in SCHEMAS:
        raise BadInput(f"schema version {version!r:.40}, known {', '.join(map(str, SCHEMAS))}", where="snapshot")
    names = SCHEMAS[version]
    expected = ("strike", *(f"{side}_{name}" for side in ("call", "put") for name in names))
    missing = [name for name in expected if name not in frame.columns]
    if missing:
        raise BadInput(f"missing columns {missing}", where="snapshot rows", fix=f"Expected {', '.join(expected)}")
    try:
        slices = [_slice(raw) for raw in header["slices"]]
        pairs = [int(count) for count in header["pairs"]]
        if min(pairs, default=0) < 0 or sum(pairs) != frame.height:  # before memory is given to what a number claims
            raise ValueError(f"{sum(pairs)} pairs told, {frame.height} rows")
        values = {name: frame[name].to_numpy().astype(np.float64, copy=False) for name in expected}
        expiry = np.repeat(np.array([part.expiry for part in slices], dtype="datetime64[D]"), pairs)
        return Snapshot.build(
            underlying=header["underlying"],
            source=header["source"],
            capability=header["capability"],
            slices={part.expiry: part for part in slices},
            expiry=expiry,
            strike=values["strike"],
            call={name: values[f"call_{name}"] for name in names},
            put={name: values[f"put_{name}"] for name in names},
            spot=header["spot"],
            notes=tuple(header["notes"]),
            schema_version=version,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(f"the header does not describe a snapshot: {error!r}", where="snapshot") from None


def _slice(raw: Mapping[str, Any]) -> Slice:
    exchange_time = raw["exchange_time"]
    return Slice(
        expiry=date.fromisoformat(raw["expiry"]),
        exchange_time=None if exchange_time is None else datetime.fromisoformat(exchange_time),
        received_at=datetime.fromisoformat(raw["received_at"]),
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
