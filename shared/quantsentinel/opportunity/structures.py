"""The declared grid of candidate packages of one expiry: index arrays only, no prices.

A leg is a row of the expiry's quote table: row 2i is the call of strike i, row 2i + 1 its put. A package has up to four
legs, bought legs first; unused places repeat the first leg with side 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantsentinel.market.instruments import Family

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_LEGS = 4
FAMILIES: tuple[Family, ...] = tuple(Family)
NAKED = frozenset({Family.SHORT_STRADDLE, Family.SHORT_STRANGLE})
"""Scored so that their refusal is visible, never offered: their loss is unbounded. What bounds them: `hedge.py`."""
IS_NAKED = np.array([family in NAKED for family in FAMILIES])
"""By a family's place in `FAMILIES`."""
FALLS_OUTWARDS = IS_NAKED | np.array(
    [family in {Family.BULL_PUT, Family.BEAR_CALL, Family.IRON_CONDOR, Family.IRON_BUTTERFLY} for family in FAMILIES]
)
"""By a family's place: sold options and wings beyond them. What they pay at settlement, its costs too, only falls away
from a level in their middle."""
_MOST_ROWS = 1 << 15
"""Of an expiry's table, so that four legs fit one integer: a hundred times what is listed."""
CENTRES = 3
"""Strikes around the forward at which straddles and butterflies are centred."""


@dataclass(frozen=True, slots=True)
class GridSpec:
    """Delta buckets (absolute values) and wing widths in strike steps, from the policy."""

    short_deltas: tuple[float, ...]
    long_deltas: tuple[float, ...]
    wing_steps: tuple[int, ...]
    strike_step: float


@dataclass(frozen=True, eq=False)
class Ladder:
    """What the grid needs of one expiry, strikes ascending: absolute deltas and usable quotes, (n,) each."""

    strike: Floats
    call_delta: Floats
    put_delta: Floats
    usable_call: Bools
    usable_put: Bools
    forward: float


@dataclass(frozen=True, eq=False)
class Grid:
    """`family` (m,) indexes `FAMILIES`; `rows` (m, 4) and `sides` (m, 4) (+1 bought, -1 sold, 0 unused). `hedge` (m, 2)
    names the rows of the put and the call that bound a naked package (`opportunity.hedge`), -1 where there is none."""

    family: Ints
    rows: Ints
    sides: Floats
    hedge: Ints | None = None

    def __len__(self) -> int:
        return len(self.family)

    def head(self, count: int) -> Grid:
        hedge = None if self.hedge is None else self.hedge[:count]
        return Grid(self.family[:count], self.rows[:count], self.sides[:count], hedge)


Block = tuple[Family, Ints, tuple[int, ...]]
"""A family, its leg rows (m, k) and the k sides."""


def build_grid(ladder: Ladder, spec: GridSpec) -> Grid:
    """Every package of the grid in a fixed order; a package appears once."""
    blocks = [block for block in _blocks(ladder, spec) if block[1].size]
    if not blocks:
        return Grid(np.empty(0, np.int64), np.empty((0, MAX_LEGS), np.int64), np.empty((0, MAX_LEGS)))
    count = sum(len(legs) for _, legs, _ in blocks)
    families, sides = np.empty(count, np.int64), np.zeros((count, MAX_LEGS))
    rows = np.empty((count, MAX_LEGS), np.int64)
    start = 0
    for family, legs, signs in blocks:
        here = slice(start, start + len(legs))
        start += len(legs)
        used = _in_order(legs)
        rows[here, : len(signs)] = used
        rows[here, len(signs) :] = used[:, :1]
        sides[here, : len(signs)] = signs
        families[here] = FAMILIES.index(family)
    return Grid(families, rows, sides)


def _in_order(legs: Ints) -> Ints:
    """Rows in lexical order; one integer stands for a row, which sorts faster than the row. Anchors and widths are
    distinct, so no row is there twice."""
    code = legs[:, 0]
    for leg in range(1, legs.shape[1]):
        code = code * _MOST_ROWS + legs[:, leg]
    return np.asarray(legs[code.argsort(kind="stable")])


def _side_by_side(legs: Sequence[Ints]) -> Ints:
    """As np.column_stack, without its overhead on a few dozen rows."""
    return np.array(legs, dtype=np.int64).T


def _blocks(ladder: Ladder, spec: GridSpec) -> Iterator[Block]:
    yield from _premium_collecting(ladder, spec)
    yield from _premium_paying(ladder, spec)


