"""What a position could have lost while its underlying is silent (`definitions.md` §5).

No accepted chain for `max_gap_s` of session time: the loss is evaluated on the forward moved 1 % against the package,
up or down, with every vol 3 points up; never better than the last mark. Vols are those of the last marks, leg by leg,
in the variance clock. The mark keeps its time and its legs, so it stays old, and evaluating it again changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.features.timeline import SECONDS_PER_YEAR, session_frame
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.book import Book, Mark, Position
from quantsentinel.portfolio.marks import each_position, payoff, pnl
from quantsentinel.portfolio.memo import Memo
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.units import quantise_price

MOVE = 0.01
VOL_RISE = 0.03

Floats = NDArray[np.float64]
_PRICES: Memo[float] = Memo()


def mark_silent(book: Book, view: MarketView, desk: Desk, at: datetime) -> Book:
    """Adverse marks for positions of *other* underlyings than the view's whose last mark is older than `max_gap_s`."""
    if all(position.package.underlying == view.underlying for position in book.held):
        return book

    def judged(position: Position) -> Position:
        other = position.package.underlying != view.underlying
        return _adverse(position, desk) if other and _is_silent(position, view, desk, at) else position

    return each_position(book, judged)


def _is_silent(position: Position, view: MarketView, desk: Desk, at: datetime) -> bool:
    """Judged as the `stale_marks` switch judges it; what is not known counts as silent."""
    if position.mark is None:
        return False
    try:
        limit, session = contract_for(view.snapshot.source).max_gap_s, desk.rules.session(view.session)
    except (BadInput, RuleGap):
        return True
    return session is None or 60.0 * session.minutes_between(position.mark.at, at) > limit


def _adverse(position: Position, desk: Desk) -> Position:
    mark = position.mark
    assert mark is not None
    key = (desk.digest, position.opportunity_id, mark.at, mark.legs, mark.forward)
    price = _PRICES.get(key, lambda: _adverse_price(position, mark, desk))
    after = replace(mark, price=price, pnl=pnl(position, price, mark.exit_charges), flagged=True)
    return replace(position, mark=after)


def _adverse_price(position: Position, mark: Mark, desk: Desk) -> float:
    """Net points per unit. The least the package can pay where no forward or no rule is known."""
    legs = position.package.legs
    last = sum(leg.signed * price for leg, price in zip(legs, mark.legs, strict=True))
    try:
        times = _times(position, mark, desk)
    except (BadInput, RuleGap, KeyError):
        times = None
    if mark.forward is None or times is None:
        return min(payoff(legs, level) for level in (0.0, *(leg.instrument.strike for leg in legs)))
    # The mark's forward is the near expiry's; a calendar's far leg carries it at the repo rate.
    forward = mark.forward * times[1].max() / times[1]
    vols = _vols(position, mark, forward, times)
    moved = [_value(position, forward * (1.0 + move), vols, times) for move in (-MOVE, MOVE)]
    return quantise_price(min(last, *moved), position.tick) + 0.0


def _times(position: Position, mark: Mark, desk: Desk) -> tuple[Floats, Floats]:
    """(years in the variance clock, discount) of each leg, from the mark to its settlement observation."""
    package, share = position.package, desk.policy.forecast.overnight_share
    day = mark.at.astimezone(IST).date()
    expiries = tuple(sorted({leg.instrument.expiry for leg in package.legs}))
    frame = session_frame(desk.rules, package.underlying, day, expiries, share)
    found = {}
    for expiry in expiries:
        ends = frame.endings[expiry].settlement_at
        calendar = max((ends - mark.at).total_seconds(), 0.0) / SECONDS_PER_YEAR
        years = frame.clock.variance_years(mark.at, ends) if ends > mark.at else 0.0
        found[expiry] = (years, math.exp(-frame.repo_rate * calendar))
    legs = np.array([found[leg.instrument.expiry] for leg in package.legs])
    return legs[:, 0], legs[:, 1]


def _vols(position: Position, mark: Mark, forward: Floats, times: tuple[Floats, Floats]) -> list[float]:
    """Each leg's vol at its marked price, already raised. A bought leg without one gets 0, its lower bound; a sold one
    the highest of the others."""
    legs = position.package.legs
    strikes, calls = ([getattr(leg.instrument, name) for leg in legs] for name in ("strike", "is_call"))
    found = implied_vol(np.array(mark.legs), forward, strikes, *times, calls).tolist()
    highest = max((vol for vol in found if math.isfinite(vol)), default=0.0)
    filled = [vol if math.isfinite(vol) else highest for vol in found]
    return [
        0.0 if leg.side > 0 and not math.isfinite(own) else vol + VOL_RISE
        for leg, own, vol in zip(legs, found, filled, strict=True)
    ]


def _value(position: Position, forward: Floats, vols: list[float], times: tuple[Floats, Floats]) -> float:
    """Net points per unit on the legs' forwards; without vol or time the discounted intrinsic value."""
    options = [leg.instrument for leg in position.package.legs]
    strikes, calls = [option.strike for option in options], [option.is_call for option in options]
    prices = black76.price(forward, strikes, times[0], vols, times[1], calls).tolist()
    return float(sum(leg.signed * price for leg, price in zip(position.package.legs, prices, strict=True)))
