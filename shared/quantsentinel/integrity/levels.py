"""Each expiry's level: forward, discount and the width of its distribution, and the price that these alone explain.

The base price is Bachelier's, D[(F - K) N(x) + sd φ(x)] with x = (F - K)/sd: it takes the bend at the money out of a
chain, so that what is left of a quote can be compared with its neighbours along the strikes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.pricing.special import ndtr

Rows = NDArray[np.int64]
STRADDLES = 4
"""Two-sided strikes nearest to the forward that give the width: the median of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Per slice, (n_slices,): `forward` and `width` (one standard deviation at expiry) in points, NaN where there is
    none, `discount`, `years`; `width_bid` and `width_ask` are those of the straddles' bids and asks, `off_money` how
    far these stand from the forward, in widths. Per pair, (n_pairs,): `base` the call's base price, `delta` of the
    call and `vega`, the price of a point of width, all discounted.
    """

    forward: Floats
    discount: Floats
    years: Floats
    width: Floats
    width_bid: Floats
    width_ask: Floats
    off_money: Floats
    base: Floats
    delta: Floats
    vega: Floats


def levels(snapshot: Snapshot, curve: tuple[Floats, Floats, Floats], good: Bools) -> Levels:
    """Of the rows that are `good`; `curve` is (forward, discount, years), each (n_slices,)."""
    forward, discount, years = curve
    two_sided = good & (snapshot.bid > 0) & (snapshot.ask > 0)
    pairs = np.flatnonzero(two_sided[0::2] & two_sided[1::2])
    nearest, slices = nearest_pairs(snapshot, forward, pairs, STRADDLES)
    bid = snapshot.bid[2 * nearest] + snapshot.bid[2 * nearest + 1]
    ask = snapshot.ask[2 * nearest] + snapshot.ask[2 * nearest + 1]
    away = forward[slices] - snapshot.strike[2 * nearest]
    sides = np.stack([0.5 * (bid + ask), bid, ask]) / discount[slices]
    found = _medians(np.vstack([_width(sides, away), np.abs(away)]), slices, len(forward))
    prices = _base(snapshot, forward, discount, found[0])
    return Levels(forward, discount, years, found[0], found[1], found[2], found[3] / found[0], *prices)


def nearest_pairs(snapshot: Snapshot, centre: Floats, pairs: Rows, count: int) -> tuple[Rows, Rows]:
    """Of `pairs` the `count` nearest to each slice's `centre`, the nearest first, and the slice of each.

    Slices without a centre have none; of two as near the lower strike is first.
    """
    slices = np.searchsorted(snapshot.offsets // 2, pairs, side="right") - 1
    known = np.isfinite(centre)[slices]
    pairs, slices = pairs[known], slices[known]
    order = np.lexsort((np.abs(snapshot.strike[2 * pairs] - centre[slices]), slices))
    pairs, slices = pairs[order], slices[order]
    first = np.searchsorted(slices, np.arange(len(centre)))
    chosen = np.arange(len(pairs)) - first[slices] < count
    return pairs[chosen], slices[chosen]


def _medians(values: Floats, slices: Rows, n_slices: int) -> Floats:
    """(m, n_slices) medians of values (m, n), by slice; NaN where there are none."""
    rank = np.arange(len(slices)) - np.searchsorted(slices, slices)
    table = np.full((len(values), n_slices, STRADDLES), np.inf)
    table[:, slices, rank] = values
    table.sort(axis=2)
    count = np.bincount(slices, minlength=n_slices)
    every, low, high = np.arange(n_slices), np.maximum(count - 1, 0) // 2, np.minimum(count // 2, STRADDLES - 1)
    return np.where(count > 0, 0.5 * (table[:, every, low] + table[:, every, high]), np.nan)


def _width(straddle: Floats, away: Floats) -> Floats:
    """The standard deviation whose undiscounted straddle this is: S = sd √(2/π) (1 + x²/2) to second order in x."""
    width = np.maximum(straddle * np.sqrt(np.pi / 2), 1e-6)
    for _ in range(2):
        width = np.maximum(straddle * np.sqrt(np.pi / 2) / (1 + np.minimum((away / width) ** 2, 4.0) / 2), 1e-6)
    return np.asarray(width)


def _base(snapshot: Snapshot, forward: Floats, discount: Floats, width: Floats) -> tuple[Floats, Floats, Floats]:
    counts = np.diff(snapshot.offsets) // 2
    known = np.where(np.isfinite(width), width, 1.0)
    away = np.repeat(forward, counts) - snapshot.strike[0::2]
    sd, factor = np.repeat(known, counts), np.repeat(np.where(np.isfinite(width), discount, np.nan), counts)
    x = away / sd
    inside = ndtr(x)
    vega = factor * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    return factor * away * inside + sd * vega, factor * inside, vega
