"""Daily chain CSVs read off the NSE site, in the two layouts that exist: legs as objects with bid and ask (source
`nse_site_untimed`), or flat columns with open interest, volume and last price only (`nse_site_ltp`).

Neither carries a time: the recording gives the file's day. Open interest and volume are lots.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.nse_legs import StrikeRow, side, underlyings
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
    expiry = days_of(frame["expiryDate"].to_list())
    for column in (f"identifier_{right}" for right in ("CE", "PE") if f"identifier_{right}" in frame.columns):
        _require_identifiers(frame[column].drop_nulls().to_list(), raw)
    return ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of((day.item() for day in np.unique(expiry)), raw.payloads[0].received_at),
        expiry=expiry,
        strike=floats(frame, "strikePrice", where),
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
    rows = [
        StrikeRow(listed_date(str(expiry)), float(strike), _leg(call, where), _leg(put, where))
        for strike, expiry, call, put in frame.select(LEG_COLUMNS).iter_rows()
    ]
    require_echo(underlyings(rows), raw)
    spots = [leg["underlyingValue"] for row in rows for leg in (row.call, row.put) if leg and "underlyingValue" in leg]
    return ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of({row.expiry for row in rows}, raw.payloads[0].received_at),
        expiry=np.array([row.expiry for row in rows], dtype="datetime64[D]"),
        strike=np.array([row.strike for row in rows]),
        call=side(rows, "call", where),
        put=side(rows, "put", where),
        spot=float(max(spots, default=0.0)),
    )


def _leg(text: str | None, where: str) -> Mapping[str, Any] | None:
    """A leg written as a Python literal; an empty cell is a side that is not listed."""
    if not text:
        return None
    try:
        leg = ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise BadInput(f"a leg is not an object: {error}", where=where) from None
    if not isinstance(leg, dict):
        raise BadInput(f"a leg is a {type(leg).__name__}, not an object", where=where)
    return leg


def has_legs(header: bytes) -> bool:
    """True for the layout with legs as objects, by the file's first line."""
    return "CE" in io.BytesIO(header).readline().decode("utf-8-sig", "replace").strip().split(",")
