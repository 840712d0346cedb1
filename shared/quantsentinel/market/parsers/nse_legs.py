"""The leg objects of NSE's JSON, in its two spellings: `bidprice`/`bidQty`… and, in v3, `buyPrice1`/`buyQuantity1`…"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from quantsentinel.errors import BadInput
from quantsentinel.market.parsers.table import LARGEST
from quantsentinel.market.snapshot import Floats

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "bid": ("bidprice", "buyPrice1", "bidPrice"),
    "ask": ("askPrice", "sellPrice1"),
    "bid_size": ("bidQty", "buyQuantity1"),
    "ask_size": ("askQty", "sellQuantity1"),
    "ltp": ("lastPrice",),
    "oi": ("openInterest",),
    "oi_change": ("changeinOpenInterest",),
    "volume": ("totalTradedVolume",),
    "vendor_iv": ("impliedVolatility",),
}


class StrikeRow(NamedTuple):
    """One strike of one expiry; a side that is not listed is None."""

    expiry: date
    strike: float
    call: Mapping[str, Any] | None
    put: Mapping[str, Any] | None


def side(rows: Sequence[StrikeRow], name: str, where: str) -> dict[str, Floats]:
    """The value columns of `call` or `put`, vol as a fraction, in the source's units; an absent leg is zeros."""
    legs = [getattr(row, name) for row in rows]
    first = next((leg for leg in legs if leg is not None), None)
    keys = {column: _spelling(first, column, where) for column in SPELLINGS} if first is not None else {}
    columns = {column: np.zeros(len(rows)) for column in SPELLINGS}
    for place, leg in enumerate(legs):
        if leg is not None:
            for column, key in keys.items():
                columns[column][place] = number(leg, key, where)
    columns["vendor_iv"] /= 100.0
    return columns


def _spelling(leg: Mapping[str, Any], column: str, where: str) -> str:
    found = next((key for key in SPELLINGS[column] if key in leg), None)
    if found is None:
        raise BadInput(f"a leg has no {column}", where=where, fix=f"Expected one of {', '.join(SPELLINGS[column])}")
    return found


def number(values: Mapping[str, Any], key: str, where: str) -> float:
    """A number of a JSON object, 0.0 for null. Raises `BadInput` naming a missing or non-numeric field."""
    if key not in values:
        raise BadInput(f"field {key} is missing", where=where, fix=f"Found {', '.join(map(str, list(values)[:20]))}")
    value = values[key]
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"field {key} is {str(value)[:40]!r}, not a number", where=where)
    if not abs(value) <= LARGEST:
        raise BadInput(f"field {key} is beyond {LARGEST:g}", where=where)
    return float(value)


def positive(values: Mapping[str, Any], key: str, where: str) -> float:
    """A strike. Raises `BadInput` when it is no positive number."""
    found = number(values, key, where)
    if found <= 0:
        raise BadInput(f"field {key} is {found:g}, not a positive number", where=where)
    return found


def leg_of(row: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any] | None:
    """An object of a row, None when the side is not listed. Raises `BadInput` for anything else."""
    leg = row.get(name)
    if leg is not None and not isinstance(leg, Mapping):
        raise BadInput(f"field {name} is a {type(leg).__name__}, not an object", where=where)
    return leg


def underlyings(rows: Sequence[StrikeRow]) -> set[str]:
    """The names that the legs say they belong to."""
    legs = (leg for row in rows for leg in (row.call, row.put) if leg is not None)
    return {str(leg["underlying"]) for leg in legs if leg.get("underlying")}