def _premium_collecting(ladder: Ladder, spec: GridSpec) -> Iterator[Block]:
    widths = np.asarray(spec.wing_steps) * spec.strike_step
    puts = nearest_deltas(ladder.put_delta, ladder.usable_put & (ladder.strike <= ladder.forward), spec.short_deltas)
    calls = nearest_deltas(ladder.call_delta, ladder.usable_call & (ladder.strike >= ladder.forward), spec.short_deltas)
    short_put, long_put, put_width = _wings(ladder.strike, puts, -widths)
    short_call, long_call, call_width = _wings(ladder.strike, calls, widths)
    yield Family.BULL_PUT, _side_by_side([2 * long_put + 1, 2 * short_put + 1]), (1, -1)
    yield Family.BEAR_CALL, _side_by_side([2 * long_call, 2 * short_call]), (1, -1)
    left, right = np.nonzero(put_width[:, None] == call_width[None, :])
    condor = [2 * long_put[left] + 1, 2 * long_call[right], 2 * short_put[left] + 1, 2 * short_call[right]]
    yield Family.IRON_CONDOR, _side_by_side(condor), (1, 1, -1, -1)
    centres = _centres(ladder)
    low_centre, low, low_width = _wings(ladder.strike, centres, -widths)
    high_centre, high, high_width = _wings(ladder.strike, centres, widths)
    same = (low_centre[:, None] == high_centre[None, :]) & (low_width[:, None] == high_width[None, :])
    left, right = np.nonzero(same)
    fly = [2 * low[left] + 1, 2 * high[right], 2 * low_centre[left] + 1, 2 * low_centre[left]]
    yield Family.IRON_BUTTERFLY, _side_by_side(fly), (1, 1, -1, -1)
    yield Family.SHORT_STRADDLE, _side_by_side([2 * centres + 1, 2 * centres]), (-1, -1)
    yield Family.SHORT_STRANGLE, _pairs(2 * puts + 1, 2 * calls), (-1, -1)


def _premium_paying(ladder: Ladder, spec: GridSpec) -> Iterator[Block]:
    widths = np.asarray(spec.wing_steps) * spec.strike_step
    puts = nearest_deltas(ladder.put_delta, ladder.usable_put, spec.long_deltas)
    calls = nearest_deltas(ladder.call_delta, ladder.usable_call, spec.long_deltas)
    long_call, short_call, _ = _wings(ladder.strike, calls, widths)
    long_put, short_put, _ = _wings(ladder.strike, puts, -widths)
    yield Family.BULL_CALL, _side_by_side([2 * long_call, 2 * short_call]), (1, -1)
    yield Family.BEAR_PUT, _side_by_side([2 * long_put + 1, 2 * short_put + 1]), (1, -1)
    centres = _centres(ladder)
    yield Family.LONG_STRADDLE, _side_by_side([2 * centres, 2 * centres + 1]), (1, 1)
    pairs = _pairs(2 * calls, 2 * puts + 1)
    yield Family.LONG_STRANGLE, pairs[pairs[:, 0] // 2 > pairs[:, 1] // 2], (1, 1)
    yield Family.LONG_CALL, (2 * calls)[:, None], (1,)
    yield Family.LONG_PUT, (2 * puts + 1)[:, None], (1,)


def nearest_deltas(delta: Floats, allowed: Bools, targets: tuple[float, ...]) -> Ints:
    """Indices of the allowed strikes nearest each target delta, unique, ascending."""
    known = np.nonzero(allowed & np.isfinite(delta))[0]
    if not len(known):
        return np.empty(0, np.int64)
    distance = np.abs(np.abs(delta[known])[None, :] - np.asarray(targets)[:, None])
    chosen = np.zeros(len(delta), dtype=np.bool_)
    chosen[known[np.argmin(distance, axis=1)]] = True
    return np.nonzero(chosen)[0]


def _wings(strike: Floats, anchors: Ints, offsets: Floats) -> tuple[Ints, Ints, Floats]:
    """(anchor, wing, width) of every listed strike at anchor + offset."""
    if not len(anchors):
        return anchors, anchors, np.empty(0)
    wanted = strike[anchors][:, None] + offsets[None, :]
    at = np.minimum(np.searchsorted(strike, wanted), len(strike) - 1)
    anchor, offset = np.nonzero(strike[at] == wanted)
    return anchors[anchor], at[anchor, offset], np.abs(offsets)[offset]


def _centres(ladder: Ladder) -> Ints:
    both = np.nonzero(ladder.usable_call & ladder.usable_put)[0]
    order = np.argsort(np.abs(ladder.strike[both] - ladder.forward), kind="stable")
    return np.sort(both[order[:CENTRES]])


def _pairs(left: Ints, right: Ints) -> Ints:
    both = np.empty((len(left), len(right), 2), np.int64)
    both[..., 0], both[..., 1] = left[:, None], right
    return both.reshape(-1, 2)
