"""How far each quote stands from what its neighbours along the strikes say: the judge of who is wrong.

Call and put of a strike give two estimates of the same call price (the put's by parity). Less the base price
(`levels.py`) they lie on a smooth curve. A quote is held against the cubic through the four nearest strikes beside its
own; its limit is its half-spread and theirs, the index's move while quotes may be apart, what the discount may be off,
and the difference between the cubic and the straight line, which is what the curve itself leaves open. Where several
quotes are off, the worst of its neighbourhood is taken out first and the others are judged again without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.integrity.levels import Levels
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

Places = NDArray[np.int64]
MOVES = 2.0
"""Moves of 60 s, times delta, that a quote may lie off its neighbours."""
RATE_SLACK = 0.02
"""Per year: the repo rate is a proxy; boxes on 2025-08-29 were up to 1.5 % a year off it."""
MAX_ROUNDS = 12
_STEPS = np.array([[-2], [-1], [0], [1]])
"""Two nodes before and two after a strike, by their rank from its own."""
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]).T
"""(3, 4) of four nodes the other three."""
FAR_YEARS, FAR_ROUNDS = 45 / 365, 2
"""Later expiries are quoted wide and late: there the neighbours of a bad quote may be lost with it."""
MIN_HALF_SPREAD = 0.025
"""Points: half of one tick."""
INNOCENT = 0.5
"""A quote within this share of its limit agrees with its neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class StrikeCurve:
    """(n_rows,): `away` distance from the neighbours in points and `ratio` the same over its limit, NaN where there is
    nothing to judge by; `off` the rows beyond the limit."""

    away: Floats
    ratio: Floats
    off: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Estimates:
    """(2, n), call and put: estimates of the call price less the base, half-spreads, weights, what is allowed; (n,):
    strike, number of the slice, whether its expiry is far."""

    value: Floats
    half: Floats
    weight: Floats
    slack: Floats
    strike: Floats
    slices: Places
    far: Bools

    def at(self, places: Places) -> _Estimates:
        value, half, weight, slack = (
            part.take(places, axis=1) for part in (self.value, self.half, self.weight, self.slack)
        )
        return _Estimates(value, half, weight, slack, self.strike[places], self.slices[places], self.far[places])


def strike_curve(snapshot: Snapshot, level: Levels, good: Bools, move_pts: float) -> StrikeCurve:
    """Judges the `good` two-sided rows of slices with a level; `move_pts` is the index's move in 60 s."""
    two_sided = (good & (snapshot.bid > 0) & (snapshot.ask > 0)).reshape(-1, 2) & np.isfinite(level.base)[:, None]
    chosen = np.flatnonzero(two_sided.any(axis=1))
    found = np.full((2, len(two_sided), 2), np.nan)
    if len(chosen):
        peeled = _peeled(_estimates(snapshot, level, chosen, move_pts), np.ascontiguousarray(two_sided[chosen].T))
        found[:, chosen] = peeled.transpose(0, 2, 1)
    away, ratio = found.reshape(2, -1)
    return StrikeCurve(away, ratio, ratio > 1.0)


def _estimates(snapshot: Snapshot, level: Levels, chosen: Places, move_pts: float) -> _Estimates:
    counts = np.diff(snapshot.offsets) // 2
    slices = np.repeat(np.arange(len(counts)), counts)[chosen]
    forward, discount, years = level.forward[slices], level.discount[slices], level.years[slices]
    strike = snapshot.strike[0::2][chosen]
    rows = np.stack([2 * chosen, 2 * chosen + 1])
    bid, ask = snapshot.bid[rows], snapshot.ask[rows]
    inside = discount * (forward - strike)
    value = 0.5 * (bid + ask) - level.base[chosen]
    value[1] += inside
    half = np.maximum(0.5 * (ask - bid), MIN_HALF_SPREAD)
    delta = np.stack([level.delta[chosen], discount - level.delta[chosen]])
    carry = RATE_SLACK * years * np.stack([np.maximum(inside, 0.0), np.maximum(-inside, 0.0)])
    slack = MOVES * delta * move_pts + carry
    return _Estimates(value, half, half**-2.0, slack, strike, slices, years > FAR_YEARS)


