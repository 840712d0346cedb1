"""What packages lose, and need more than now, right after a declared shock: the index down or up, every vol higher.

Per unit, so that a book is a sum over units: `gain` is a package's P&L from the marks, `more` by how much its margin
alone (`costs.margin`, on the market that the next margin file would see) and the cash that sits in its value rise. What
is blocked now is the recorded figure, a broker's where there is one; only its change is modelled. Packages are not
netted against each other, which a margin never exceeds but for calendar charges.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin, margin_days
from quantsentinel.costs.margin_book import Shock, shocked_market
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Package
from quantsentinel.opportunity.factors import Factors
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import Floats, Valuation, ValuedLegs, held_legs, offered_legs

SHOCKS = ("down", "up")


@dataclass(frozen=True, slots=True)
class After:
    """Rupees per unit after one shock."""

    gain: float
    more: float


@dataclass(frozen=True, slots=True)
class Shocked:
    """After each of `SHOCKS`; empty with the reason why it is not known."""

    after: tuple[After, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Needed:
    """Rupees of a whole book after the shock that leaves least room; None with the reason why it is not known."""

    funds: float | None
    equity: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Now:
    """Rupees before the shock: funds that the book and the offer block, and the equity they stand on."""

    funds: float
    equity: float


@dataclass(frozen=True, slots=True)
class Held:
    """Rupees of all positions together after each of `SHOCKS`: what they need more, what they gain."""

    more: tuple[float, ...]
    gain: tuple[float, ...]
    reason: str = ""


_AFTER: Memo[tuple[Valuation, Shocked]] = Memo()
_OFFERED: Memo[tuple[Opportunity, Shocked]] = Memo(1024)
_HELD: Memo[tuple[tuple[Position, ...], Factors | None, Held]] = Memo(64)
"""A running book is asked about for every offer."""


def needed_after_shock(
    offer: tuple[Opportunity, int], held: tuple[Position, ...], now: Now, view: MarketView, desk: Desk
) -> Needed:
    """Of the held positions and the offer at its units."""
    opportunity, units = offer
    own, book = _offered(opportunity, view, desk), _held_after(held, view, desk)
    if own.reason or book.reason:
        return Needed(None, None, own.reason or book.reason)
    found = []
    for name, after, more, gain in zip(SHOCKS, own.after, book.more, book.gain, strict=True):
        funds, left = now.funds + after.more * units + more, now.equity + after.gain * units + gain
        found.append((left - funds, name, funds, left))
    _, name, funds, left = min(found)
    return Needed(round(funds, 2), round(left, 2), name)


def _offered(offer: Opportunity, view: MarketView, desk: Desk) -> Shocked:
    """Remembered per opportunity object."""
    key = (id(offer), view.snapshot_digest, view.history_digest, desk.digest)
    return _OFFERED.get(key, lambda: (offer, _shocked(offered_legs(offer, view, desk), offer.package, view, desk)))[1]


def _held_after(held: tuple[Position, ...], view: MarketView, desk: Desk) -> Held:
    key = (id(held), id(view.factors), view.session, desk.digest)
    return _HELD.get(key, lambda: (held, view.factors, _all_after(held, view, desk)))[2]


def _all_after(held: tuple[Position, ...], view: MarketView, desk: Desk) -> Held:
    parts = [(_shocked(held_legs(one, desk), one.package, view, desk), one.units) for one in held]
    reason = next((part.reason for part, _ in parts if part.reason), "")
    if reason:
        return Held((), (), reason)
    shocks = range(len(SHOCKS))
    more = tuple(sum(part.after[shock].more * units for part, units in parts) for shock in shocks)
    return Held(more, tuple(sum(part.after[shock].gain * units for part, units in parts) for shock in shocks))


def _shocked(found: Valuation, package: Package, view: MarketView, desk: Desk) -> Shocked:
    """Remembered per valuation, factors and session."""
    if found.legs is None:
        return Shocked((), found.reason)
    factors, legs = view.factors, found.legs
    if factors is None or package.underlying not in factors.names:
        return Shocked((), f"no daily closes of {package.underlying} to margin it with")
    key = (id(found), factors.key, view.session, desk.digest)
    return _AFTER.get(key, lambda: (found, _work_out(legs, package, factors, view.session, desk)))[1]


def _work_out(legs: ValuedLegs, package: Package, factors: Factors, session: date, desk: Desk) -> Shocked:
    try:
        return Shocked(_after(legs, package, factors, session, desk))
    except (BadInput, RuleGap) as error:
        return Shocked((), f"no margin of {package.underlying} {package.expiry} after the shock: {error}")


def _after(legs: ValuedLegs, package: Package, factors: Factors, session: date, desk: Desk) -> tuple[After, ...]:
    """Of one unit, after each of `SHOCKS`. Raises `BadInput` or `RuleGap` when there is no margin to be had."""
    policy = desk.policy.walls
    moves, scale = np.array([-1.0, 1.0]) * policy.stressed_margin_move, np.full(2, policy.stressed_margin_vol)
    place, scan = factors.index_of(package.underlying), desk.rules.scan(package.underlying, session)
    calm = MarginMarket(
        previous_close=factors.previous_close[place],
        underlying_price=float(legs.forward[int(np.argmax(legs.discount))]),
        previous_vol_annual=factors.span_vol_annual[place],
        days=margin_days(desk.rules, session, package.expiry),
    )
    days = np.array([float((leg.instrument.expiry - session).days) for leg in package.legs])

    def funds(prices: Floats, forward: Floats, market: MarginMarket) -> float:
        found = margin(MarginLegs(legs.strike, legs.is_call, legs.signed, prices, forward, days), market, scan)
        return found.total + max(float(legs.signed @ prices), 0.0)

    before, after = funds(legs.price, legs.forward, calm), []
    for move, prices in zip(moves.tolist(), legs.prices(moves, scale), strict=True):
        needed = funds(prices, legs.forward * (1.0 + move), shocked_market(calm, scan, Shock(spot=move)))
        gain = float(legs.signed @ prices) - legs.marked
        after.append(After(round(gain, 6), round(needed - before, 6)))
    return tuple(after)
