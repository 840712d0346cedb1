"""A saved JSON response as a raw snapshot: NSE's option chain or one expiry of Upstox's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from quantsentinel.errors import BadInput
from quantsentinel.market.parsers.payload import load_json
from quantsentinel.market.parsers.stamps import exchange_stamp, listed_date
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS
from quantsentinel.market.raw import Payload, RawSnapshot

JSON = "application/json"


def json_raw(body: bytes, where: str, named_at: datetime | None) -> tuple[RawSnapshot, int]:
    """The raw snapshot of a file and how many rows it has. Raises `BadInput` for any other JSON.

    `named_at` is the time in the file's name.
    """
    document = load_json(body, where)
    records = document.get("records") if isinstance(document, dict) else None
    rows = document.get("data") if isinstance(document, dict) else None
    if isinstance(records, dict):
        data = records.get("data")
        return _nse(records, body, where, named_at), len(data) if isinstance(data, list) else 0
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "underlying_key" in rows[0]:
        return _upstox(rows[0], body, where, named_at), len(rows)
    raise BadInput("no option chain in the JSON", where=where, fix="Expected NSE's records or Upstox's data rows")


def _nse(records: dict[str, Any], body: bytes, where: str, named_at: datetime | None) -> RawSnapshot:
    data = records.get("data")
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    legs = (row.get(side) for row in rows for side in ("CE", "PE"))
    names = (leg.get("underlying") for leg in legs if isinstance(leg, dict))
    underlying = next((name for name in names if isinstance(name, str) and name), None)
    if underlying is None or "timestamp" not in records:
        raise BadInput("no underlying or timestamp in records", where=where, fix="Expected NSE's option chain")
    at = named_at or exchange_stamp(str(records["timestamp"])).astimezone(UTC)
    return RawSnapshot(underlying, "nse_site", "nse_json", at, (Payload(body, JSON, at),))


def _upstox(first: dict[str, Any], body: bytes, where: str, named_at: datetime | None) -> RawSnapshot:
    if named_at is None:
        raise BadInput(
            "Upstox's chain carries no time and the file's name has none",
            where=where,
            fix="Name it like NIFTY_20240627_101500.json, by when it was fetched",
        )
    names = {key: name for name, key in INSTRUMENT_KEYS.items()}
    underlying = names.get(str(first["underlying_key"]))
    if underlying is None:
        raise BadInput(f"unknown underlying {first['underlying_key']!r}", where=where)
    try:
        expiry = listed_date(str(first.get("expiry")))
    except BadInput:
        raise BadInput(f"field expiry is {first.get('expiry')!r}, not a date", where=where) from None
    return RawSnapshot(underlying, "upstox", "upstox_v2", named_at, (Payload(body, JSON, named_at, expiry),))
