"""What calendars are worth at their exit and at the near settlement, for every level of the near forward.

State S is the near forward. At the exit both legs are Black-76 at today's vol of their own moneyness ln(K/F), flat
beyond the quotes (sticky moneyness); the far forward follows S (`Pair.carry`). Two shapes of each package, in points:

- **outcome**, what the exit pays: each leg at the worse of its implied and its forecast vol, less the cost of closing.
  The gross edge is D [E_forecast(outcome before costs) - E_implied(the same at implied vols)]: with forecast = implied
  it is zero, and a misfit of the smiles is never an edge.
- **bounds**, the least over the exit and the near settlement with the far vol 20 % lower (`definitions.md` §4). A
  bought option is worth less at a lower vol, so of -20 % and +20 % the first is always the worse one.

Between nodes both are linear. The exit's densities are the near expiry's with log-returns shrunk to the share of its
variance that passes before the exit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from quantsentinel.costs.charges import charges_upper_bound
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.calendar_terms import Pair
from quantsentinel.opportunity.payoff_profile import FAR, TAXED_MOVE, Profile, win_probability
from quantsentinel.pricing.density import Density

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SCREEN_NODES = 48
EXACT_NODES = 240
"""Even, so that no node falls on the forward, which may be a strike."""
SMILE_STEPS = np.linspace(0.0, 1.0, 121)
NEAR_REACH = 12.0
FAR_REACH = 6.0
"""The grid reaches so many deviations of the near and of the far expiry, then straight to 0 and to four forwards."""
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

    def __len__(self) -> int:
        return len(self.strike)

    def column(self, name: str) -> Floats:
        """(m, 1) of a number of each one's pair."""
        return np.array([getattr(pair, name) for pair in self.pairs])[self.pair_of][:, None]

    def take(self, rows: Ints) -> Calendars:
        return Calendars(
            self.pairs, self.pair_of[rows], self.strike[rows], self.is_call[rows], self.closing[rows], self.vol_shift
        )


@dataclass(frozen=True, eq=False)
class Spread:
    """A distribution of S at the exit: nodes ascending, their masses; `of` is the density that it was shrunk from."""

    nodes: Floats
    mass: Floats
    of: Density

    @property
    def cdf(self) -> Floats:
        """P(S <= node)."""
        return self.of.cdf

    def weights(self, levels: Floats) -> Floats:
        """(m, n) so that sum(weights * values at levels) is the expectation of the piecewise-linear function.

        A hat function is a butterfly of calls, so its expectation is the second difference of the call curve.
        """
        above = np.append(np.cumsum(self.mass[::-1])[::-1], 0.0)
        moment = np.append(np.cumsum((self.mass * self.nodes)[::-1])[::-1], 0.0)
        at = np.searchsorted(self.nodes, levels, side="right")
        slope = np.diff(moment[at] - levels * above[at], axis=1) / np.diff(levels, axis=1)
        ends = np.zeros((len(levels), 1))
        return np.asarray(np.diff(slope, axis=1, prepend=ends - 1.0, append=ends))


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
        won = np.empty_like(entry_cost)
        for rows, spread in self.physical:
            won[rows] = win_probability(self.outcome.take(rows), entry_cost[rows], spread.nodes, spread.cdf)
        return won


def spread_at_exit(density: Density, elapsed: float) -> Spread:
    """The density's log-returns shrunk by sqrt(`elapsed`), its mean kept at the forward (a tilt shrinks alike)."""
    nodes = density.forward * np.exp(np.sqrt(elapsed) * density.log_strike)
    target = density.forward * (density.mean / density.forward) ** np.sqrt(elapsed)
    return Spread(nodes * (target / float(density.mass @ nodes)), density.mass, density)


def value(calendars: Calendars, count: int) -> Values:
    """On `count` levels of S and the strike, for every calendar."""
    levels = _levels(calendars, count)
    legs = _legs_at(calendars, levels)
    near, near_worse, far, far_worse, far_low, far_late = _prices(calendars, *legs)
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
    forward, spread, reach = (np.array(column) for column in zip(*map(_span, calendars.pairs), strict=True))
    half = np.arcsinh(reach / spread)
    grid = spread[:, None] * np.sinh(half[:, None] * np.linspace(-1.0, 1.0, count))
    grid = (forward[:, None] * np.exp(grid))[calendars.pair_of]
    strike = calendars.strike[:, None]
    inner = np.where(grid == strike, grid * (1.0 + 1e-9), grid)
    far = FAR * np.maximum(forward[calendars.pair_of][:, None], strike)
    return np.sort(np.hstack([np.zeros_like(strike), inner, strike, far]), axis=1)


def _span(pair: Pair) -> tuple[float, float, float]:
    """(near forward, its deviation to settlement, how far the grid reaches), the last two in logs."""
    near, far = ((part.atm_vol or 0.0) * np.sqrt(part.times.variance_years) for part in (pair.near, pair.far))
    return float(pair.near.forward or 0.0), float(near), float(max(NEAR_REACH * near, FAR_REACH * far))


@dataclass(frozen=True, eq=False)
class LegLine:
    """One leg along its calendar's levels, (m, n): its expiry's forward, log-moneyness ln(K/F), and vol there."""

    forward: Floats
    k: Floats
    vol: Floats


