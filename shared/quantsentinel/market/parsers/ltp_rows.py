"""Rows with last prices and open interest only, call and put side by side: analytics, no entries.

Open interest and volume are units (multiples of 65 and 30 throughout January 2026). The stamp is the reader's own
clock to the minute, so there is no exchange time; a spot of 0 means that there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.table import (
    ChainTable,
    absent,
    days_of,
    floats,
    read_table,
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

COLUMNS = ("Stock", "Expiry", "Strike", "CE_LTP", "CE_OI", "PE_LTP", "PE_OI", "Stock_LTP", "timestamp")


def parse_ltp_rows(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """An `ltp_only` snapshot; `CE_Volume` and `PE_Volume` are read where the file has them."""
    where = f"LTP rows {raw.underlying}"
    payload = raw.payloads[0]
    frame = read_table(payload, COLUMNS, where)
    require_echo(set(texts(frame, "Stock", where)), raw)
    expiry = days_of(texts(frame, "Expiry", where))
    table = ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of((day.item() for day in np.unique(expiry)), payload.received_at),
        expiry=expiry,
        strike=strikes(frame, "Strike", where),
        call=_side(frame, "CE", where),
        put=_side(frame, "PE", where),
        spot=spot_of(floats(frame, "Stock_LTP", where)[0], where),
    )
    return to_snapshot(table, rules)


def _side(frame: pl.DataFrame, side: str, where: str) -> dict[str, Floats]:
    columns = {name: absent(frame.height) for name in VALUE_COLUMNS}
    columns["ltp"], columns["oi"] = floats(frame, f"{side}_LTP", where), floats(frame, f"{side}_OI", where)
    if f"{side}_Volume" in frame.columns:
        columns["volume"] = floats(frame, f"{side}_Volume", where)
    return columns
