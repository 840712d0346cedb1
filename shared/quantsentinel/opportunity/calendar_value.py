"""What calendars are worth at their exit and at the near settlement, for every level of the near forward.

State S is the near forward. At the exit both legs are Black-76 at today's vol of their own moneyness ln(K/F), flat
beyond the quotes (sticky moneyness); the far forward follows S (`Pair.carry`). Two shapes of each package, in points:

- **outcome**, what the exit pays: each leg at the worse of its implied and its forecast vol, less the cost of closing.
  The gross edge is D [E_forecast(outcome before costs) - E_implied(the same at implied vols)]: with forecast = implied
  it is zero, and a misfit of the smiles is never an edge.
- **bounds**, the least over the exit and the near settlement with the far vol 20 % lower (`definitions.md` §4). A
  bought option is worth less at a lower vol, so of -20 % and +20 % the first is always the worse one.

Between nodes both are linear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantsentinel.costs.charges import charges_upper_bound
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.calendar_curves import Curves, Spread, weights
from quantsentinel.opportunity.calendar_terms import Pair
from quantsentinel.opportunity.payoff_profile import FAR, TAXED_MOVE, Profile, win_probabilities
from quantsentinel.pricing.special import ndtr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SCREEN_NODES = 48
EXACT_NODES = 240
"""Even, so that no node falls on the forward, which may be a strike."""
LOWEST = 1e-6


@dataclass(frozen=True, eq=False)
class Calendars:
    """(m,) calendars: which pair, strike and right; `closing` is the cost of crossing both spreads at the exit, points
    per unit; `vol_shift` the share by which the far vol may fall."""

    pairs: tuple[Pair, ...]
    pair_of: Ints
    strike: Floats
    is_call: Bools
    closing: Floats
    vol_shift: float
    curves: Curves

    def __len__(self) -> int:
        return len(self.strike)

    def column(self, name: str) -> Floats:
        """(m, 1) of a number of each one's pair."""
        return self.curves.numbers[name][self.pair_of][:, None]

    def take(self, rows: Ints) -> Calendars:
        columns = (self.pair_of[rows], self.strike[rows], self.is_call[rows], self.closing[rows])
        return Calendars(self.pairs, *columns, self.vol_shift, self.curves)


@dataclass(frozen=True, eq=False)
class Values:
    """Of m calendars, points per unit: the two shapes, the gross edge, the expected price of each leg at the exit
    (m, 2), the bought one first, and the expected cost of closing there. `physical`: the exit's distribution, for the
    rows that share it."""

    bounds: Profile
    outcome: Profile
    edge: Floats
    leg: Floats
    closing: Floats
    physical: Sequence[tuple[Ints, Spread]]

    def stressed(self, points: Floats) -> Floats:
        """(m, p) what each calendar pays at least at its own levels `points` (m, p), ascending or not."""
        bounds, each = self.bounds, np.arange(len(points))[:, None]
        at = (points[:, :, None] >= bounds.edges[:, None, :]).sum(axis=2) - 1
        low, left, right = bounds.edges[each, at], bounds.left[each, at], bounds.right[each, at]
        share = (points - low) / (bounds.edges[each, at + 1] - low)
        return np.asarray(left + share * (right - left))

    def least_at(self, row: int, points: Floats) -> Floats:
        """What calendar `row` pays at least at these levels."""
        bounds = self.bounds
        paid = np.append(bounds.left[row], bounds.right[row, -1])
        return np.asarray(np.interp(points, bounds.edges[row], paid))

    def win_probability(self, entry_cost: Floats) -> Floats:
        """(m,) P(outcome > entry cost) under the physical density of the exit."""
        order = np.concatenate([rows for rows, _ in self.physical])
        laws = [(len(rows), spread.nodes, spread.cdf) for rows, spread in self.physical]
        won = np.empty_like(entry_cost)
        won[order] = win_probabilities(self.outcome.take(order), entry_cost[order], laws)
        return won


def value(calendars: Calendars, count: int) -> Values:
    """On `count` levels of S and the strike, for every calendar."""
    levels = _levels(calendars, count)
    near, near_worse, far, far_worse, far_low, far_late = _prices(calendars, _legs_at(calendars, levels))
    cost = _cost_of_closing(calendars, far_worse, near_worse)
    sign = np.where(calendars.is_call, 1.0, -1.0)[:, None]
    settled = np.maximum(sign * (levels - calendars.strike[:, None]), 0.0)
    outcome = far_worse - near_worse
    implied, forecast, physical = _weights(calendars, levels)
    discount = calendars.column("discount")[:, 0]
    edge = discount * (_expected(forecast, outcome) - _expected(implied, far - near))
    return Values(
        bounds=_profile(levels, np.minimum(far_low - near_worse, far_late - settled) - cost),
        outcome=_profile(levels, outcome - cost),
        edge=edge,
        leg=np.column_stack([_expected(forecast, far_worse), _expected(forecast, near_worse)]),
        closing=_expected(forecast, cost),
        physical=physical,
    )


