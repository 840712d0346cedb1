"""Another instrument's prices behind `status: success`: one quote, nine per cent of them, the whole chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.simulator.faults.edits import (
    PRICES,
    Part,
    assembled,
    injected,
    parts,
    whole,
    with_values,
)
from quantsentinel.simulator.faults.fault import Answer, Fault, Inject, Injected, Level, Scene
from quantsentinel.simulator.faults.ruler import measure, pick, tolerances_off

TOLERANCES = "tolerances"
_QUOTE = PRICES
"""Prices only: with the other's sizes too, its lot would give it away."""
_CHANGES = frozenset(_QUOTE)
NEAR_ROWS = 40
"""Rows on each side of the money that a foreign price is drawn from: the ones that are asked for."""


def _foreign_at(scene: Scene, at: datetime) -> Snapshot | None:
    """The other underlying's snapshot nearest in time."""
    return min(scene.foreign, key=lambda other: abs(other.received_at - at), default=None)


def _drawn(foreign: Snapshot, rows: int, random: np.random.Generator) -> dict[str, Floats]:
    """A random two-sided quote of the other underlying for each row."""
    quoted = np.flatnonzero((foreign.bid > 0) & (foreign.ask > 0))
    rank = random.choice(quoted, rows)
    return {name: foreign.columns[name][rank] for name in _QUOTE}


def _laid(scene: Scene, at: int, rows: Bools, values: dict[str, Floats], tolerances: float) -> Injected | None:
    """Those `rows` whose new mid is off by at least so many tolerances."""
    clean = scene.snapshots[at]
    ruler = measure(clean)
    with np.errstate(invalid="ignore"):
        chosen = rows & (tolerances_off(ruler, values["bid"], values["ask"]) >= tolerances)
    return injected(scene, at, with_values(clean, chosen, values), chosen)


def _quote(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean, foreign = scene.snapshots[at], _foreign_at(scene, scene.snapshots[at].received_at)
    if foreign is None:
        return None
    values, ruler = _drawn(foreign, len(clean), random), measure(clean)
    # The level asked for, not one ten times as bad: otherwise every level would measure the same.
    error = tolerances_off(ruler, values["bid"], values["ask"])
    with np.errstate(invalid="ignore"):
        fitting = ruler.liquid & (error >= severity) & (error < 4 * severity)
    return _laid(scene, at, pick(fitting, 1, random), values, severity)


def _share(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean, foreign = scene.snapshots[at], _foreign_at(scene, scene.snapshots[at].received_at)
    if foreign is None:
        return None
    rows = measure(clean).liquid & (random.random(len(clean)) < severity)
    return _laid(scene, at, rows, _drawn(foreign, len(clean), random), 2.0)


def _chain(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """Row for row by rank from the money, expiry for expiry, so that the shape of the chain stays a chain's."""
    clean, foreign = scene.snapshots[at], _foreign_at(scene, scene.snapshots[at].received_at)
    if foreign is None:
        return None
    theirs = parts(foreign)
    pieces = []
    for number, part in enumerate(parts(clean)):
        other = theirs[min(number, len(theirs) - 1)]
        rows = _by_rank(part, other)
        columns = {name: other.columns[name][rows] if name in _QUOTE else part.columns[name] for name in part.columns}
        pieces.append(replace(part, columns=columns))
    return whole(scene, at, assembled(clean, pieces))


def _by_rank(part: Part, other: Part) -> np.ndarray:
    """For each row, the other's row at the same number of strikes from its money."""
    mine, theirs = _money(part), _money(other)
    pair = np.clip(np.arange(len(part.strike) // 2) - mine + theirs, 0, len(other.strike) // 2 - 1)
    return np.ravel(np.column_stack([2 * pair, 2 * pair + 1]))


def _money(part: Part) -> int:
    """The strike where call and put cost the same; the middle one without quotes."""
    middle = (part.columns["bid"] + part.columns["ask"]) / 2
    quoted = (part.columns["bid"] > 0) & (part.columns["ask"] > 0)
    pair = quoted[0::2] & quoted[1::2]
    gap = np.where(pair, np.abs(middle[0::2] - middle[1::2]), np.inf)
    return int(np.argmin(gap)) if pair.any() else len(pair) // 2


def _renamed(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The other underlying's whole chain, strikes and all, under this one's name, source and times."""
    clean, foreign = scene.snapshots[at], _foreign_at(scene, scene.snapshots[at].received_at)
    if foreign is None:
        return None
    first = clean.slices[0]
    slices = tuple(
        replace(part, exchange_time=first.exchange_time, received_at=first.received_at) for part in foreign.slices
    )
    return whole(
        scene, at, replace(foreign, underlying=clean.underlying, source=clean.source, slices=slices, spot=clean.spot)
    )


def _other_name(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    """The right answer to another question: the other underlying's chain, and it says so."""
    foreign = _foreign_at(scene, scene.snapshots[at].received_at)
    return None if foreign is None else whole(scene, at, foreign)


def _is_underlying(columns: tuple[str, ...]) -> Inject:
    def inject(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
        clean = scene.snapshots[at]
        ruler = measure(clean)
        rows = pick(ruler.liquid, int(severity), random)
        level = np.round(ruler.forward / 5) * 5
        # An index trades at one price; what puts it into bid and ask leaves a spread, or "locked" would tell.
        values = {name: level + (5.0 if name == "ask" else 0.0) for name in columns}
        return injected(scene, at, with_values(clean, rows, values), rows)

    return inject


_ROW = ("openalgo_foreign_price",)
FAULTS = (
    Fault(
        "foreign_quote",
        _ROW,
        Level.QUOTE,
        Answer.MASKED,
        _CHANGES,
        TOLERANCES,
        (2, 5, 20),
        _quote,
        (1,),
        "below 2 tolerances a foreign price is inside what two honest quotes of one minute differ by",
    ),
    Fault("foreign_share", _ROW, Level.CHAIN, Answer.MASKED, _CHANGES, "share of quotes", (0.03, 0.09, 0.3), _share),
    Fault("foreign_chain", _ROW, Level.CHAIN, Answer.REFUSED, _CHANGES, "chains", (1,), _chain),
    Fault(
        "renamed_chain",
        (*_ROW, "bars_mislabelled"),
        Level.CHAIN,
        Answer.REFUSED,
        frozenset({"everything"}),
        "chains",
        (1,),
        _renamed,
    ),
    Fault(
        "other_underlying", _ROW, Level.CHAIN, Answer.REFUSED, frozenset({"everything"}), "chains", (1,), _other_name
    ),
    Fault(
        "option_is_underlying",
        _ROW,
        Level.QUOTE,
        Answer.MASKED,
        frozenset(PRICES),
        "rows",
        (1, 3),
        _is_underlying(PRICES),
    ),
    Fault(
        "last_price_is_underlying",
        _ROW,
        Level.QUOTE,
        Answer.MASKED,
        frozenset({"ltp"}),
        "rows",
        (1, 3),
        _is_underlying(("ltp",)),
    ),
)
