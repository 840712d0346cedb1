"""What a position could have lost while its underlying is silent (`definitions.md` §5).

No accepted chain for `max_gap_s` of session time: the loss is evaluated on the forward moved 1 % against the package,
up or down, with every vol 3 points up; never better than the last mark. Vols are those of the last marks, leg by leg,
in the variance clock. The mark keeps its time and its legs, so it stays old, and evaluating it again changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.contracts import contract_for
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.marks import at_worst, each_position, pnl
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import held_legs
from quantsentinel.units import quantise_price

MOVE = 0.01
VOL_RISE = 0.03

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
    price = _PRICES.get(key, lambda: _adverse_price(position, desk))
    after = replace(mark, price=price, pnl=pnl(position, price, mark.exit_charges), flagged=True)
    return replace(position, mark=after)


def _adverse_price(position: Position, desk: Desk) -> float:
    """Net points per unit. The least the package can pay where it cannot be valued."""
    legs = held_legs(position, desk).legs
    if legs is None:
        return at_worst(position.package, None).price
    # What holds no vol and is bought stays at its lower bound.
    vol = np.where((legs.vol > 0.0) | (legs.signed < 0.0), legs.vol + VOL_RISE, 0.0)
    raised = replace(legs, vol=vol)
    moved = raised.values(np.array([-MOVE, MOVE]), np.ones(2))
    return quantise_price(min(legs.marked, *moved.tolist()), position.tick) + 0.0
