"""A small honest chain for tests of parsers, codec and guards: flat-vol Black-76 quotes on the tick grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np

from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import VALUE_COLUMNS, Floats, Slice, Snapshot
from quantsentinel.pricing import black76

AT = datetime(2025, 8, 29, 11, 0, tzinfo=IST)
EXPIRIES = (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 30))
LAG = timedelta(seconds=40)
FORWARD = 24_500.0
RATE = 0.055
LOT = 75.0


@cache
def rules() -> RuleBook:
    return load_rules()


def chain(
    *,
    at: datetime = AT,
    expiries: Sequence[date] = EXPIRIES,
    source: str = "nse_site",
    underlying: str = "NIFTY",
    forward: float = FORWARD,
    lag: timedelta | None = LAG,
    volume: float = 750.0,
) -> Snapshot:
    """41 strikes an expiry, 50 points apart; bid and ask half a point around the model price, at least a tick."""
    strikes = np.arange(forward - 1000, forward + 1001, 50.0)
    exchange_time = None if lag is None else at - lag
    sides = {right: [_side(strikes, expiry, at, forward, right) for expiry in expiries] for right in ("CE", "PE")}
    columns = {
        right: {name: np.concatenate([part[name] for part in parts]) for name in VALUE_COLUMNS}
        for right, parts in sides.items()
    }
    for values in columns.values():
        values["volume"][:] = volume
    return Snapshot.build(
        underlying=underlying,
        source=source,
        capability=contract_for(source).capability,
        slices={expiry: Slice(expiry, exchange_time, at) for expiry in expiries},
        expiry=np.repeat(np.array(expiries, dtype="datetime64[D]"), len(strikes)),
        strike=np.tile(strikes, len(expiries)),
        call=columns["CE"],
        put=columns["PE"],
    )


def _side(strikes: Floats, expiry: date, at: datetime, forward: float, right: str) -> dict[str, Floats]:
    settles = datetime(expiry.year, expiry.month, expiry.day, 15, 30, tzinfo=IST)
    years = max((settles - at).total_seconds(), 0.0) / (365 * 86_400)
    price = np.asarray(
        black76.price(forward, strikes, years, 0.12, np.exp(-RATE * years), np.full(len(strikes), right == "CE"))
    )
    bid = np.maximum(np.floor(price / 0.05) * 0.05 - 0.25, 0.05)
    shape = np.ones(len(strikes))
    return {
        "bid": bid,
        "ask": bid + 0.5,
        "bid_size": LOT * 10 * shape,
        "ask_size": LOT * 12 * shape,
        "ltp": bid,
        "oi": LOT * 100 * shape,
        "oi_change": -LOT * shape,
        "volume": LOT * shape,
        "vendor_iv": 0.12 * shape,
    }


def changed(snapshot: Snapshot, **columns: Mapping[int, float]) -> Snapshot:
    """A copy with single cells replaced: `changed(s, bid={3: 0.0})`."""
    new = {name: column.copy() for name, column in snapshot.columns.items()}
    for name, cells in columns.items():
        for row, value in cells.items():
            new[name][row] = value
    return replace(snapshot, columns=new)


def judged(
    snapshot: Snapshot,
    *,
    previous: Snapshot | None = None,
    last_seen: Snapshot | None = None,
    decided_at: datetime | None = None,
    underlying: str | None = None,
) -> Firewall:
    """The firewall's answer under the contract of the snapshot's own source."""
    context = IntegrityContext(
        underlying=underlying or snapshot.underlying,
        contract=contract_for(snapshot.source),
        rules=rules(),
        decided_at=decided_at or snapshot.received_at,
        previous=previous,
        last_seen=last_seen,
    )
    return check(snapshot, context)


def refusal(firewall: Firewall) -> str:
    """The guard that refused, or an empty text."""
    return firewall.first_stop.guard if firewall.first_stop else ""
