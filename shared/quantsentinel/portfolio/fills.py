"""Paper fills: what entering at the market would have cost, from the quotes of one snapshot.

Buys lift the ask, sales hit the bid, and the package pays the depth impact of its legs on top (`costs.slippage`, which
counts the legs), rounded to the tick against the trader. A leg without a usable two-sided quote, or without a displayed
size, gives no fill at all: a part of a package is never filled.

The books do not rest on it: an assumed entry stands at the worse end of its zone (`definitions.md` §5). It is recorded
beside a paper entry, so that the two can be compared.
"""

from __future__ import annotations

import math
from datetime import datetime

from quantsentinel.costs.charges import order_slices
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.features.analytics import LegPrice
from quantsentinel.frozen import dataclass, evolve
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.book import PaperFill, Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.units import rupees


@dataclass(frozen=True, slots=True)
class _Found:
    fill: PaperFill | None


_FILLS: Memo[_Found] = Memo()


def with_paper_fill(position: Position, view: MarketView, at: datetime) -> Position:
    """A paper position with the fill the snapshot would have given it; any other one, and one without a fill, as is."""
    if not position.is_paper:
        return position
    fill = paper_fill(position, view, at)
    return position if fill is None else evolve(position, paper_fill=fill)


def paper_fill(position: Position, view: MarketView, at: datetime) -> PaperFill | None:
    """All lots on one snapshot; None without all quotes and sizes. Remembered per view and size."""
    seen = (view.snapshot_digest, view.history_digest, view.desk_digest)
    key = (*seen, position.opportunity_id, position.units, position.freeze_units, at)
    return _FILLS.get(key, lambda: _Found(_filled(position, view, at))).fill


def _filled(position: Position, view: MarketView, at: datetime) -> PaperFill | None:
    legs = position.package.legs
    quotes = [view.analytics.leg_price(leg.instrument) for leg in legs]
    found = [quote for quote in quotes if quote is not None]
    if len(found) < len(legs):
        return None
    impact = _impact(position, found)
    if not math.isfinite(impact):
        return None
    prices = tuple(quote.ask if leg.side > 0 else quote.bid for leg, quote in zip(legs, found, strict=True))
    touch = sum(leg.signed * price for leg, price in zip(legs, prices, strict=True))
    ticks = math.ceil(round((touch + impact / position.units) / position.tick, 6))
    sent = [order_slices(position.units * leg.ratio, position.freeze_units, position.lot) for leg in legs]
    return PaperFill(
        at, round(ticks * position.tick, 6) + 0.0, prices, rupees(impact), sum(map(len, sent)), view.snapshot_digest
    )


def _impact(position: Position, quotes: list[LegPrice]) -> float:
    """Rupees of all lots; infinite without a displayed size on the side that is hit."""
    legs = position.package.legs
    units = [position.units * leg.signed for leg in legs]
    sides = zip(legs, quotes, strict=True)
    shown = [quote.ask_size if leg.side > 0 else quote.bid_size for leg, quote in sides]
    half_spread = [(quote.ask - quote.bid) / 2.0 for quote in quotes]
    return float(depth_impact(units, shown, half_spread, position.tick))
