"""The declared grid of candidate packages of all expiries: index arrays only, no prices.

A leg is a row of the joined quote tables: row 2i is the call of strike i, row 2i + 1 its put. A package has up to four
legs, bought legs first; unused places repeat the first leg with side 0. One leg of all packages lies side by side in
memory (arrays (m, 4) of order F): sums over the legs then run along the packages, which is three times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
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
_MOST_ROWS = 1 << 13
"""Of all tables, so that a family and four legs fit one integer: ten times what is listed."""
_APART = float(1 << 24)
"""Between the strikes of two expiries where both stand in one ascending array: more points than any strike has."""
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


_SIDES: dict[Family, tuple[int, ...]] = {
    Family.BULL_PUT: (1, -1),
    Family.BEAR_CALL: (1, -1),
    Family.IRON_CONDOR: (1, 1, -1, -1),
    Family.IRON_BUTTERFLY: (1, 1, -1, -1),
    Family.SHORT_STRADDLE: (-1, -1),
    Family.SHORT_STRANGLE: (-1, -1),
    Family.BULL_CALL: (1, -1),
    Family.BEAR_PUT: (1, -1),
    Family.LONG_STRADDLE: (1, 1),
    Family.LONG_STRANGLE: (1, 1),
    Family.LONG_CALL: (1,),
    Family.LONG_PUT: (1,),
    Family.CALL_CALENDAR: (1, -1),
    Family.PUT_CALENDAR: (1, -1),
}
"""In the order of the grid."""
_PLACE = np.array([list(_SIDES).index(family) for family in FAMILIES])
_PADDED = np.array([(*_SIDES[family], 0, 0, 0)[:MAX_LEGS] for family in FAMILIES], dtype=np.float64).T
Blocks = dict[Family, list[Ints]]
"""Of each family the rows of its legs, an array a leg."""


def sides_of(family: Ints) -> Floats:
    """(m, 4) of packages of these families."""
    return _PADDED.take(family, axis=1).T


def codes(leading: Ints, rows: Ints) -> Ints:
    """(m,) one integer a package: an integer (below 2^11) and its rows stand for it, and sort as they do."""
    packed = leading
    for leg in range(rows.shape[1]):
        packed = packed * _MOST_ROWS + rows[:, leg]
    return packed


@dataclass(frozen=True, eq=False)
class Rungs:
    """The strikes of all ladders one after another, (n,) each: `part` is a strike's ladder. `place` (e, w) is a
    strike's place in that order, padded to the longest ladder."""

    strike: Floats
    part: Ints
    place: Ints


@dataclass(frozen=True, eq=False)
class Wings:
    """Listed strikes at a width from anchors, (k, w): places of strikes, -1 where none is listed. `anchor` (k,)."""

    anchor: Ints
    wing: Ints

    def spreads(self) -> tuple[Ints, Ints]:
        """(anchor, wing) of every listed pair."""
        at, width = (self.wing >= 0).nonzero()
        return self.anchor[at], self.wing[at, width]