def _expected(weights: Floats, values: Floats) -> Floats:
    """(m,) row by row; no matrix product, which would bring in threads and another order of summation."""
    return np.asarray((weights * values).sum(axis=1))


def _profile(levels: Floats, values: Floats) -> Profile:
    """Beyond the last level a calendar is parity: flat."""
    return Profile(levels, values[:, :-1], values[:, 1:], np.zeros(len(levels)))


def _levels(calendars: Calendars, count: int) -> Floats:
    """(m, count + 3) ascending: 0, a grid that is finest at the forward, the strike, and far beyond."""
    numbers, strike = calendars.curves.numbers, calendars.strike
    forward, spread = numbers["forward"][:, None], numbers["deviation"][:, None]
    half = np.arcsinh(numbers["reaches"][:, None] / spread)
    grid = (forward * np.exp(spread * np.sinh(half * np.linspace(-1.0, 1.0, count))))[calendars.pair_of]
    levels = np.zeros((len(strike), count + 3))
    levels[:, 1:-2] = np.where(grid == strike[:, None], grid * (1.0 + 1e-9), grid)
    levels[:, -2], levels[:, -1] = strike, FAR * np.maximum(numbers["forward"][calendars.pair_of], strike)
    levels.sort(axis=1)
    return levels


@dataclass(frozen=True, eq=False)
class LegLines:
    """Both legs along their calendars' levels, (2, m, n), the near one first: their expiry's forward, log-moneyness
    ln(K/F), and vol there."""

    forward: Floats
    k: Floats
    vol: Floats


def _legs_at(calendars: Calendars, levels: Floats) -> LegLines:
    """Where the near forward is at `levels`."""
    curves = calendars.curves
    far = levels / calendars.column("between") + calendars.column("carry")
    forward = np.maximum(np.stack([levels, far]), LOWEST)
    k = np.log(calendars.strike[:, None] / forward)
    part, vol = np.stack([curves.near, curves.far])[:, calendars.pair_of], np.empty_like(k)
    for place, smile in enumerate(curves.smiles):
        rows = part == place
        vol[rows] = np.interp(k[rows], *smile)
    return LegLines(forward, k, vol)


def _prices(calendars: Calendars, legs: LegLines) -> Floats:
    """(6, m, n) points: near leg at implied and at worse vol; far leg at implied, worse and shifted vol; far leg at the
    near settlement, shifted. All in one go: Black-76 in its plain form is right to 1e-11 of the forward, which is all
    that a curve of values needs, and takes half the time of `black76.price`."""

    def columns(*names: str) -> Floats:
        return np.stack([calendars.column(name) for name in names])

    leg = np.array([0, 0, 1, 1, 1, 1])
    years = columns("near_left", "near_left", "far_left", "far_left", "far_left", "far_after")
    discount = columns("near_discount", "near_discount", "far_discount", "far_discount", "far_discount", "between")
    factor = np.ones_like(years)
    factor[1], factor[3], factor[4:] = *columns("near_vol", "far_vol"), 1.0 - calendars.vol_shift
    deviation = legs.vol[leg] * np.sqrt(years) * factor
    sign = np.where(calendars.is_call, 1.0, -1.0)[:, None]
    d1 = 0.5 * deviation - legs.k[leg] / deviation
    strike = calendars.strike[:, None]
    value = legs.forward[leg] * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation))
    return np.asarray(np.maximum(discount * sign * value, 0.0))


def _cost_of_closing(calendars: Calendars, far: Floats, near: Floats) -> Floats:
    """(m, n) points per unit: charges of selling the far and buying back the near leg, and both spreads."""
    terms = calendars.pairs[0].terms
    units = np.array([-1.0, 1.0]) * terms.lot
    # As the exercise tax: charges on a premium have no bound of their own and count up to a move of 20 %.
    premium = np.moveaxis(np.minimum(np.stack([far, near]), TAXED_MOVE * calendars.column("forward")), 0, -1)
    charges = charges_upper_bound(premium, units, terms.schedule) / terms.lot
    return np.asarray(charges + calendars.closing[:, None])


def _weights(calendars: Calendars, levels: Floats) -> tuple[Floats, Floats, list[tuple[Ints, Spread]]]:
    """(m, n) expectation weights under the implied and under the physical density of the exit, and the latter."""
    curves = calendars.curves
    near = curves.near[calendars.pair_of]
    physical = [((near == place).nonzero()[0], spread) for place, spread in curves.physical.items()]
    found = weights(curves.implied, near, levels), weights(curves.physical, near, levels)
    return *found, [(rows, spread) for rows, spread in physical if len(rows)]
