"""What packages need and lose right after a declared shock: the index at once down or up, every vol higher.

Per unit, so that a book is a sum over units: `gain` is its P&L from the marks, `funds` the margin of the package alone
after the shock (`costs.margin`, on the market that the next margin file would see) and the cash that sits in what it is
worth then. Packages are not netted against each other, which a margin never exceeds but for calendar charges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin, margin_days
from quantsentinel.costs.margin_book import Shock, shocked_market
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.instruments import Package
from quantsentinel.opportunity.factors import Factors
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import Valuation, ValuedLegs, held_legs, offered_legs

SHOCKS = ("down", "up")


@dataclass(frozen=True, slots=True)
class After:
    """Rupees per unit after one shock."""

    gain: float
    funds: float


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


_AFTER: Memo[tuple[Valuation, Shocked]] = Memo()


def needed_after_shock(
    offer: Opportunity, units: int, held: Sequence[Position], equity: float, view: MarketView, desk: Desk
) -> Needed:
    """Of the held positions and `units` of the offer, from `equity` now."""
    parts = [(_shocked(offered_legs(offer, view, desk), offer.package, view, desk), units)]
    parts += [(_shocked(held_legs(one, desk), one.package, view, desk), one.units) for one in held]
    reason = next((part.reason for part, _ in parts if part.reason), "")
    if reason:
        return Needed(None, None, reason)
    found = []
    for index, name in enumerate(SHOCKS):
        funds = sum(part.after[index].funds * count for part, count in parts)
        left = equity + sum(part.after[index].gain * count for part, count in parts)
        found.append((left - funds, Needed(round(funds, 2), round(left, 2), name)))
    return min(found, key=lambda item: item[0])[1]


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
    policy = desk.policy.walls
    moves = (-policy.stressed_margin_move, policy.stressed_margin_move)
    try:
        return Shocked(tuple(_after(legs, package, factors, session, desk, move) for move in moves))
    except (BadInput, RuleGap) as error:
        return Shocked((), f"no margin of {package.underlying} {package.expiry} after the shock: {error}")


def _after(legs: ValuedLegs, package: Package, factors: Factors, session: date, desk: Desk, move: float) -> After:
    """Of one unit. Raises `BadInput` or `RuleGap` when there is no margin to be had."""
    at, scale = np.array([move]), np.array([desk.policy.walls.stressed_margin_vol])
    place, scan = factors.index_of(package.underlying), desk.rules.scan(package.underlying, session)
    near = float(legs.forward[int(np.argmax(legs.discount))])
    calm = MarginMarket(
        previous_close=factors.previous_close[place],
        underlying_price=near,
        previous_vol_annual=factors.span_vol_annual[place],
        days=margin_days(desk.rules, session, package.expiry),
    )
    needed = margin(
        MarginLegs(
            strike=legs.strike,
            is_call=legs.is_call,
            signed_units=legs.signed,
            mark=legs.prices(at, scale)[0],
            forward=legs.forward * (1.0 + move),
            expiry_days=np.array([float((leg.instrument.expiry - session).days) for leg in package.legs]),
        ),
        shocked_market(calm, scan, Shock(spot=move)),
        scan,
    )
    value = float(legs.values(at, scale)[0])
    return After(round(value - legs.marked, 6), round(needed.total + max(value, 0.0), 6))
