"""The relations that are watched, and how one snapshot measures those of a chain: pure, one number a session.

A distribution moves with the market; a relation between two numbers that describe the same thing does not. Limits were
chosen on 2013-2018 for the VIX and on simulated sessions for chains (ADR 0012), never on a date.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import RuleGap
from quantsentinel.integrity.own_vix import own_vix
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.integrity.relation_alarm import Reading, Relation
from quantsentinel.integrity.vendor_gap import FARTHEST_YEARS, NEAREST_YEARS, vendor_gap
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Floats, Snapshot

LOTS = (10, 15, 20, 25, 30, 35, 40, 50, 60, 65, 75, 100, 120, 140)
LEAST_ROWS = 10
"""Fewer rows may share a divisor by accident."""
CLOCK = {"√(365/252)": 0.5 * math.log(365 / 252), "√(252/365)": 0.5 * math.log(252 / 365)}
PER_CENT = {"×100 (per cent for fraction)": math.log(100), "×0.01 (fraction for per cent)": -math.log(100)}
PER_DAY = {"×365 (a year for a day)": math.log(365), "×1/365 (a day for a year)": -math.log(365)}
TRADING_DAYS = {"×365/252 (trading for calendar day)": math.log(365 / 252), "×252/365": math.log(252 / 365)}
BY_LOT = {f"×{lot} (units for lots)": math.log(lot) for lot in LOTS} | {
    f"×1/{lot} (lots for units)": -math.log(lot) for lot in LOTS
}
_PAISE = 100
_NEARLY_ALL, _FAR_BEYOND_CHANCE = 0.9, 0.3

RELATIONS: Mapping[str, Relation] = {
    relation.name: relation
    for relation in (
        Relation(
            "vix_link", "step", "log ratio", "printed previous close of India VIX / the close stored", 0.002, 5, 4, 3,
            causes=CLOCK | PER_CENT,
        ),
        Relation(
            "vix_close", "step", "log ratio", "India VIX / its close before, given the index", 0.8, 7, 4.5, 2.5,
            least=60, causes=CLOCK | PER_CENT,
        ),
        Relation(
            "vix_chain", "level", "log ratio", "India VIX / our model-free 30-day vol of the chain", 0.02, 8, 3.5,
            causes=CLOCK | PER_CENT,
        ),
        Relation(
            "vendor_iv", "level", "log ratio", "vendor implied vol / ours", 0.01, 8, 3.5, causes=CLOCK | PER_CENT
        ),
        Relation("vendor_delta", "level", "log ratio", "vendor delta / ours", 0.01, 8, 3.5, causes=PER_CENT),
        Relation("vendor_gamma", "level", "log ratio", "vendor gamma / ours", 0.02, 8, 3.5, causes=PER_CENT),
        Relation(
            "vendor_theta", "level", "log ratio", "vendor theta / ours", 0.03, 8, 3.5, causes=PER_DAY | TRADING_DAYS
        ),
        Relation("vendor_vega", "level", "log ratio", "vendor vega / ours", 0.02, 8, 3.5, causes=PER_CENT),
        Relation(
            "spot_basis", "level", "log ratio", "parity forward / (spot · e^rT)", 0.001, 8, 3.5,
            causes=PER_CENT | {"futures for spot": -0.005},
        ),
        Relation("oi_unit", "level", "log ratio", "unit of open interest / lot", 0.05, 8, 3.5, causes=BY_LOT),
        Relation("volume_unit", "level", "log ratio", "unit of volume / lot", 0.05, 8, 3.5, causes=BY_LOT),
        Relation("size_unit", "level", "log ratio", "unit of sizes / lot", 0.05, 8, 3.5, causes=BY_LOT),
        Relation(
            "oi_total", "step", "log ratio", "total open interest / the session's before", 0.1, 10, 6, 5, causes=BY_LOT
        ),
        Relation(
            "price_tick", "level", "log ratio", "common divisor of prices / tick", 0.05, 8, 3.5,
            causes=PER_CENT | {"half the tick": -math.log(2), "twice the tick": math.log(2)},
        ),
    )
}  # fmt: skip
"""By name. Levels: floor, jump, start in units of the spread. A contract test counts them."""

CHAIN = tuple(name for name in RELATIONS if not name.startswith("vix_"))


def chain_measurements(snapshot: Snapshot, quotes: QuoteMask, rules: RuleBook) -> dict[str, float]:
    """What this snapshot says about each relation of `CHAIN`; a relation that it cannot measure is absent.

    `oi_total` is the logarithm of the total itself: its reading is the change between sessions. `own_vix` is the
    logarithm of our model-free vol in per cent, NIFTY only: `vix_chain` sets the session's VIX against it.
    """
    found = dict(vendor_gap(snapshot, quotes).log_ratio)
    measures: Mapping[str, Callable[[], float | None]] = {
        "spot_basis": lambda: _spot_basis(snapshot, quotes),
        "oi_unit": lambda: _by_lot(snapshot, rules, ("oi",)),
        "volume_unit": lambda: _by_lot(snapshot, rules, ("volume",)),
        "size_unit": lambda: _by_lot(snapshot, rules, ("bid_size", "ask_size")),
        "oi_total": lambda: _total(snapshot.oi),
        "price_tick": lambda: _by_tick(snapshot, rules),
        "own_vix": lambda: _own_vix(snapshot, quotes),
    }
    for name, measure in measures.items():
        value = measure()
        if value is not None:
            found[name] = value
    return found


def chain_readings(name: str, sessions: Sequence[tuple[date, Sequence[Mapping[str, float]]]]) -> list[Reading]:
    """One reading a session: the median of what its snapshots measured; for a step, its change since the one before."""
    values = [(day, _median(item[name] for item in items if name in item)) for day, items in sessions]
    if RELATIONS[name].kind == "level":
        return [Reading(day, value) for day, value in values]
    readings: list[Reading] = []
    last: float | None = None
    for day, value in values:
        readings.append(Reading(day, None if value is None or last is None else value - last))
        last = value if value is not None else last
    return readings


def vix_chain_readings(
    sessions: Sequence[tuple[date, Sequence[Mapping[str, float]]]], vix: Mapping[date, float]
) -> list[Reading]:
    """log(VIX / own) of each session; `vix` is the published close in per cent. None where either is missing."""
    readings = []
    for day, items in sessions:
        own = _median(item["own_vix"] for item in items if "own_vix" in item)
        known = own is not None and day in vix
        readings.append(Reading(day, math.log(vix[day]) - own if known and own is not None else None))
    return readings


def _own_vix(snapshot: Snapshot, quotes: QuoteMask) -> float | None:
    vol = own_vix(snapshot, quotes) if snapshot.underlying == "NIFTY" else None
    return None if vol is None else math.log(vol)


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return float(np.median(found)) if found else None


def _spot_basis(snapshot: Snapshot, quotes: QuoteMask) -> float | None:
    """Median over expiries of log(F D / S): the carry that the repo rate does not explain."""
    if not snapshot.spot or snapshot.spot <= 0:
        return None
    with np.errstate(invalid="ignore"):
        used = np.isfinite(quotes.forward) & (quotes.years >= NEAREST_YEARS) & (quotes.years <= FARTHEST_YEARS)
    return _median(np.log(quotes.forward[used] * quotes.discounts[used] / snapshot.spot).tolist())


def _by_lot(snapshot: Snapshot, rules: RuleBook, columns: Sequence[str]) -> float | None:
    """Median over expiries of log(unit that the values are counted in / lot)."""
    on = snapshot.observed_at.astimezone(IST).date()
    found = []
    for index, part in enumerate(snapshot.slices):
        try:
            lot = rules.lot(snapshot.underlying, part.expiry, on).value
        except RuleGap:
            continue
        rows = slice(int(snapshot.offsets[index]), int(snapshot.offsets[index + 1]))
        values = _whole(np.concatenate([snapshot.columns[name][rows] for name in columns]))
        found += [] if values is None else [math.log(_counted_in(values, lot) / lot)]
    return _median(found)


def _counted_in(values: NDArray[np.int64], lot: int) -> int:
    """The lot squared where a conversion was applied twice, the lot, another known lot, or 1.

    After a change of lots, positions of both stand in one row (BANKNIFTY 2025-08: 30 and 35, so only multiples of 5):
    the lot counts as the unit as soon as 30 % of the rows are its multiples, ten times more than chance.
    """

    def share(unit: int) -> float:
        return float(np.mean(values % unit == 0))

    if share(lot * lot) >= _NEARLY_ALL:
        return lot * lot
    if share(lot) >= _FAR_BEYOND_CHANCE:
        return lot
    return max((unit for unit in LOTS if share(unit) >= _NEARLY_ALL), default=1)


def _by_tick(snapshot: Snapshot, rules: RuleBook) -> float | None:
    """log(greatest common divisor of the prices in paise / tick in paise)."""
    on = snapshot.observed_at.astimezone(IST).date()
    try:
        tick = rules.tick(snapshot.underlying, on).value
    except RuleGap:
        return None
    prices = np.concatenate([snapshot.bid, snapshot.ask, snapshot.ltp])
    whole = _whole(np.round(prices * _PAISE, 6))
    return None if whole is None else math.log(int(np.gcd.reduce(whole)) / (tick * _PAISE))


def _whole(values: Floats) -> NDArray[np.int64] | None:
    """The positive whole values; None with fewer than ten of them. Fractions are the `unit` guard's finding."""
    whole = values[np.isfinite(values) & (values > 0) & (values == np.floor(values)) & (values < 2**53)]
    return whole.astype(np.int64) if whole.size >= LEAST_ROWS else None


def _total(values: Floats) -> float | None:
    total = float(np.sum(values[np.isfinite(values)]))
    return math.log(total) if total > 0 else None
