"""Net P&L at settlement of many packages at once: piecewise linear in the settlement price, exact between the strikes.

Arrays (m, 4) and (m, n) may have either order in memory; where one leg, one piece of all packages lies side by side
(order F, as the grid has them), sums over legs and pieces run three times as fast.

A leg's net payoff takes off what its settlement costs: the exercise tax on a bought leg's intrinsic value (a share of
it) and the broker's fee for each leg that ends in the money. Everything is in points per unit; m packages, 4 legs each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

FAR = 4.0
"""The last edge is this multiple of the highest strike; beyond it only the slope matters."""
TAXED_MOVE = 0.20
"""The exercise tax on a held leg's intrinsic value has no bound of its own: it is counted up to a move of 20 %, where
the market-wide circuit breaker ends the day and the leg can be sold instead. The payoff itself is never capped."""


@dataclass(frozen=True, slots=True)
class ExitCost:
    """`tax`: share of a bought leg's intrinsic value at settlement; `fee`: points per unit and leg in the money."""

    tax: float
    fee: float


@dataclass(frozen=True, eq=False)
class Legs:
    """(m, 4) arrays; `side` +1 bought, -1 sold, 0 unused."""

    strike: Floats
    is_call: Bools
    side: Floats

    def take(self, index: Ints | slice) -> Legs:
        return Legs(self.strike[index], self.is_call[index], self.side[index])


@dataclass(frozen=True, eq=False)
class Profile:
    """Linear pieces of each package: `edges` (m, n) from 0 up, `left` and `right` (m, n - 1) the net payoff at their
    ends before the entry cost; NaN on empty pieces. `slope` (m,) is the payoff's slope beyond the last strike."""

    edges: Floats
    left: Floats
    right: Floats
    slope: Floats

    def take(self, index: Ints | slice) -> Profile:
        return Profile(self.edges[index], self.left[index], self.right[index], self.slope[index])

    def lowest(self) -> Floats:
        """(m,) minimum over all S >= 0; -inf when unbounded."""
        low = np.fmin.reduce(np.fmin(self.left, self.right), axis=1)
        return np.where(self.slope < 0, -np.inf, low)

    def highest(self) -> Floats:
        """(m,) maximum over all S >= 0; +inf when unbounded."""
        high = np.fmax.reduce(np.fmax(self.left, self.right), axis=1)
        return np.where(self.slope > 0, np.inf, high)


def leg_payoffs(legs: Legs, at: Floats, cost: ExitCost) -> Floats:
    """(m, p, 4) signed net payoff of each leg at settlement prices `at` (m, p) or (1, p)."""
    strike, is_call, side = legs.strike.T[:, :, None], legs.is_call.T[:, :, None], legs.side.T[:, :, None]
    reach = np.where(is_call, 1.0, -1.0) * (at - strike)
    fee = (cost.fee * (side != 0)) * (reach > 0)
    kept = side * np.where(side > 0, 1.0 - cost.tax, 1.0)
    # Legs stand first in memory: an innermost axis of four is what numpy is slowest at.
    return np.moveaxis(kept * np.maximum(reach, 0.0, out=reach) - fee, 0, -1)


def bought_and_sold(strike: Floats, is_call: Bools, at: Floats, cost: ExitCost) -> Floats:
    """(2n + 1, p) as `leg_payoffs` of n single options at settlement prices `at` (p,), or each at its own (n, p):
    bought, sold, and a row of nothing."""
    reach = np.where(is_call, 1.0, -1.0)[:, None] * (at - strike[:, None])
    fee = cost.fee * (reach > 0)
    intrinsic = np.maximum(reach, 0.0, out=reach)
    n = len(strike)
    paid = np.zeros((2 * n + 1, at.shape[-1]))
    np.subtract(intrinsic * (1.0 - cost.tax), fee, out=paid[:n])
    np.subtract(-intrinsic, fee, out=paid[n : 2 * n])
    return paid


def profile(legs: Legs, cost: ExitCost, forward: float | Floats) -> Profile:
    """The pieces of each package's net payoff before its entry cost; `forward`, of all or (m,), anchors the taxed
    range."""
    level = np.broadcast_to(np.asarray(forward, dtype=np.float64), len(legs.strike))[:, None]
    lowest, highest = level * (1.0 - TAXED_MOVE), level * (1.0 + TAXED_MOVE)
    count = legs.strike.shape[1]
    edges = np.empty((count + 4, len(legs.strike))).T
    edges[:, :1] = 0.0
    edges[:, 1:-1] = np.sort(np.hstack([legs.strike, lowest, highest]), axis=1)
    edges[:, -1:] = FAR * np.maximum(edges[:, -2:-1], level)
    payoff = _signed(legs, edges, legs.side)
    taxed = np.minimum(np.maximum(edges, lowest), highest)
    values = payoff - cost.tax * _signed(legs, taxed, np.maximum(legs.side, 0.0))
    low, high = edges[:, :-1], edges[:, 1:]
    fees = cost.fee * _legs_in_the_money(legs, low) if cost.fee else 0.0
    empty = high <= low
    left = np.where(empty, np.nan, values[:, :-1] - fees)
    right = np.where(empty, np.nan, values[:, 1:] - fees)
    return Profile(edges, left, right, (legs.side * legs.is_call).sum(axis=1))


