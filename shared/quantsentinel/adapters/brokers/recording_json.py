"""A saved JSON response as a raw snapshot: NSE's option chain or one expiry of Upstox's."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from quantsentinel.errors import BadInput
from quantsentinel.market.parsers.stamps import exchange_stamp
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS
from quantsentinel.ports import Payload, RawSnapshot

JSON = "application/json"


def json_raw(data: bytes, file: Path, named_at: datetime | None) -> RawSnapshot:
    """The raw snapshot of a file; `named_at` is the time in its name. Raises `BadInput` for any other JSON."""
    try:
        body = gzip.decompress(data) if file.suffix == ".gz" else data
        document = json.loads(body)
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"not JSON: {error}", where=str(file), fix="Is the file truncated?") from None
    records = document.get("records") if isinstance(document, dict) else None
    rows = document.get("data") if isinstance(document, dict) else None
    if isinstance(records, dict):
        return _nse(records, body, file, named_at)
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "underlying_key" in rows[0]:
        return _upstox(rows[0], body, file, named_at)
    raise BadInput("no option chain in the JSON", where=str(file), fix="Expected NSE's records or Upstox's data rows")


def _nse(records: dict[str, Any], body: bytes, file: Path, named_at: datetime | None) -> RawSnapshot:
    legs = (row.get(side) for row in records.get("data", []) for side in ("CE", "PE"))
    underlying = next((str(leg["underlying"]) for leg in legs if leg and leg.get("underlying")), None)
    if underlying is None or "timestamp" not in records:
        raise BadInput("no underlying or timestamp in records", where=str(file), fix="Expected NSE's option chain")
    at = named_at or exchange_stamp(str(records["timestamp"])).astimezone(UTC)
    return RawSnapshot(underlying, "nse_site", "nse_json", at, (Payload(body, JSON, at),))


def _upstox(first: dict[str, Any], body: bytes, file: Path, named_at: datetime | None) -> RawSnapshot:
    if named_at is None:
        raise BadInput(
            "Upstox's chain carries no time and the file's name has none",
            where=str(file),
            fix="Name it like NIFTY_20240627_101500.json, by when it was fetched",
        )
    names = {key: name for name, key in INSTRUMENT_KEYS.items()}
    underlying = names.get(str(first["underlying_key"]))
    if underlying is None:
        raise BadInput(f"unknown underlying {first['underlying_key']!r}", where=str(file))
    try:
        expiry = date.fromisoformat(str(first.get("expiry")))
    except ValueError:
        raise BadInput(f"field expiry is {first.get('expiry')!r}, not a date", where=str(file)) from None
    return RawSnapshot(underlying, "upstox", "upstox_v2", named_at, (Payload(body, JSON, named_at, expiry),))
