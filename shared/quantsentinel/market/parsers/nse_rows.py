"""Rows of the NSE option-chain page, one per strike and expiry, with bid, ask, sizes, implied vol and the page's time.

Open interest and volume are lots, sizes units, implied vol percent (measured on 2025-08-29: every size is a multiple of
75, the lot; open interest has thirds of lots that become whole units).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.stamps import exchange_stamp
from quantsentinel.market.parsers.table import (
    ChainTable,
    days_of,
    floats,
    read_table,
    require_echo,
    strikes,
    texts,
    to_snapshot,
)
from quantsentinel.market.raw import RawSnapshot
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Floats, Slice, Snapshot

if TYPE_CHECKING:
    import polars as pl

FIELDS: Mapping[str, str] = {
    "bid": "Bid_Price",
    "ask": "Ask_Price",
    "bid_size": "Bid_Qty",
    "ask_size": "Ask_Qty",
    "ltp": "LTP",
    "oi": "OI",
    "oi_change": "Chng_in_OI",
    "volume": "Volume",
    "vendor_iv": "IV",
}
COLUMNS = (
    "Fetch_Time",
    "Symbol",
    "Expiry_Date",
    "Strike_Price",
    *(f"{side}_{name}" for side in ("CALLS", "PUTS") for name in FIELDS.values()),
)


def parse_nse_rows(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """A `nse_site` snapshot: all expiries in one payload, `Fetch_Time` is the exchange's clock."""
    where = f"NSE rows {raw.underlying}"
    payload = raw.payloads[0]
    frame = read_table(payload, COLUMNS, where)
    require_echo(set(texts(frame, "Symbol", where)), raw)
    expiry = days_of(texts(frame, "Expiry_Date", where))
    table = ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=_slices(frame, expiry, payload.received_at),
        expiry=expiry,
        strike=strikes(frame, "Strike_Price", where),
        call=_side(frame, "CALLS", where),
        put=_side(frame, "PUTS", where),
    )
    return to_snapshot(table, rules)


def _slices(frame: pl.DataFrame, expiry: NDArray[np.datetime64], received_at: datetime) -> dict[date, Slice]:
    """The oldest of an expiry's fetch times counts, should a page ever mix two."""
    fetched = texts(frame, "Fetch_Time", "NSE rows")
    stamps = {text: exchange_stamp(str(text)) for text in set(fetched)}
    slices = {}
    for day in np.unique(expiry):
        times = stamps.values() if len(stamps) == 1 else {stamps[fetched[i]] for i in np.flatnonzero(expiry == day)}
        slices[day.item()] = Slice(day.item(), min(times), received_at)
    return slices


def _side(frame: pl.DataFrame, side: str, where: str) -> dict[str, Floats]:
    columns = {name: floats(frame, f"{side}_{printed}", where) for name, printed in FIELDS.items()}
    columns["vendor_iv"] = columns["vendor_iv"] / 100.0
    return columns
