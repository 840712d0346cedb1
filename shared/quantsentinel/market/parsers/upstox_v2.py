"""Upstox v2 option chain: one expiry a payload, prices in points, everything else in units, no time of its own.

Implied vol is percent and may be null, 0 or above 100 for deep strikes; it is kept for comparison only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.nse_legs import leg_of, number, positive
from quantsentinel.market.parsers.payload import load_json
from quantsentinel.market.parsers.stamps import listed_date
from quantsentinel.market.parsers.table import ChainTable, spot_of, to_snapshot
from quantsentinel.market.raw import Payload, RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import GREEK_COLUMNS, VALUE_COLUMNS, Floats, Slice, Snapshot

INSTRUMENT_KEYS: Mapping[str, str] = {
    "NIFTY": "NSE_INDEX|Nifty 50",
    "BANKNIFTY": "NSE_INDEX|Nifty Bank",
    "FINNIFTY": "NSE_INDEX|Nifty Fin Service",
    "SENSEX": "BSE_INDEX|SENSEX",
}
MARKET_FIELDS: Mapping[str, str] = {
    "bid": "bid_price",
    "ask": "ask_price",
    "bid_size": "bid_qty",
    "ask_size": "ask_qty",
    "ltp": "ltp",
    "oi": "oi",
    "volume": "volume",
}


def parse_upstox_v2(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """An `upstox` snapshot: each slice keeps the receipt of its own call."""
    where = f"Upstox chain {raw.underlying}"
    expiries: list[date] = []
    rows: list[Mapping[str, Any]] = []
    slices: dict[date, Slice] = {}
    notes = []
    for payload in sorted(raw.payloads, key=lambda item: (item.received_at, str(item.expiry))):
        data = load_chain(payload.body, where)
        if not data:
            notes.append(f"{payload.expiry} left out: the source sent no rows")
            continue
        expiry = _identity(raw, payload, data)
        slices[expiry] = Slice(expiry, None, payload.received_at)
        rows += data
        expiries += [expiry] * len(data)
    if not rows:
        raise BadInput("no rows in any expiry", where=where)
    table = ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices,
        expiry=np.array(expiries, dtype="datetime64[D]"),
        strike=np.array([positive(row, "strike_price", where) for row in rows]),
        call=_side(rows, "call_options", where),
        put=_side(rows, "put_options", where),
        spot=spot_of(number(rows[-1], "underlying_spot_price", where), where),
        notes=tuple(notes),
    )
    return to_snapshot(table, rules)


def load_chain(body: bytes, where: str) -> list[Mapping[str, Any]]:
    """The `data` rows. Raises `BadInput` for truncated JSON, a status other than success, or another shape."""
    document = load_json(body, where)
    if not isinstance(document, dict) or document.get("status") != "success":
        status = document.get("status") if isinstance(document, dict) else type(document).__name__
        raise BadInput(f"status {status!r}, expected 'success'", where=where)
    data = document.get("data")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise BadInput("field data is missing or not a list of rows", where=where)
    return data


def _identity(raw: RawSnapshot, payload: Payload, data: list[Mapping[str, Any]]) -> date:
    """The one expiry of a payload. Raises `BadInput` when it is not what was asked for."""
    where = f"identity, Upstox chain {raw.underlying}"
    wanted = INSTRUMENT_KEYS.get(raw.underlying, raw.underlying)
    keys = {str(row.get("underlying_key")) for row in data} - {wanted}
    if keys:
        raise BadInput(f"asked for {wanted}, got {', '.join(sorted(keys))[:200]}", where=where)
    printed = {str(row.get("expiry")) for row in data}
    expected = {payload.expiry.isoformat()} if payload.expiry else set(list(printed)[:1])
    if printed != expected:
        raise BadInput(f"asked for expiry {', '.join(expected)}, got {', '.join(sorted(printed))[:200]}", where=where)
    return listed_date(printed.pop())


def _side(rows: list[Mapping[str, Any]], name: str, where: str) -> dict[str, Floats]:
    columns = {column: np.zeros(len(rows)) for column in VALUE_COLUMNS}
    columns |= {column: np.full(len(rows), np.nan) for column in GREEK_COLUMNS}
    for place, row in enumerate(rows):
        leg = leg_of(row, name, where) or {}
        market, greeks = leg_of(leg, "market_data", where), leg_of(leg, "option_greeks", where) or {}
        if market is None:
            raise BadInput(f"field {name}.market_data is missing", where=where)
        for column, field in MARKET_FIELDS.items():
            columns[column][place] = number(market, field, where)
        columns["oi_change"][place] = columns["oi"][place] - number(market, "prev_oi", where)
        columns["vendor_iv"][place] = number(greeks, "iv", where) / 100.0 if "iv" in greeks else 0.0
        for column in GREEK_COLUMNS:
            field = column.removeprefix("vendor_")
            if greeks.get(field) is not None:
                columns[column][place] = number(greeks, field, where)
    return columns
