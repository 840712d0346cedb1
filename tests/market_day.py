"""Synthetic market for tests of the market pass: quotes from Black-76 in the variance clock, on the real rule book.

The vol is known, so what the pass must find is known; nothing is typed in that the code under test computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from quantsentinel.desk import Desk, load_policy
from quantsentinel.features.timeline import session_frame, slice_times
from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.history import History, ParticipantOi
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import VALUE_COLUMNS, Floats, Slice, Snapshot
from quantsentinel.pricing import black76

DAY = date(2025, 8, 29)
NOON = datetime(2025, 8, 29, 12, 0, tzinfo=IST)
EXPIRIES = (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 16), date(2025, 9, 30))
FORWARD = 24_512.5
LOT = 75.0
TICK = 0.05
Smile = Callable[[Floats], Floats]


@cache
def rules() -> RuleBook:
    return load_rules()


def desk(overlay: Mapping[str, Any] | None = None) -> Desk:
    return Desk(rules=rules(), policy=load_policy(overlay), code_version="test")


def flat(vol: float) -> Smile:
    return lambda k: np.full(len(k), vol)


def skewed(vol: float, slope: float = -0.25, curvature: float = 2.0) -> Smile:
    """Vol by log-moneyness."""
    return lambda k: vol + slope * k * vol + curvature * k * k


def snapshot(
    at: datetime = NOON,
    smile: Smile | None = None,
    *,
    half_spread: float = 0.5,
    forward: float = FORWARD,
    expiries: tuple[date, ...] = EXPIRIES,
    size: float = 40.0,
    capability: str = "quotes",
) -> Snapshot:
    """61 strikes an expiry, 50 points apart; every mid is the model's value to the rounding of the tick."""
    frame = session_frame(rules(), "NIFTY", at.date(), expiries, 0.332)
    strike = np.arange(23_000.0, 26_001.0, 50.0)
    sides: dict[bool, list[dict[str, Floats]]] = {True: [], False: []}
    slices = {day: Slice(day, at - timedelta(seconds=1), at) for day in expiries}
    for part in slices.values():
        times = slice_times(frame, part)
        vol = (smile or flat(0.12))(np.log(strike / forward))
        for right, parts in sides.items():
            value = black76.price(forward, strike, max(times.variance_years, 1e-9), vol, times.discount, right)
            parts.append(_columns(value, half_spread, size))
    call, put = ({name: np.concatenate([p[name] for p in parts]) for name in VALUE_COLUMNS} for parts in sides.values())
    return Snapshot.build(
        underlying="NIFTY",
        source="simulator",
        capability=capability,  # type: ignore[arg-type]  # a test may pass any text
        slices=slices,
        expiry=np.repeat(np.array(expiries, dtype="datetime64[D]"), len(strike)),
        strike=np.tile(strike, len(expiries)),
        call=call,
        put=put,
    )


def _columns(value: Floats, half_spread: float, lots: float) -> dict[str, Floats]:
    bid = np.round(np.maximum(value - half_spread, TICK) / TICK) * TICK
    ask = np.round(np.maximum(value + half_spread, 2 * TICK) / TICK) * TICK
    ones = np.ones(len(value))
    shape = {"bid_size": lots * LOT, "ask_size": lots * LOT, "oi": 1000 * LOT, "oi_change": LOT, "volume": 500 * LOT}
    return {"bid": bid, "ask": ask, "ltp": bid, "vendor_iv": 0 * ones, **{k: v * ones for k, v in shape.items()}}


def history(daily_vol: float | None = 0.12, sessions: int = 60, **fields: Any) -> History:
    """Daily bars of constant variance in the variance clock: every move has the size of `daily_vol` (annual) over the
    units between two closes, all of it overnight."""
    days: list[date] = []
    session: date = fields.pop("session", DAY)
    day = session
    while daily_vol is not None and len(days) < sessions:
        day = rules().previous_session(day).day
        days.append(day)
    days.reverse()
    units = session_frame(rules(), "NIFTY", DAY, EXPIRIES, 0.332).clock.close_to_close_units(days)
    moves = (daily_vol or 0.0) * np.sqrt(units / 252.0) * np.resize([1.0, -1.0], units.size)
    closes = FORWARD * np.exp(np.concatenate(([0.0], np.cumsum(moves))))
    bars = tuple(DailyBar(day, c, c, c, c) for day, c in zip(days, closes.tolist(), strict=False))
    return History("NIFTY", session, daily=bars, **fields)


def firewall(taken: Snapshot) -> Firewall:
    return check(taken, IntegrityContext("NIFTY", contract_for(taken.source), rules(), taken.received_at))


def with_column(taken: Snapshot, name: str, factor: float, side: int) -> Snapshot:
    column = taken.columns[name].copy()
    column[side::2] *= factor
    return replace(taken, columns={**taken.columns, name: column})


def evening(call_net: float, put_net: float, hours_ago: float = 16.0) -> ParticipantOi:
    none = dict.fromkeys(("client", "dii", "fii", "pro"), 100.0)
    return ParticipantOi(
        day=DAY - timedelta(days=1),
        available_at=NOON - timedelta(hours=hours_ago),
        call_long={**none, "pro": 100.0 + call_net},
        call_short=none,
        put_long={**none, "pro": 100.0 + put_net},
        put_short=none,
    )
