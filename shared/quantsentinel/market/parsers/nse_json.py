"""NSE's option-chain JSON as saved from the site: the whole chain (the older page) or one expiry a payload (v3)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.nse_legs import StrikeRow, side, underlyings
from quantsentinel.market.parsers.stamps import exchange_stamp, listed_date
from quantsentinel.market.parsers.table import ChainTable, require_echo, slices_of, to_snapshot
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Slice, Snapshot

_GZIP_MAGIC = b"\x1f\x8b"


def parse_nse_json(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """A `nse_site` snapshot; `records.timestamp` is the exchange's clock, per payload."""
    where = f"NSE JSON {raw.underlying}"
    rows: list[StrikeRow] = []
    slices: dict[Any, Slice] = {}
    spot = 0.0
    for payload in sorted(raw.payloads, key=lambda item: item.received_at):
        records = load_records(payload.body, where)
        found = _rows(records, payload, where)
        stamp = exchange_stamp(str(records["timestamp"]))
        slices |= slices_of({row.expiry for row in found}, payload.received_at, stamp)
        spot = float(records.get("underlyingValue") or spot)
        rows += found
    require_echo(underlyings(rows), raw)
    table = ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices,
        expiry=np.array([row.expiry for row in rows], dtype="datetime64[D]"),
        strike=np.array([row.strike for row in rows]),
        call=side(rows, "call", where),
        put=side(rows, "put", where),
        spot=spot,
    )
    return to_snapshot(table, rules)


def load_records(body: bytes, where: str) -> Mapping[str, Any]:
    """The `records` object. Raises `BadInput` for truncated JSON, `{}` (a blocked reader) or missing fields."""
    try:
        document = json.loads(gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body)
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"not JSON: {error}", where=where, fix="Is it truncated?") from None
    records = document.get("records") if isinstance(document, dict) else None
    missing = [name for name in ("timestamp", "data") if not isinstance(records, dict) or name not in records]
    if not isinstance(records, dict) or missing:
        raise BadInput(f"missing records.{', records.'.join(missing)}", where=where, fix="Expected NSE's option chain")
    return records


def _rows(records: Mapping[str, Any], payload: Payload, where: str) -> list[StrikeRow]:
    try:
        rows = [
            StrikeRow(
                expiry=listed_date(str(row.get("expiryDate") or row["expiryDates"])),
                strike=float(row["strikePrice"]),
                call=row.get("CE"),
                put=row.get("PE"),
            )
            for row in records["data"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"a row of records.data has no {error}", where=where) from None
    others = {row.expiry for row in rows} - {payload.expiry} if payload.expiry else set()
    if others:
        raise BadInput(f"asked for {payload.expiry}, got {min(others)}", where=f"identity, {where}")
    return rows
