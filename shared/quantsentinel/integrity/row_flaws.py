"""What is wrong with a row by itself: no numbers, crossed or locked sides, no size, off the exchange's grids.

Each answer has shape (n_rows,). A grid that the rule book does not hold for the day is not judged; its guard says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

import numpy as np

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

MAX_PRICE = 1e7
"""Points: a hundred times the level of any index that is listed."""
GRID_SLACK = 1e-3
"""Of a step: prices are decimal text on their way here."""


def row_flaws(snapshot: Snapshot, rules: RuleBook) -> dict[str, Bools]:
    """By the flag's name."""
    bid, ask = snapshot.bid, snapshot.ask
    with np.errstate(invalid="ignore"):
        two_sided = (bid > 0) & (ask > 0)
        return {
            "unquoted": ~((bid > 0) | (ask > 0)),
            "absurd": absurd(snapshot),
            "crossed": two_sided & (bid > ask),
            "locked": two_sided & (bid == ask),
            "no_size": _no_size(snapshot),
            "off_tick": _off_tick(snapshot, rules),
            "off_lot": _off_lot(snapshot, rules),
            "unlisted": _unlisted(snapshot, rules),
        }


def absurd(snapshot: Snapshot) -> Bools:
    """A price or size that is negative, not finite, or beyond any index."""
    wrong = np.zeros(len(snapshot), dtype=np.bool_)
    for name in ("bid", "ask", "ltp"):
        column = snapshot.columns[name]
        wrong |= ~((column >= 0) & (column <= MAX_PRICE))
    for name in ("bid_size", "ask_size"):
        column = snapshot.columns[name]
        wrong |= ~(np.isfinite(column) & (column >= 0))
    return wrong


def carries_sizes(snapshot: Snapshot) -> bool:
    """Whether the source prints the sizes behind its quotes."""
    return snapshot.capability == "quotes" and "bid_size" in contract_for(snapshot.source).fields


def _no_size(snapshot: Snapshot) -> Bools:
    """A side that is quoted for nothing: nobody can trade there."""
    if not carries_sizes(snapshot):
        return np.zeros(len(snapshot), dtype=np.bool_)
    empty = ((snapshot.bid > 0) & (snapshot.bid_size == 0)) | ((snapshot.ask > 0) & (snapshot.ask_size == 0))
    return np.asarray(empty)


def known(ask: Callable[[], float]) -> float | None:
    """A rule's value; None where the rule book has no usable row."""
    try:
        return ask()
    except (RuleGap, BadInput):
        return None


def tick_pts(snapshot: Snapshot, rules: RuleBook) -> float | None:
    return known(lambda: rules.tick(snapshot.underlying, traded_on(snapshot)).value)


def strike_step_pts(snapshot: Snapshot, rules: RuleBook) -> float | None:
    return known(lambda: rules.strike_step(snapshot.underlying, traded_on(snapshot)).value)


def lots(snapshot: Snapshot, rules: RuleBook) -> Floats:
    """(n_slices,) units a lot of each expiry on the trade date; NaN where unknown."""
    return _lots(rules, snapshot.underlying, snapshot.expiries, traded_on(snapshot))


@lru_cache(maxsize=16)
def _lots(rules: RuleBook, underlying: str, expiries: tuple[date, ...], day: date) -> Floats:
    """The same for every snapshot of a session, hence not to be written to."""

    def one(expiry: date) -> float:
        found = known(lambda: float(rules.lot(underlying, expiry, day).value))
        return float("nan") if found is None else found

    units = np.array([one(expiry) for expiry in expiries])
    units.setflags(write=False)
    return units


def traded_on(snapshot: Snapshot) -> date:
    return snapshot.observed_at.astimezone(IST).date()


def _off_grid(values: Floats, step: Floats | float) -> Bools:
    steps = values / step
    return np.asarray(np.abs(steps - np.rint(steps)) > GRID_SLACK)


def _off_tick(snapshot: Snapshot, rules: RuleBook) -> Bools:
    tick = tick_pts(snapshot, rules)
    if tick is None or snapshot.capability == "ltp_only":
        return np.zeros(len(snapshot), dtype=np.bool_)
    return _off_grid(snapshot.bid, tick) | _off_grid(snapshot.ask, tick)


def _off_lot(snapshot: Snapshot, rules: RuleBook) -> Bools:
    """Sizes that are no whole number of lots."""
    if not carries_sizes(snapshot):
        return np.zeros(len(snapshot), dtype=np.bool_)
    lot = np.repeat(lots(snapshot, rules), np.diff(snapshot.offsets))
    return _off_grid(snapshot.bid_size, lot) | _off_grid(snapshot.ask_size, lot)


def _unlisted(snapshot: Snapshot, rules: RuleBook) -> Bools:
    """Strikes off the listed steps, and expiries that the exchange does not list on the day."""
    step = strike_step_pts(snapshot, rules)
    wrong = np.zeros(len(snapshot), dtype=np.bool_) if step is None else _off_grid(snapshot.strike, step)
    try:
        listed = rules.expiries(snapshot.underlying, traded_on(snapshot))
    except (RuleGap, BadInput):
        return wrong
    if listed:
        strange = [expiry <= listed[-1] and expiry not in listed for expiry in snapshot.expiries]
        wrong |= np.repeat(strange, np.diff(snapshot.offsets))
    return wrong
