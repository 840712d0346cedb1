"""What packages gain and lose in declared scenarios: every leg is valued anew, Black-76 on the forward of its expiry.

A scenario moves the index by a share and multiplies every vol. Vols are those of the marked prices, leg by leg, in the
variance clock, and stay with their strikes; no time passes. A leg whose price holds no vol gets 0 when it is bought
(its lower bound) and the highest vol of the others when it is sold. P&L counts from the marked prices, in rupees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.features.timeline import SECONDS_PER_YEAR, session_frame
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Package
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.units import Rupees, rupees

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ValuedLegs:
    """A package ready to be valued anew; arrays (n_legs,). `signed`: +/- contracts per unit, `price` marked points,
    `forward` points, `years` in the variance clock, `vol` annual."""

    signed: Floats
    price: Floats
    strike: Floats
    is_call: NDArray[np.bool_]
    forward: Floats
    years: Floats
    discount: Floats
    vol: Floats

    @property
    def marked(self) -> float:
        """Net points per unit at the marks."""
        return float(self.signed @ self.price)

    def prices(self, moves: Floats, vol_scales: Floats) -> Floats:
        """(s, n_legs) points in each scenario: index at (1 + move), every vol times its scale (at least 0)."""
        forward = self.forward * (1.0 + moves[:, None])
        vol = self.vol * np.maximum(vol_scales, 0.0)[:, None]
        return black76.price(forward, self.strike, self.years, vol, self.discount, self.is_call)

    def values(self, moves: Floats, vol_scales: Floats) -> Floats:
        """(s,) net points per unit in each scenario."""
        return np.asarray(self.prices(moves, vol_scales) @ self.signed)

    def gains(self, moves: Floats, vol_scales: Floats) -> Floats:
        """(s,) points per unit against the marks, rounded to 1e-6."""
        return np.asarray(np.round(self.values(moves, vol_scales) - self.marked, 6) + 0.0)


@dataclass(frozen=True, slots=True)
class Valuation:
    """`legs` is None with the reason why a package cannot be valued."""

    legs: ValuedLegs | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StressGrid:
    """P&L in rupees against the marks: one row per index move, one column per vol multiple. `unknown` names the signals
    that could not be valued: a grid that has some is not the whole book."""

    spot_moves: tuple[float, ...]
    vol_scales: tuple[float, ...]
    pnl: tuple[tuple[Rupees, ...], ...]
    unknown: tuple[str, ...] = ()

    @property
    def worst(self) -> Rupees:
        return min(cell for row in self.pnl for cell in row)


_HELD: Memo[Valuation] = Memo()
_OFFERED: Memo[tuple[Opportunity, Valuation]] = Memo(1024)
_GRIDS: Memo[tuple[tuple[float, ...], ...]] = Memo()


def stress_grid(positions: Sequence[Position], desk: Desk) -> StressGrid:
    """Of all positions together, over the policy's index moves and vol multiples. Positions of several tenants add."""
    policy = desk.policy.scenarios
    total = np.zeros((len(policy.spot_moves), len(policy.vol_scales)))
    unknown = []
    for position in positions:
        cells = stress_points(position, desk)
        if cells is None:
            unknown.append(position.signal_id)
        else:
            total += np.asarray(cells) * position.units
    pnl = tuple(tuple(rupees(round(cell, 6)) for cell in row) for row in total.tolist())
    return StressGrid(policy.spot_moves, policy.vol_scales, pnl, tuple(unknown))


def stress_points(position: Position, desk: Desk) -> tuple[tuple[float, ...], ...] | None:
    """One position's grid in net points per unit; None when its marks do not say what it is worth."""
    found = held_legs(position, desk)
    legs = found.legs
    return None if legs is None else _GRIDS.get((_held_key(position, desk), "grid"), lambda: _grid(legs, desk))