def _peeled(parts: _Estimates, given: Bools) -> Floats:
    """(2, 2, n) distances and ratios of all `given` rows, by those that are left when the worst have been taken out."""
    found, left, here = np.full((2, *given.shape), np.nan), given, np.arange(given.shape[1])
    for attempt in range(1, MAX_ROUNDS + 1):
        away, limit, beside = _distances(parts, left)
        away[~given] = np.nan
        ratio = away / limit
        found[0, :, here], found[1, :, here] = away.T, ratio.T
        worst = np.zeros(len(here) + 1)  # one more: where there is no node beside, its place is the last
        np.where(left, np.fmax(ratio, 0.0), 0.0).max(axis=0, out=worst[:-1])
        peak = (worst[:-1] > 1.0) & (worst[:-1] >= worst[beside].max(axis=0))
        if attempt >= FAR_ROUNDS:
            peak &= ~parts.far
        if not peak.any():
            break
        left = left & ~(peak & (ratio > 1.0))
        # Only the expiries that lost a row look different now.
        touched = np.zeros(int(parts.slices[-1]) + 1, dtype=np.bool_)
        touched[parts.slices[peak]] = True
        again = np.flatnonzero(touched[parts.slices])
        parts, here = parts.at(again), here[again]
        left, given = left.take(again, axis=1), given.take(again, axis=1)
    return found


def _distances(parts: _Estimates, alive: Bools) -> tuple[Floats, Floats, Places]:
    """(2, n) distances and limits, and (4, n) the nodes that each strike is judged by, -1 where there is none."""
    weight = np.where(alive, parts.weight, 0.0)
    total = weight[0] + weight[1]
    beside = _beside(parts.slices, total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.einsum("ij,ij->j", weight, parts.value) / total
        half = np.einsum("ij,ij->j", weight, parts.half) / total
        line, share = _lines(parts.strike, beside)
        straight = np.einsum("ij,ij->j", share, middle[line])
        cubic = _cubic(parts.strike, beside)
        whole = beside.min(axis=0) >= 0
        bent = np.where(whole, np.einsum("ij,ij->j", cubic, middle[beside]), straight)
        open_pts = np.where(whole, np.abs(bent - straight), 0.25 * np.abs(middle[line[0]] - middle[line[1]]))
        theirs = np.einsum("ij,ij->j", np.abs(cubic), half[beside])
        theirs = np.where(whole, theirs, np.einsum("ij,ij->j", np.abs(share), half[line]))
        limit = parts.half + parts.slack + (theirs + open_pts)
        away = np.abs(parts.value - bent)
    away[:, line.min(axis=0) < 0] = np.nan
    return away, limit, beside


def _beside(slices: Places, node: Bools) -> Places:
    """(4, n) two nodes before and two after each strike in its own slice; -1 where there is none."""
    nodes = np.flatnonzero(node)
    before: Places = np.cumsum(node) - node
    ranks = before + _STEPS
    ranks[2:] += node
    inside = (ranks >= 0) & (ranks < len(nodes))
    found = nodes[np.where(inside, ranks, 0)] if len(nodes) else np.zeros_like(ranks)
    return np.where(inside & (slices[found] == slices), found, -1)


def _lines(strike: Floats, beside: Places) -> tuple[Places, Floats]:
    """(2, n) nodes of the straight line, one on each side or two on the one that has them, and their shares."""
    no_left, no_right = beside[1] < 0, beside[2] < 0
    one = np.where(no_left, beside[2], beside[1])
    two = np.where(no_left, beside[3], np.where(no_right, beside[0], beside[2]))
    first = (strike[two] - strike) / (strike[two] - strike[one])
    return np.array([one, two]), np.array([first, 1.0 - first])


def _cubic(strike: Floats, beside: Places) -> Floats:
    """(4, n) Lagrange weights at each strike of the cubic through its four nodes."""
    away = strike - strike[beside]
    first, second, third = (theirs / (theirs - away) for theirs in (away[others] for others in _OTHERS))
    return np.asarray(first * second * third)
