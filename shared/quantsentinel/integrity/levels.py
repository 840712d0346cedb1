"""Each expiry's level: forward, discount and the width of its distribution, and the price that these alone explain.

The base price is Bachelier's, D[(F - K) N(x) + sd φ(x)] with x = (F - K)/sd: it takes the bend at the money out of a
chain, so that what is left of a quote can be compared with its neighbours along the strikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from quantsentinel.market.snapshot import Bools, Floats, Snapshot

STRADDLES = 4
"""Two-sided strikes nearest to the forward that give the width: the median of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Per slice, (n_slices,): `forward` and `width` (one standard deviation at expiry) in points, NaN where there is
    none, `discount`, `years`; `width_bid` and `width_ask` are those of the straddles' bids and asks. Per pair,
    (n_pairs,): `base` the call's base price, `delta` of the call, both discounted.
    """

    forward: Floats
    discount: Floats
    years: Floats
    width: Floats
    width_bid: Floats
    width_ask: Floats
    base: Floats
    delta: Floats


def levels(snapshot: Snapshot, curve: tuple[Floats, Floats, Floats], good: Bools) -> Levels:
    """Of the rows that are `good`; `curve` is (forward, discount, years), each (n_slices,)."""
    forward, discount, years = curve
    widths = np.full((3, len(forward)), np.nan)
    two_sided = good & (snapshot.bid > 0) & (snapshot.ask > 0)
    pair = two_sided[0::2] & two_sided[1::2]
    strike, offsets = snapshot.strike[0::2], snapshot.offsets // 2
    bid, ask = snapshot.bid[0::2] + snapshot.bid[1::2], snapshot.ask[0::2] + snapshot.ask[1::2]
    for index in np.flatnonzero(np.isfinite(forward) & (discount > 0)):
        low = int(offsets[index])
        places = low + np.flatnonzero(pair[low : offsets[index + 1]])
        if len(places):
            away = forward[index] - strike[places]
            nearest = np.argsort(np.abs(away), kind="stable")[:STRADDLES]
            at, away = places[nearest], away[nearest]
            sides = np.stack([0.5 * (bid[at] + ask[at]), bid[at], ask[at]]) / discount[index]
            ordered = np.sort(_width(sides, away), axis=1)
            count = len(at)
            widths[:, index] = 0.5 * (ordered[:, (count - 1) // 2] + ordered[:, count // 2])
    base, delta = _base(snapshot, forward, discount, widths[0])
    return Levels(forward, discount, years, widths[0], widths[1], widths[2], base, delta)


def _width(straddle: Floats, away: Floats) -> Floats:
    """The standard deviation whose undiscounted straddle this is: S = sd √(2/π) (1 + x²/2) to second order in x."""
    width = np.maximum(straddle * np.sqrt(np.pi / 2), 1e-6)
    for _ in range(2):
        width = np.maximum(straddle * np.sqrt(np.pi / 2) / (1 + np.minimum((away / width) ** 2, 4.0) / 2), 1e-6)
    return np.asarray(width)


def _base(snapshot: Snapshot, forward: Floats, discount: Floats, width: Floats) -> tuple[Floats, Floats]:
    counts = np.diff(snapshot.offsets) // 2
    known = np.where(np.isfinite(width), width, 1.0)
    away = np.repeat(forward, counts) - snapshot.strike[0::2]
    sd, factor = np.repeat(known, counts), np.repeat(np.where(np.isfinite(width), discount, np.nan), counts)
    x = away / sd
    inside = ndtr(x)
    base = factor * (away * inside + sd * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))
    return base, factor * inside