def _grid(legs: ValuedLegs, desk: Desk) -> tuple[tuple[float, ...], ...]:
    policy = desk.policy.scenarios
    moves, scales = np.array(policy.spot_moves), np.array(policy.vol_scales)
    found = legs.gains(np.repeat(moves, len(scales)), np.tile(scales, len(moves)))
    return tuple(tuple(row) for row in found.reshape(len(moves), len(scales)).tolist())


def held_legs(position: Position, desk: Desk) -> Valuation:
    """A position at its last mark; remembered per mark and package."""
    return _HELD.get(_held_key(position, desk), lambda: _held(position, desk))


def _held_key(position: Position, desk: Desk) -> tuple[object, ...]:
    mark = position.mark
    seen = None if mark is None else (mark.at, mark.legs, mark.forward)
    return (desk.digest, position.opportunity_id, seen)


def _held(position: Position, desk: Desk) -> Valuation:
    mark = position.mark
    if mark is None or mark.forward is None:
        return Valuation(None, f"{position.signal_id} has no mark with a forward")
    if len(mark.legs) != len(position.package.legs) or not all(map(math.isfinite, (mark.forward, *mark.legs))):
        return Valuation(None, f"{position.signal_id} has a mark that is not one")
    return _valued(position.package, mark.legs, mark.forward, mark.at, desk)


def offered_legs(opportunity: Opportunity, view: MarketView, desk: Desk) -> Valuation:
    """An offer at the mid prices of its snapshot; remembered per opportunity object."""
    key = (id(opportunity), view.snapshot_digest, view.history_digest, desk.digest)
    return _OFFERED.get(key, lambda: (opportunity, _offered(opportunity, view, desk)))[1]


def _offered(opportunity: Opportunity, view: MarketView, desk: Desk) -> Valuation:
    part = view.analytics.slice(opportunity.package.expiry)
    if part is None or part.forward is None:
        return Valuation(None, "the offer's expiry has no forward")
    mids = [quote.mid for quote in opportunity.legs]
    if not all(map(math.isfinite, mids)):
        return Valuation(None, "a leg of the offer has no price")
    return _valued(opportunity.package, mids, part.forward, part.chain.slice.observed_at, desk)


def _valued(package: Package, prices: Sequence[float], forward: float, at: datetime, desk: Desk) -> Valuation:
    """`forward` is that of the package's near expiry; later ones carry it at the repo rate."""
    try:
        times = _times(package, at, desk)
    except (BadInput, RuleGap, KeyError):
        return Valuation(None, f"the rules do not say how {package.underlying} {package.expiry} ends")
    years, discount = (np.array(column) for column in zip(*times, strict=True))
    forwards = forward * discount.max() / discount
    options = [leg.instrument for leg in package.legs]
    strike, is_call = np.array([option.strike for option in options]), np.array([option.is_call for option in options])
    signed, price = np.array([float(leg.signed) for leg in package.legs]), np.array(prices, dtype=np.float64)
    found = implied_vol(price, forwards, strike, years, discount, is_call)
    highest = float(np.max(found[np.isfinite(found)], initial=0.0))
    vol = np.where(np.isfinite(found), found, np.where(signed > 0, 0.0, highest))
    return Valuation(ValuedLegs(signed, price, strike, is_call, forwards, years, discount, vol))


def _times(package: Package, at: datetime, desk: Desk) -> list[tuple[float, float]]:
    """(years in the variance clock, discount) of each leg from `at` to its settlement observation."""
    expiries = tuple(sorted({leg.instrument.expiry for leg in package.legs}))
    day, share = at.astimezone(IST).date(), desk.policy.forecast.overnight_share
    frame = session_frame(desk.rules, package.underlying, day, expiries, share, desk.volatility.gaps)
    found = {}
    for expiry in expiries:
        ends = frame.endings[expiry].settlement_at
        calendar = max((ends - at).total_seconds(), 0.0) / SECONDS_PER_YEAR
        years = frame.clock.variance_years(at, ends) if ends > at else 0.0
        found[expiry] = (years, math.exp(-frame.repo_rate * calendar))
    return [found[leg.instrument.expiry] for leg in package.legs]
