"""Old values that look new: weeks old, minutes old, frozen; one quote, one expiry, the chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.simulator.faults.edits import (
    COUNTS,
    PRICES,
    SIZES,
    injected,
    matched,
    received,
    slice_rows,
    timed_as,
    whole,
    with_values,
)
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import Ruler, liquid_slices, measure, pick, tolerances_off

TOLERANCES = "tolerances"
_QUOTE = (*PRICES, *SIZES)
_ALL = (*_QUOTE, *COUNTS)
_LOOKS_BACK = 60
"""Snapshots before the faulted one in which a stale value is looked for: an hour."""
_UNTOUCHED = 2.0
"""Tolerances: rows of a stale expiry that moved less tell nothing wrong."""


def _errors(ruler: Ruler, values: dict[str, Floats]) -> Floats:
    """Tolerances between the values and the clean mids; NaN where either has no two sides."""
    return tolerances_off(ruler, values["bid"], values["ask"])


def _back(at: int, random: np.random.Generator) -> list[int]:
    """Earlier snapshots in random order."""
    return [int(place) for place in random.permutation(np.arange(max(at - _LOOKS_BACK, 0), at))]


def _moved(scene: Scene, at: int, severity: float, random: np.random.Generator) -> tuple[int, Bools] | None:
    """An earlier snapshot and one row whose quote was then off by the severity, and by less than four times it."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    for before in _back(at, random):
        rows, values = matched(clean, scene.snapshots[before], ("bid", "ask"))
        error = _errors(ruler, values)
        with np.errstate(invalid="ignore"):
            fitting = rows & ruler.liquid & (error >= severity) & (error < 4 * severity)
        if fitting.any():
            return before, pick(fitting, 1, random)
    return None


