"""Prices that no arbitrage-free chain can have, each of them plausible by itself."""

from __future__ import annotations

import numpy as np

from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.simulator.faults.edits import PRICES, SIDES, injected, slice_rows, with_values
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import Ruler, liquid_slices, measure, on_tick, partner, pick

_SEVERITIES, _BELOW = (2, 5, 20), (1,)
_FLOOR = "`definitions.md` §3: an error below spread and 60 s of index move is not one"


def _tick(scene: Scene, at: int) -> float:
    clean = scene.snapshots[at]
    return scene.rules.tick(clean.underlying, clean.received_at.astimezone(IST).date()).value


def _shifted(scene: Scene, at: int, rows: Bools, points: Floats) -> Injected | None:
    """Bid, ask and last price of `rows` moved by `points`, on the tick."""
    clean, tick = scene.snapshots[at], _tick(scene, at)
    values = {name: on_tick(clean.columns[name] + points, tick) for name in PRICES}
    return injected(scene, at, with_values(clean, rows, values), rows)


def _room(clean: Snapshot, ruler: Ruler, sign: float, points: Floats) -> Bools:
    """Liquid rows whose bid stays a price after the move."""
    with np.errstate(invalid="ignore"):
        return np.asarray(ruler.liquid & (clean.bid + sign * points > 0))


def _jump(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One quote moves by so many tolerances, its neighbours do not."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    sign = float(random.choice((-1.0, 1.0)))
    points = np.nan_to_num(severity * ruler.tolerance_pts)
    rows = pick(_room(clean, ruler, sign, points), 1, random)
    return _shifted(scene, at, rows, sign * points)


def _parity(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """At one strike the call rises and the put falls (or the other way), each by half of so many tolerances."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    half = np.nan_to_num(severity * ruler.tolerance_pts / 2)
    sign = float(random.choice((-1.0, 1.0))) * np.where(clean.is_call, 1.0, -1.0)
    able = ruler.liquid & (clean.bid + sign * half > 0)
    one = pick(able & partner(able), 1, random)
    return _shifted(scene, at, one | partner(one), sign * half)


def _convexity(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """At one strike call and put rise (or fall) together: parity holds, the butterfly around it does not."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    points = np.nan_to_num(severity * ruler.tolerance_pts)
    sign = float(random.choice((-1.0, 1.0)))
    able = _room(clean, ruler, sign, points)
    one = pick(able & partner(able), 1, random)
    return _shifted(scene, at, one | partner(one), sign * points)


def _calendar(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """An expiry has this share of the time value of the one before it, with its own forward."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    slots = liquid_slices(clean, ruler)
    if len(slots) < 2:
        return None
    slot = int(random.choice(slots[1:]))
    values = _of_slice_before(clean, ruler, slot)
    rows = slice_rows(clean, slot) & np.isfinite(values["bid"])
    future = np.where(clean.is_call, 1.0, -1.0) * (ruler.forward - clean.strike)
    inside = np.maximum(future, 0.0)
    tick = _tick(scene, at)
    made = {name: on_tick(inside + severity * values[name], tick) for name in SIDES}
    made["ask"] = np.maximum(made["ask"], made["bid"] + tick)
    spoiled = with_values(clean, rows, made)
    with np.errstate(invalid="ignore"):
        wrong = np.abs((made["bid"] + made["ask"]) / 2 - ruler.mid) >= 2 * ruler.tolerance_pts
    return injected(scene, at, spoiled, rows & ruler.liquid & wrong)


def _of_slice_before(clean: Snapshot, ruler: Ruler, slot: int) -> dict[str, Floats]:
    """Out-of-the-money bids and asks of the expiry before, by the strike of `slot`; NaN where it has none."""
    values = {name: np.full(len(clean), np.nan) for name in SIDES}
    mine = np.flatnonzero(slice_rows(clean, slot))
    theirs = np.flatnonzero(slice_rows(clean, slot - 1))
    for row in mine:
        is_call = clean.strike[row] >= ruler.forward[row]
        same = theirs[(clean.strike[theirs] == clean.strike[row]) & (clean.is_call[theirs] == is_call)]
        if len(same) and clean.bid[same[0]] > 0 and clean.ask[same[0]] > 0:
            for name in SIDES:
                values[name][row] = clean.columns[name][same[0]]
    return values


_ROW, _LEGS = ("openalgo_foreign_price",), ("nautilus_two_prices",)
_PRICES = frozenset(PRICES)
FAULTS = (
    Fault("jump", _ROW, Level.QUOTE, Answer.MASKED, _PRICES, "tolerances", _SEVERITIES, _jump, _BELOW, _FLOOR),
    Fault(
        "parity_broken", _LEGS, Level.QUOTE, Answer.MASKED, _PRICES, "tolerances", _SEVERITIES, _parity, _BELOW, _FLOOR
    ),
    Fault(
        "not_convex", _ROW, Level.QUOTE, Answer.MASKED, _PRICES, "tolerances", _SEVERITIES, _convexity, _BELOW, _FLOOR
    ),
    Fault(
        "calendar_inverted",
        _LEGS,
        Level.CHAIN,
        Answer.MASKED,
        frozenset(SIDES),
        "of the time value before",
        (0.5, 0.8),
        _calendar,
        (),
        "at 1 the two expiries have the same time value: nobody can trade on it",
    ),
)
