"""NSE's option-chain JSON as saved from the site: the whole chain (the older page) or one expiry a payload (v3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.nse_legs import StrikeRow, leg_of, number, positive, side, underlyings
from quantsentinel.market.parsers.payload import MAX_BYTES, gunzip, load_json
from quantsentinel.market.parsers.stamps import exchange_stamp, listed_date
from quantsentinel.market.parsers.table import ChainTable, require_echo, slices_of, spot_of, to_snapshot
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
        if "underlyingValue" in records:
            spot = number(records, "underlyingValue", where) or spot
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
        spot=spot_of(spot, where),
    )
    return to_snapshot(table, rules)


def load_records(body: bytes, where: str) -> Mapping[str, Any]:
    """The `records` object. Raises `BadInput` for truncated JSON, `{}` (a blocked reader) or missing fields."""
    document = load_json(gunzip(body, MAX_BYTES["json"], where) if body.startswith(_GZIP_MAGIC) else body, where)
    records = document.get("records") if isinstance(document, dict) else None
    missing = [name for name in ("timestamp", "data") if not isinstance(records, dict) or name not in records]
    if not isinstance(records, dict) or missing:
        raise BadInput(f"missing records.{', records.'.join(missing)}", where=where, fix="Expected NSE's option chain")
    return records


def _rows(records: Mapping[str, Any], payload: Payload, where: str) -> list[StrikeRow]:
    if not isinstance(records["data"], list):
        raise BadInput("records.data is no list", where=where)
    rows = [_row(row, where) for row in records["data"]]
    others = {row.expiry for row in rows} - {payload.expiry} if payload.expiry else set()
    if others:
        raise BadInput(f"asked for {payload.expiry}, got {min(others)}", where=f"identity, {where}")
    return rows


def _row(row: Any, where: str) -> StrikeRow:
    if not isinstance(row, Mapping):
        raise BadInput(f"a row of records.data is a {type(row).__name__}, not an object", where=where)
    expiry = row.get("expiryDate") or row.get("expiryDates")
    if not isinstance(expiry, str):
        raise BadInput("a row of records.data has no expiryDate", where=where)
    strike = positive(row, "strikePrice", where)
    return StrikeRow(listed_date(expiry), strike, leg_of(row, "CE", where), leg_of(row, "PE", where))
