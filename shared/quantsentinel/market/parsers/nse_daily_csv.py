"""Daily chain CSVs read off the NSE site, in the two layouts that exist: legs as objects with bid and ask (source
`nse_site_untimed`), or flat columns with open interest, volume and last price only (`nse_site_ltp`).

Neither carries a time: the recording gives the file's day. Open interest and volume are lots.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.nse_legs import StrikeRow, number, side, underlyings
from quantsentinel.market.parsers.stamps import listed_date
from quantsentinel.market.parsers.table import (
    ChainTable,
    absent,
    days_of,
    floats,
    read_table,
    require_columns,
    require_echo,
    slices_of,
    spot_of,
    strikes,
    texts,
    to_snapshot,
)
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import VALUE_COLUMNS, Floats, Snapshot

if TYPE_CHECKING:
    import polars as pl

LEG_COLUMNS = ("strikePrice", "expiryDate", "CE", "PE")
FLAT_COLUMNS = (
    "strikePrice",
    "expiryDate",
    *(f"{side_}_{name}" for side_ in ("CE", "PE") for name in ("OI", "TotVol", "LTP")),
)


def parse_nse_daily_csv(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """Either layout, told apart by its header. Raises `BadInput` for a file without any price."""
    where = f"NSE daily CSV {raw.underlying}"
    frame = read_table(raw.payloads[0], ("strikePrice", "expiryDate"), where)
    table = _legs(raw, frame, where) if "CE" in frame.columns else _flat(raw, frame, where)
    return to_snapshot(table, rules)


def _flat(raw: RawSnapshot, frame: pl.DataFrame, where: str) -> ChainTable:
    require_columns(frame.columns, FLAT_COLUMNS, where)
    expiry = days_of(texts(frame, "expiryDate", where))
    for column in (f"identifier_{right}" for right in ("CE", "PE") if f"identifier_{right}" in frame.columns):
        _require_identifiers(frame[column].drop_nulls().to_list(), raw)
    return ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of((day.item() for day in np.unique(expiry)), raw.payloads[0].received_at),
        expiry=expiry,
        strike=strikes(frame, "strikePrice", where),
        call=_flat_side(frame, "CE", where),
        put=_flat_side(frame, "PE", where),
    )


def _flat_side(frame: pl.DataFrame, right: str, where: str) -> dict[str, Floats]:
    columns = {name: absent(frame.height) for name in VALUE_COLUMNS}
    for name, printed in (("ltp", "LTP"), ("oi", "OI"), ("volume", "TotVol")):
        columns[name] = floats(frame, f"{right}_{printed}", where)
    return columns


def _require_identifiers(identifiers: list[str], raw: RawSnapshot) -> None:
    prefix = f"OPTIDX{raw.underlying}"
    others = {text for text in identifiers if not text.startswith(prefix) or not text[len(prefix)].isdigit()}
    if others:
        raise BadInput(f"asked for {raw.underlying}, a row is {min(others)}", where=f"identity, {raw.source}")


def _legs(raw: RawSnapshot, frame: pl.DataFrame, where: str) -> ChainTable:
    require_columns(frame.columns, LEG_COLUMNS, where)
    printed = frame.select(LEG_COLUMNS[1:]).iter_rows()
    rows = [
        StrikeRow(listed_date(str(expiry)), strike, _leg(call, where), _leg(put, where))
        for strike, (expiry, call, put) in zip(strikes(frame, "strikePrice", where).tolist(), printed, strict=True)
    ]
    require_echo(underlyings(rows), raw)
    legs = [leg for row in rows for leg in (row.call, row.put) if leg and "underlyingValue" in leg]
    spot = max((number(leg, "underlyingValue", where) for leg in legs), default=0.0)
    return ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of({row.expiry for row in rows}, raw.payloads[0].received_at),
        expiry=np.array([row.expiry for row in rows], dtype="datetime64[D]"),
        strike=np.array([row.strike for row in rows]),
        call=side(rows, "call", where),
        put=side(rows, "put", where),
        spot=spot_of(spot, where),
    )


def _leg(text: Any, where: str) -> Mapping[str, Any] | None:
    """A leg written as a Python literal of names and plain values; an empty cell is a side that is not listed.

    Read by a pattern, not by Python's own reader: that one recurses, and a cell is foreign text.
    """
    if not text:
        return None
    found = _OBJECT.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_LEG_CHARS else None
    if found is None:
        raise BadInput(f"a leg is not an object of plain values: {str(text)[:60]!r}", where=where)
    leg: dict[str, Any] = {}
    for name, quoted, printed in _PAIR.findall(text):
        if name in leg:
            raise BadInput(f"a leg has {name} twice", where=where)
        leg[name] = float(printed) if printed and printed != "None" else (None if printed else quoted)
    return leg


MAX_LEG_CHARS = 4_000
_ONE = r"'([A-Za-z0-9_]+)': (?:'([^'\\]*)'|(None|-?[0-9]{1,15}(?:\.[0-9]{1,20})?))"
_PAIR = re.compile(_ONE)
_OBJECT = re.compile(r"\{" + f"(?:{_ONE}(?:, (?=')|(?=}})))+" + r"\}")


def has_legs(header: bytes) -> bool:
    """True for the layout with legs as objects, by the file's first line."""
    return "CE" in io.BytesIO(header).readline().decode("utf-8-sig", "replace").strip().split(",")
