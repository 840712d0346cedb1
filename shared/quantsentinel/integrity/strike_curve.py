"""How far each quote stands from what its neighbours along the strikes say: the judge of who is wrong.

Call and put of a strike give two estimates of the same call price (the put's by parity). Less the base price
(`levels.py`) they lie on a smooth curve. A quote is held against the cubic through the four nearest strikes beside its
own; its limit is its half-spread and theirs, the index's move while quotes may be apart, what the discount may be off,
and the difference between the cubic and the straight line, which is what the curve itself leaves open. Where several
quotes are off, the worst of its neighbourhood is taken out first and the others are judged again without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantsentinel.integrity.levels import Levels
from quantsentinel.market.snapshot import Bools, Floats, Snapshot

MOVES = 2.0
"""Moves of 60 s, times delta, that a quote may lie off its neighbours."""
RATE_SLACK = 0.02
"""Per year: the repo rate is a proxy; boxes on 2025-08-29 were up to 1.5 % a year off it."""
MAX_ROUNDS = 12
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
    """(n_pairs, 2), call and put: estimates of the call price less the base, half-spreads, what else is allowed."""

    value: Floats
    half: Floats
    slack: Floats
    weight: Floats

    def at(self, rows: NDArray[np.int64]) -> _Estimates:
        return _Estimates(self.value[rows], self.half[rows], self.slack[rows], self.weight[rows])


def strike_curve(snapshot: Snapshot, level: Levels, good: Bools, move_pts: float) -> StrikeCurve:
    """Judges the `good` two-sided rows of slices with a level; `move_pts` is the index's move in 60 s."""
    two_sided = (good & (snapshot.bid > 0) & (snapshot.ask > 0)).reshape(-1, 2) & np.isfinite(level.base)[:, None]
    chosen = np.flatnonzero(two_sided.any(axis=1))
    found = np.full((2, len(two_sided), 2), np.nan)
    if len(chosen):
        counts = np.diff(snapshot.offsets) // 2
        slices = np.repeat(np.arange(len(counts)), counts)[chosen]
        parts = _estimates(snapshot, level, chosen, move_pts)
        found[:, chosen] = _peeled(snapshot.strike[0::2][chosen], slices, parts, two_sided[chosen])
    away, ratio = found.reshape(2, -1)
    return StrikeCurve(away, ratio, np.nan_to_num(ratio) > 1.0)


def _estimates(snapshot: Snapshot, level: Levels, chosen: NDArray[np.int64], move_pts: float) -> _Estimates:
    counts = np.diff(snapshot.offsets) // 2
    per_slice = (level.forward, level.discount, level.years)
    forward, discount, years = (np.repeat(values, counts)[chosen] for values in per_slice)
    bid, ask = snapshot.bid.reshape(-1, 2)[chosen], snapshot.ask.reshape(-1, 2)[chosen]
    inside = discount * (forward - snapshot.strike[0::2][chosen])
    value = 0.5 * (bid + ask) - level.base[chosen, None]
    value[:, 1] += inside
    half = np.maximum(0.5 * (ask - bid), MIN_HALF_SPREAD)
    delta = np.stack([level.delta[chosen], discount - level.delta[chosen]], axis=1)
    carry = RATE_SLACK * years[:, None] * np.stack([np.maximum(inside, 0.0), np.maximum(-inside, 0.0)], axis=1)
    return _Estimates(value, half, MOVES * delta * move_pts + carry, half**-2.0)


def _peeled(strike: Floats, slices: NDArray[np.int64], parts: _Estimates, given: Bools) -> Floats:
    """(2, n, 2) distances and ratios of all `given` rows, by those that are left when the worst have been taken out."""
    alive, found, ratios = given.copy(), np.full(given.shape, np.nan), np.full(given.shape, np.nan)
    rows = np.arange(len(strike))
    for _ in range(MAX_ROUNDS):
        away, limit, beside = _distances(strike[rows], slices[rows], parts.at(rows), alive[rows])
        found[rows] = np.where(given[rows], away, np.nan)
        ratios[rows] = found[rows] / limit
        worst = np.where(alive[rows], np.nan_to_num(ratios[rows]), 0.0).max(axis=1)
        around = np.where(beside >= 0, worst[beside], 0.0).max(axis=1)
        peak = (worst > 1.0) & (worst >= around)
        if not peak.any():
            break
        alive[rows] &= ~(peak[:, None] & (ratios[rows] > 1.0))
        # Only the expiries that lost a row look different now.
        rows = rows[np.isin(slices[rows], slices[rows][peak])]
    return np.stack([found, ratios])


def _distances(
    strike: Floats, slices: NDArray[np.int64], parts: _Estimates, alive: Bools
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """(n, 2) distances and limits, and (n, 4) the nodes that each strike is judged by, -1 where there is none."""
    weight = np.where(alive, parts.weight, 0.0)
    total = weight.sum(axis=1)
    beside = _beside(slices, total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (weight * parts.value).sum(axis=1) / total
        half = (weight * parts.half).sum(axis=1) / total
        line, share = _lines(strike, beside)
        straight = (share * middle[line]).sum(axis=1)
        cubic_share = _cubic(strike, beside)
        whole = (beside >= 0).all(axis=1)
        bent = np.where(whole, (cubic_share * middle[beside]).sum(axis=1), straight)
        open_pts = np.where(whole, np.abs(bent - straight), 0.25 * np.abs(middle[line[:, 0]] - middle[line[:, 1]]))
        theirs = np.where(
            whole, (np.abs(cubic_share) * half[beside]).sum(axis=1), (np.abs(share) * half[line]).sum(axis=1)
        )
        limit = parts.half + parts.slack + (theirs + open_pts)[:, None]
        away = np.abs(parts.value - bent[:, None])
    away[(line < 0).any(axis=1)] = np.nan
    return away, limit, beside


def _beside(slices: NDArray[np.int64], node: Bools) -> NDArray[np.int64]:
    """(n, 4) two nodes before and two after each strike in its own slice; -1 where there is none."""
    nodes = np.flatnonzero(node)
    before: NDArray[np.int64] = np.cumsum(node) - node
    ranks = np.stack([before - 2, before - 1, before + node, before + node + 1], axis=1)
    inside = (ranks >= 0) & (ranks < len(nodes))
    found = nodes[np.where(inside, ranks, 0)] if len(nodes) else np.zeros_like(ranks)
    return np.where(inside & (slices[found] == slices[:, None]), found, -1)


def _lines(strike: Floats, beside: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """(n, 2) nodes of the straight line, one on each side or two on the one that has them, and their shares."""
    line = beside[:, 1:3].copy()
    no_left, no_right = beside[:, 1] < 0, beside[:, 2] < 0
    line[no_left] = beside[no_left, 2:4]
    line[no_right] = beside[no_right, 1::-1]
    one, two = strike[line[:, 0]], strike[line[:, 1]]
    first = (two - strike) / (two - one)
    return line, np.stack([first, 1.0 - first], axis=1)


def _cubic(strike: Floats, beside: NDArray[np.int64]) -> Floats:
    """(n, 4) Lagrange weights at each strike of the cubic through its four nodes."""
    away = strike[:, None] - strike[beside]
    weights = np.ones_like(away)
    for one in range(4):
        for two in range(4):
            if one != two:
                weights[:, one] *= away[:, two] / (away[:, two] - away[:, one])
    return weights