def build_grid(ladders: Sequence[Ladder], spec: GridSpec) -> Grid:
    """Every package of the grid once: by expiry, by family, in lexical order of its rows."""
    rungs, blocks = _blocks(ladders, spec)
    counts = [len(legs[0]) for legs in blocks.values()]
    family = np.repeat([FAMILIES.index(each) for each in blocks], counts)
    rows = np.empty((MAX_LEGS, len(family)), np.int64)
    for leg in range(MAX_LEGS):
        np.concatenate([legs[leg] if leg < len(legs) else legs[0] for legs in blocks.values()], out=rows[leg])
    order = codes(rungs.part[rows[0] // 2] * len(_SIDES) + _PLACE[family], rows.T).argsort()
    family = family[order]
    return Grid(family, rows.take(order, axis=1).T, sides_of(family))


def _blocks(ladders: Sequence[Ladder], spec: GridSpec) -> tuple[Rungs, Blocks]:
    delta, gap, usable = _padded(ladders)
    rungs = _rungs(ladders, gap.shape[1])
    outside = np.stack([gap >= 0, gap <= 0])
    short = nearest_deltas(delta, usable & outside, spec.short_deltas)
    long = nearest_deltas(delta, usable, spec.long_deltas)
    centres = rungs.place[_centres(gap, usable[0] & usable[1])]
    below, above = np.array([-1.0, 1.0])[:, None] * np.asarray(spec.wing_steps) * spec.strike_step
    calls, puts, long_calls, long_puts = (rungs.place[mask] for mask in (*short, *long))
    sides = [(puts, below), (calls, above), (centres, below), (centres, above), (long_calls, above), (long_puts, below)]
    wings = _wings(rungs, sides)
    collecting = _premium_collecting(rungs, (puts, calls, centres), wings[:4])
    return rungs, collecting | _premium_paying(rungs, (long_puts, long_calls, centres), wings[4:])


def _padded(ladders: Sequence[Ladder]) -> tuple[Floats, Floats, Bools]:
    """(2, e, w) deltas of calls and of puts, (e, w) strike - forward, (2, e, w) usable; w of the longest ladder."""
    shape = (len(ladders), max(len(ladder.strike) for ladder in ladders))
    delta, gap, usable = np.full((2, *shape), np.nan), np.full(shape, np.nan), np.zeros((2, *shape), np.bool_)
    for each, ladder in enumerate(ladders):
        count = len(ladder.strike)
        delta[0, each, :count], delta[1, each, :count] = ladder.call_delta, ladder.put_delta
        usable[0, each, :count], usable[1, each, :count] = ladder.usable_call, ladder.usable_put
        gap[each, :count] = ladder.strike - ladder.forward
    return delta, gap, usable


def _rungs(ladders: Sequence[Ladder], width: int) -> Rungs:
    counts = np.array([len(ladder.strike) for ladder in ladders])
    place = (np.cumsum(counts) - counts)[:, None] + np.arange(width)
    strike = np.concatenate([ladder.strike for ladder in ladders])
    return Rungs(strike, np.arange(len(ladders)).repeat(counts), place)


def nearest_deltas(delta: Floats, allowed: Bools, targets: tuple[float, ...]) -> Bools:
    """(..., w) which of the allowed strikes are nearest to a target delta, in every row for itself."""
    known = allowed & np.isfinite(delta)
    distance = np.abs(np.abs(delta)[..., None, :] - np.asarray(targets)[:, None])
    nearest = np.where(known[..., None, :], distance, np.inf).argmin(axis=-1)
    chosen = (nearest[..., None] == np.arange(delta.shape[-1])).any(axis=-2)
    return np.asarray(chosen & known)


def _centres(gap: Floats, both: Bools) -> Bools:
    """(e, w) the few strikes nearest the forward whose call and put are usable."""
    order = np.where(both, np.abs(gap), np.inf).argsort(axis=1, kind="stable")[:, :CENTRES]
    chosen = np.zeros_like(both)
    chosen[np.arange(len(gap))[:, None], order] = True
    return chosen & both


def listed(strike: Floats, part: Ints, owner: Ints, wanted: Floats) -> Ints:
    """(k, w) where in the ascending strikes of several expiries, `part` (n,), the one stands that is `wanted` (k, w) of
    expiry `owner` (k,); -1 where it is not listed."""
    of = owner[:, None]
    at = np.searchsorted(strike + part * _APART, wanted + of * _APART)
    np.minimum(at, len(strike) - 1, out=at)
    return np.where((strike[at] == wanted) & (part[at] == of), at, -1)


def _wings(rungs: Rungs, sides: Sequence[tuple[Ints, Floats]]) -> list[Wings]:
    """One look-up for the wings of all anchors at their offsets."""
    anchors = np.concatenate([anchor for anchor, _ in sides])
    counts = [len(anchor) for anchor, _ in sides]
    offsets = np.repeat([offset for _, offset in sides], counts, axis=0)
    found = listed(rungs.strike, rungs.part, rungs.part[anchors], rungs.strike[anchors][:, None] + offsets)
    ends = np.cumsum(counts)
    return [
        Wings(anchor, found[end - count : end])
        for (anchor, _), count, end in zip(sides, counts, ends.tolist(), strict=True)
    ]


def _premium_collecting(rungs: Rungs, anchors: tuple[Ints, Ints, Ints], wings: Sequence[Wings]) -> Blocks:
    (puts, calls, centres), (put_wings, call_wings, low, high) = anchors, wings
    short_put, long_put = put_wings.spreads()
    short_call, long_call = call_wings.spreads()
    put, call = _pairs(rungs, puts, calls)
    pair, width = ((put_wings.wing[put] >= 0) & (call_wings.wing[call] >= 0)).nonzero()
    left, right = put[pair], call[pair]
    centre, step = ((low.wing >= 0) & (high.wing >= 0)).nonzero()
    middle = centres[centre]
    return {
        Family.BULL_PUT: [2 * long_put + 1, 2 * short_put + 1],
        Family.BEAR_CALL: [2 * long_call, 2 * short_call],
        Family.IRON_CONDOR: [
            2 * put_wings.wing[left, width] + 1,
            2 * call_wings.wing[right, width],
            2 * puts[left] + 1,
            2 * calls[right],
        ],
        Family.IRON_BUTTERFLY: [
            2 * low.wing[centre, step] + 1,
            2 * high.wing[centre, step],
            2 * middle + 1,
            2 * middle,
        ],
        Family.SHORT_STRADDLE: [2 * centres + 1, 2 * centres],
        Family.SHORT_STRANGLE: [2 * puts[put] + 1, 2 * calls[call]],
    }


def _premium_paying(rungs: Rungs, anchors: tuple[Ints, Ints, Ints], wings: Sequence[Wings]) -> Blocks:
    (puts, calls, centres), (call_wings, put_wings) = anchors, wings
    long_call, short_call = call_wings.spreads()
    long_put, short_put = put_wings.spreads()
    call, put = _pairs(rungs, calls, puts)
    upper, lower = calls[call], puts[put]
    apart = upper > lower
    return {
        Family.BULL_CALL: [2 * long_call, 2 * short_call],
        Family.BEAR_PUT: [2 * long_put + 1, 2 * short_put + 1],
        Family.LONG_STRADDLE: [2 * centres, 2 * centres + 1],
        Family.LONG_STRANGLE: [2 * upper[apart], 2 * lower[apart] + 1],
        Family.LONG_CALL: [2 * calls],
        Family.LONG_PUT: [2 * puts + 1],
    }


def _pairs(rungs: Rungs, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Which of one and which of the other are of one expiry: all pairs of places in these arrays."""
    one, other = (rungs.part[left][:, None] == rungs.part[right]).nonzero()
    return one, other