def _legs_in_the_money(legs: Legs, low: Floats) -> NDArray[np.int8]:
    """(m, n) how many used legs end in the money on each piece that is not empty: no strike lies inside a piece, so
    that a put is there where a call of its strike is not."""
    count = np.zeros_like(low, dtype=np.int8)
    for leg in range(legs.strike.shape[1]):
        passed = legs.strike[:, leg, None] <= low
        count += (passed == legs.is_call[:, leg, None]) & (legs.side[:, leg, None] != 0)
    return count


def _signed(legs: Legs, at: Floats, side: Floats) -> Floats:
    """(m, n) sum of side x intrinsic value at settlement prices `at` (m, n).

    Leg by leg: a third axis of four is what numpy adds up slowest.
    """
    sign = np.where(legs.is_call, 1.0, -1.0)
    total = np.zeros_like(at)
    for leg in np.nonzero(side.any(axis=0))[0]:
        value = at - legs.strike[:, leg, None]
        value *= sign[:, leg, None]
        np.maximum(value, 0.0, out=value)
        value *= side[:, leg, None]
        total += value
    return total


def win_probability(shape: Profile, entry_cost: Floats, nodes: Floats, cdf: Floats) -> Floats:
    """(m,) probability that net payoff - `entry_cost` > 0, under a distribution with `cdf` at ascending `nodes`.

    The distribution is linear between its nodes; each piece contributes the probability of the part where it is above
    the cost. `shape` may be of one package, at many costs.
    """
    return win_probabilities(shape, entry_cost, [(len(entry_cost), nodes, cdf)])


def win_probabilities(shape: Profile, entry_cost: Floats, laws: Sequence[tuple[int, Floats, Floats]]) -> Floats:
    """As `win_probability` where the first packages follow the first law, and so on: (how many, nodes, cdf)."""
    cost, count = entry_cost[:, None], len(entry_cost)
    # Most pieces lose: only those that win somewhere are looked up.
    package, piece = np.nonzero((shape.left > cost) | (shape.right > cost))
    rows = len(shape.edges)
    place = piece if rows == 1 else piece * rows + package  # in memory, where packages lie side by side
    edges, lefts, rights = (values.ravel("F") for values in (shape.edges, shape.left, shape.right))
    low, high = edges.take(place), edges.take(place + rows)
    paid = entry_cost[package]
    left, right = lefts.take(place) - paid, rights.take(place) - paid
    rise = right - left
    share = np.divide(-left, rise, out=np.zeros_like(rise), where=rise != 0)
    crossing = low + np.minimum(np.maximum(share, 0.0), 1.0) * (high - low)
    start, stop = np.where(left > 0, low, crossing), np.where(right > 0, high, crossing)
    # Where a package wins across an edge, the two pieces count as one: half of the look-ups are saved.
    opens = np.ones(len(package), dtype=np.bool_)
    closes = opens.copy()
    opens[1:] = (package[1:] != package[:-1]) | (start[1:] != stop[:-1])
    closes[:-1] = opens[1:]
    package, ends = package[opens], np.stack([start[opens], stop[closes]])
    done = 0
    for last, (_, nodes, cdf) in zip(package.searchsorted([*accumulate(law[0] for law in laws)]), laws, strict=True):
        ends[:, done:last] = np.interp(ends[:, done:last], nodes, cdf, left=0.0, right=1.0)
        done = last
    return np.asarray(np.bincount(package, weights=ends[1] - ends[0], minlength=count), dtype=np.float64)


def breakevens(shape: Profile, entry_cost: float) -> list[float]:
    """Settlement prices at which the first package's net P&L changes sign, ascending; a jump by a fee counts at its
    strike."""
    points: list[float] = []
    before: float | None = None
    for low, high, at_low, at_high in zip(
        shape.edges[0, :-1], shape.edges[0, 1:], shape.left[0] - entry_cost, shape.right[0] - entry_cost, strict=True
    ):
        if np.isnan(at_low):
            continue
        if before is not None and before * at_low < 0:
            points.append(float(low))
        if at_low * at_high < 0:
            points.append(float(low - at_low * (high - low) / (at_high - at_low)))
        before = float(at_high)
    return points
