"""Long rows, one per contract, with the vendor's Greeks and no bid or ask: analytics, no entries.

Open interest and volume are lots, implied vol percent with a floor of 0.1; the stamp (`202608201202`) is the reader's
clock to the minute. A contract that never traded has no row, so a call may stand without its put.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.parsers.table import (
    ChainTable,
    absent,
    days_of,
    floats,
    printed,
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
from quantsentinel.market.snapshot import GREEK_COLUMNS, VALUE_COLUMNS, Floats, Snapshot

FIELDS: Mapping[str, str] = {"ltp": "ltp", "oi": "oi", "oi_change": "oi_chg", "volume": "volume", "vendor_iv": "iv"}
COLUMNS = ("timestamp", "symbol", "expiry", "strike", "option_type", "spot", *FIELDS.values())
ALIASES = {"NIFTY": ("NIFTY50", "NIFTY 50"), "BANKNIFTY": ("NIFTYBANK", "NIFTY BANK")}


def parse_nse_greeks(raw: RawSnapshot, rules: RuleBook) -> Snapshot:
    """An `ltp_only` snapshot from long rows. Raises `BadInput` for a contract that stands twice."""
    where = f"Greeks rows {raw.underlying}"
    payload = raw.payloads[0]
    frame = read_table(payload, COLUMNS, where)
    require_echo(set(texts(frame, "symbol", where)), raw, *ALIASES.get(raw.underlying, ()))
    days, listed = days_of(texts(frame, "expiry", where)), strikes(frame, "strike", where)
    rights = np.array(texts(frame, "option_type", where))
    if not np.isin(rights, ("CE", "PE")).all():
        raise BadInput(f"option types {sorted(set(map(str, rights)))[:5]}", where=where, fix="Expected CE and PE")
    keys, pair = np.unique(np.array([days.astype(np.float64), listed]), axis=1, return_inverse=True)
    values = {name: floats(frame, column, where) for name, column in FIELDS.items()}
    values["vendor_iv"] = values["vendor_iv"] / 100.0
    greeks = {name: name.removeprefix("vendor_") for name in GREEK_COLUMNS}
    values |= {name: printed(frame, column, where) for name, column in greeks.items() if column in frame.columns}
    expiry = keys[0].astype(np.int64).astype("datetime64[D]")
    sides = [_side(values, pair[rights == right], rights == right, len(expiry), where) for right in ("CE", "PE")]
    table = ChainTable(
        raw=raw,
        contract=contract_for(raw.source),
        slices=slices_of((day.item() for day in np.unique(expiry)), payload.received_at),
        expiry=expiry,
        strike=keys[1],
        call=sides[0],
        put=sides[1],
        spot=spot_of(floats(frame, "spot", where)[0], where),
    )
    return to_snapshot(table, rules)


def _side(
    values: Mapping[str, Floats], pair: NDArray[np.int64], mine: NDArray[np.bool_], pairs: int, where: str
) -> dict[str, Floats]:
    if len(np.unique(pair)) != len(pair):
        raise BadInput("the same contract twice", where=where)
    columns = {name: absent(pairs) for name in VALUE_COLUMNS}
    columns |= {name: np.full(pairs, np.nan) for name in GREEK_COLUMNS}
    for name, column in values.items():
        columns[name][pair] = column[mine]
    return columns