def _quote(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    found = _moved(scene, at, severity, random)
    if found is None:
        return None
    before, row = found
    values = matched(scene.snapshots[at], scene.snapshots[before], _QUOTE)[1]
    return injected(scene, at, with_values(scene.snapshots[at], row, values), row)


def _frozen_quote(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One row tells the same in every snapshot since then, its volume too, while the market moved away."""
    found = _moved(scene, at, severity, random)
    if found is None:
        return None
    start, row = found
    if start > at - 3:
        return None
    return _frozen(scene, at, start, row)


def _frozen(scene: Scene, at: int, start: int, rows: Bools) -> Injected:
    """`rows` of snapshot `at` told since `start` what they told then."""
    days, last = list(scene.snapshots), scene.snapshots[at]
    marks = {"row": np.where(rows, 1.0, 0.0)}
    for place in range(start + 1, at + 1):
        here = days[place]
        known, values = matched(here, days[start], _ALL)
        wanted = _carried(here, last, marks["row"])
        days[place] = with_values(here, known & wanted, values)
    return Injected(tuple(days), at, rows, start + 1)


def _carried(here: Snapshot, last: Snapshot, mark: Floats) -> Bools:
    """The rows of `here` that are marked in `last`."""
    marked = replace(last, columns={**last.columns, "bid": mark})
    rows, values = matched(here, marked, ("bid",))
    return np.asarray(rows & (values["bid"] == 1.0))


def _weeks_quote(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    if not scene.earlier:
        return None
    clean = scene.snapshots[at]
    ruler = measure(clean)
    rows, values = matched(clean, scene.earlier[int(random.integers(len(scene.earlier)))], _QUOTE)
    error = _errors(ruler, values)
    with np.errstate(invalid="ignore"):
        fitting = rows & ruler.liquid & (error >= severity) & (error < 4 * severity)
    row = pick(fitting, 1, random)
    return injected(scene, at, with_values(clean, row, values), row)


def _weeks_chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Every contract that was listed weeks ago shows its prices and counts of then."""
    if not scene.earlier:
        return None
    clean = scene.snapshots[at]
    rows, values = matched(clean, scene.earlier[int(random.integers(len(scene.earlier)))], _ALL)
    if np.count_nonzero(rows) < len(rows) // 20:
        return None
    return injected(scene, at, with_values(clean, rows, values), rows)


def _late_chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """An old chain with its own exchange times, received now: a cache between us and the exchange."""
    now = scene.snapshots[at].received_at
    older = [old for old in scene.snapshots[:at] if (now - old.observed_at).total_seconds() >= severity]
    if not older or older[-1].slices[0].exchange_time is None:
        return None
    return whole(scene, at, received(older[-1], now - older[-1].received_at))


def _cached_chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Old values under new times: the server stamps what it kept."""
    now = scene.snapshots[at].received_at
    older = [old for old in scene.snapshots[:at] if now - old.received_at >= timedelta(minutes=severity)]
    return whole(scene, at, timed_as(older[-1], scene.snapshots[at])) if older else None


def _frozen_chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The feed repeats one chain, with new times, so many snapshots long."""
    count = int(severity)
    if at - count < 0:
        return None
    days = list(scene.snapshots)
    for place in range(at - count + 1, at + 1):
        days[place] = timed_as(days[at - count], scene.snapshots[place])
    return Injected(tuple(days), at, np.ones(len(days[at]), dtype=np.bool_), at - count + 1)


def _slice_before(
    scene: Scene, at: int, severity: float, random: np.random.Generator
) -> tuple[int, Bools, Bools] | None:
    """An earlier snapshot, an expiry whose forward was then off by the severity (60 s index moves), its wrong rows."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    slot = int(random.choice(liquid_slices(clean, ruler)))
    inside = slice_rows(clean, slot)
    here = float(np.nanmedian(ruler.forward[inside]))
    for before in _back(at, random):
        old = scene.snapshots[before]
        if clean.expiries[slot] not in old.expiries:
            continue
        there = float(measure(old).forward[slice_rows(old, old.expiries.index(clean.expiries[slot]))][0])
        if severity * ruler.move_pts <= abs(here - there) < 4 * severity * ruler.move_pts:
            rows, values = matched(clean, old, ("bid", "ask"))
            with np.errstate(invalid="ignore"):
                wrong = rows & inside & ruler.liquid & (_errors(ruler, values) >= _UNTOUCHED)
            if wrong.any():
                return before, rows & inside, wrong
    return None


def _slice(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    found = _slice_before(scene, at, severity, random)
    if found is None:
        return None
    before, rows, wrong = found
    values = matched(scene.snapshots[at], scene.snapshots[before], _ALL)[1]
    return injected(scene, at, with_values(scene.snapshots[at], rows, values), wrong)


def _frozen_slice(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    found = _slice_before(scene, at, severity, random)
    if found is None:
        return None
    before, rows, wrong = found
    return replace(_frozen(scene, at, before, rows), touched=wrong)


def _slice_age(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """One expiry was read so many seconds before the others, and says so: legs at two prices of the index."""
    clean = scene.snapshots[at]
    slot = int(random.choice(liquid_slices(clean, measure(clean))[1:] or [len(clean.slices) - 1]))
    late = timedelta(seconds=severity)

    slices = list(clean.slices)
    part = slices[slot]
    seen = None if part.exchange_time is None else part.exchange_time - late
    slices[slot] = replace(part, exchange_time=seen, received_at=part.received_at - late)
    return injected(scene, at, replace(clean, slices=tuple(slices)), slice_rows(clean, slot))


_PARITY = "below 2 tolerances an old price is inside what two honest quotes of one minute differ by"
_CACHE = frozenset({"values", "spot"})
_OLD = ("openalgo_stale_price",)
FAULTS = (
    Fault(
        "stale_quote", _OLD, Level.QUOTE, Answer.MASKED, frozenset(_QUOTE), TOLERANCES, (2, 5), _quote, (1,), _PARITY
    ),
    Fault(
        "stale_quote_weeks",
        _OLD,
        Level.QUOTE,
        Answer.MASKED,
        frozenset(_QUOTE),
        TOLERANCES,
        (2, 5, 20),
        _weeks_quote,
        (1,),
        _PARITY,
    ),
    Fault(
        "frozen_quote",
        (*_OLD, "nse_repeats"),
        Level.QUOTE,
        Answer.MASKED,
        frozenset(_ALL),
        TOLERANCES,
        (2, 5),
        _frozen_quote,
        (1,),
        _PARITY,
    ),
    Fault("stale_chain_weeks", _OLD, Level.CHAIN, Answer.MASKED, frozenset(_ALL), "chains", (1,), _weeks_chain),
    Fault(
        "late_chain",
        (*_OLD, "nse_lag"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"values", "times", "spot"}),
        "s of lag",
        (180, 600, 3600),
        _late_chain,
        (),
        "the data contract of the NSE site allows 120 s",
    ),
    Fault("cached_chain", _OLD, Level.CHAIN, Answer.REFUSED, _CACHE, "minutes", (1, 5, 15, 60), _cached_chain),
    Fault(
        "frozen_chain", ("nse_repeats",), Level.CHAIN, Answer.REFUSED, _CACHE, "snapshots", (1, 3, 10), _frozen_chain
    ),
    Fault(
        "stale_slice",
        ("nautilus_two_prices",),
        Level.CHAIN,
        Answer.MASKED,
        frozenset(_ALL),
        "index moves of 60 s",
        (3, 6),
        _slice,
        (1,),
        "the forwards of two honest expiries a minute apart differ by one or two such moves",
    ),
    Fault(
        "frozen_slice",
        ("nautilus_two_prices", "nse_repeats"),
        Level.CHAIN,
        Answer.MASKED,
        frozenset(_ALL),
        "index moves of 60 s",
        (3, 6),
        _frozen_slice,
        (1,),
        "as stale_slice",
    ),
    Fault(
        "late_slice",
        ("nautilus_two_prices", "nse_lag"),
        Level.CHAIN,
        Answer.MASKED,
        frozenset({"times"}),
        "s",
        (61, 130, 600),
        _slice_age,
        (),
        "`definitions.md` §1 masks slices older than 60 s",
    ),
)