def _legs_at(calendars: Calendars, levels: Floats) -> tuple[LegLine, LegLine]:
    """(near, far) where the near forward is at `levels`."""
    forwards = (levels, levels / calendars.column("between") + calendars.column("carry"))
    sides = ([pair.near for pair in calendars.pairs], [pair.far for pair in calendars.pairs])
    smiles = {part: _smile(part) for part in dict.fromkeys([*sides[0], *sides[1]])}
    lines = []
    for forward, parts in zip(forwards, sides, strict=True):
        above = np.maximum(forward, LOWEST)
        k = np.log(calendars.strike[:, None] / above)
        vol = np.empty_like(k)
        for part in dict.fromkeys(parts):
            rows = np.array([other is part for other in parts])[calendars.pair_of]
            vol[rows] = np.interp(k[rows], *smiles[part])
        lines.append(LegLine(above, k, vol))
    return lines[0], lines[1]


def _smile(part: SliceAnalytics) -> tuple[Floats, Floats]:
    """(log-moneyness, vol) of a slice's smile between its outermost usable quotes."""
    quoted = part.strike[np.isfinite(part.vol)]
    assert part.smile is not None
    assert part.forward is not None
    low, high = np.log(quoted[0] / part.forward), np.log(quoted[-1] / part.forward)
    k = low + (high - low) * SMILE_STEPS
    return k, np.sqrt(np.maximum(part.smile(k), 0.0) / part.times.variance_years)


def _prices(calendars: Calendars, near: LegLine, far: LegLine) -> tuple[Floats, ...]:
    """Near leg at implied and at worse vol; far leg at implied, worse and shifted vol; far leg at the near settlement,
    shifted. Each (m, n), points."""
    column, low = calendars.column, 1.0 - calendars.vol_shift

    def price(leg: LegLine, years: str, discount: str, factor: Floats | float = 1.0) -> Floats:
        return _black(calendars, leg, leg.vol * np.sqrt(column(years)) * factor, column(discount))

    near_vol, far_vol = column("near_vol"), column("far_vol")
    near_implied, far_implied = price(near, "near_left", "near_discount"), price(far, "far_left", "far_discount")
    near_worse = price(near, "near_left", "near_discount", near_vol) if np.any(near_vol != 1.0) else near_implied
    far_worse = price(far, "far_left", "far_discount", far_vol) if np.any(far_vol != 1.0) else far_implied
    far_low, far_late = price(far, "far_left", "far_discount", low), price(far, "far_after", "between", low)
    return near_implied, near_worse, far_implied, far_worse, far_low, far_late


def _black(calendars: Calendars, leg: LegLine, deviation: Floats, discount: Floats) -> Floats:
    """Black-76 in its plain form: right to 1e-11 of the forward, which is all that a curve of values needs, in half the
    time of `black76.price`."""
    sign = np.where(calendars.is_call, 1.0, -1.0)[:, None]
    d1 = 0.5 * deviation - leg.k / deviation
    strike = calendars.strike[:, None]
    value = leg.forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation))
    return np.asarray(np.maximum(discount * sign * value, 0.0))


def _cost_of_closing(calendars: Calendars, far: Floats, near: Floats) -> Floats:
    """(m, n) points per unit: charges of selling the far and buying back the near leg, and both spreads."""
    terms = calendars.pairs[0].terms
    units = np.array([-1.0, 1.0]) * terms.lot
    # As the exercise tax: charges on a premium have no bound of their own and count up to a move of 20 %.
    most = TAXED_MOVE * np.array([pair.near.forward for pair in calendars.pairs], dtype=np.float64)[calendars.pair_of]
    premium = np.minimum(np.stack([far, near], axis=-1), most[:, None, None])
    charges = charges_upper_bound(premium, units, terms.schedule) / terms.lot
    return np.asarray(charges + calendars.closing[:, None])


def _weights(calendars: Calendars, levels: Floats) -> tuple[Floats, Floats, list[tuple[Ints, Spread]]]:
    """(m, n) expectation weights under the implied and under the physical density of the exit, and the latter."""
    implied, forecast = np.empty_like(levels), np.empty_like(levels)
    physical: list[tuple[Ints, Spread]] = []
    for pair, rows in _by_near(calendars):
        assert pair.near.density is not None
        assert pair.near.physical is not None
        implied[rows] = spread_at_exit(pair.near.density, pair.elapsed).weights(levels[rows])
        spread = spread_at_exit(pair.near.physical, pair.elapsed)
        forecast[rows] = spread.weights(levels[rows])
        physical.append((rows, spread))
    return implied, forecast, physical


def _by_near(calendars: Calendars) -> Sequence[tuple[Pair, Ints]]:
    """One pair of each near expiry that occurs, with the rows of all calendars that sell it."""
    groups: dict[int, tuple[Pair, list[int]]] = {}
    for row, index in enumerate(calendars.pair_of.tolist()):
        pair = calendars.pairs[index]
        groups.setdefault(id(pair.near), (pair, []))[1].append(row)
    return [(pair, np.array(rows, dtype=np.int64)) for pair, rows in groups.values()]
