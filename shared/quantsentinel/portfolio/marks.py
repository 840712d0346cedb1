"""Marks: what closing a position would return now, always on the worse side (`definitions.md` §5).

Longs at the bid, shorts at the ask. A missing quote: a long at its lower bound (discounted intrinsic), a short at the
model + 5 vol points on the forward moved 1 % against it. Where the expiry of an unquoted leg has no forward on this
snapshot (its slice was not polled, or is too old), the last mark stands as long as the source may be silent; after
that, or without any model, the whole package counts at the minimum of its payoff. All these marks are flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass, evolve
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.instruments import Instrument, Leg, Package
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.book import Book, Mark, Position
from quantsentinel.portfolio.charges import exit_charges
from quantsentinel.portfolio.memo import Memo
from quantsentinel.units import Rupees, quantise_price, rupees

ADVERSE_VOL = 0.05
ADVERSE_FORWARD = 0.01
WORTHLESS_TICKS = 10


@dataclass(frozen=True, slots=True)
class PackageMark:
    """A package's closing value on one snapshot: net points per unit, the price of each leg in order."""

    price: float
    legs: tuple[float, ...]
    forward: float | None
    flagged: bool


@dataclass(frozen=True, slots=True)
class _EntryPrice:
    price: float
    is_known: bool


_MARKS: Memo[PackageMark] = Memo()
_ENTRIES: Memo[_EntryPrice] = Memo()


def mark_book(book: Book, view: MarketView, desk: Desk, at: datetime) -> Book:
    """Every position of the view's underlying on its snapshot; those of others keep their last marks (`silence`)."""
    if all(position.package.underlying != view.underlying for position in book.held):
        return book

    def marked(position: Position) -> Position:
        return mark_position(position, view, desk, at) if position.package.underlying == view.underlying else position

    return each_position(book, marked)


def each_position(book: Book, change: Callable[[Position], Position]) -> Book:
    """Both books with every position changed; what stands in both alike is worked out once."""
    changed = {id(position): change(position) for position in book.positions}
    twins = {position.signal_id: position for position in book.positions}
    confirmed = []
    for position in book.confirmed:
        twin = twins.get(position.signal_id)
        confirmed.append(changed[id(twin)] if twin is not None and twin == position else change(position))
    return evolve(
        book, positions=tuple(changed[id(position)] for position in book.positions), confirmed=tuple(confirmed)
    )


def mark_position(position: Position, view: MarketView, desk: Desk, at: datetime) -> Position:
    found = package_mark(position, view)
    kept = position.mark if found.forward is None else None
    if kept is not None and (at - kept.at).total_seconds() <= _silence_s(view):
        return replace(position, mark=replace(kept, flagged=True))
    charges = exit_charges(position, found.legs, view.session, desk)
    mark = Mark(
        at=at,
        price=found.price,
        legs=found.legs,
        forward=found.forward if found.forward is not None else (position.mark.forward if position.mark else None),
        exit_charges=charges,
        pnl=pnl(position, found.price, charges),
        flagged=found.flagged,
        snapshot=view.snapshot_digest,
    )
    return evolve(position, mark=mark)


def _silence_s(view: MarketView) -> float:
    """Seconds that a mark may stand in for the next one."""
    try:
        return contract_for(view.snapshot.source).max_gap_s
    except BadInput:
        return 0.0


def pnl(position: Position, price: float, charges: Rupees) -> Rupees:
    """Of closing all lots at `price` net points per unit, after entry charges and `charges`."""
    gross = (Decimal(str(price)) - Decimal(str(position.entry_price))) * position.units
    return rupees(gross - position.entry_charges - charges)


def package_mark(position: Position, view: MarketView) -> PackageMark:
    """Worse-side closing value of a position's package; a pure function of the view, remembered per view."""
    return _MARKS.get(_key(position, view), lambda: _package_mark(position.package, view))


def _key(position: Position, view: MarketView) -> tuple[str, ...]:
    """An opportunity's id names its package."""
    return (view.snapshot_digest, view.history_digest, view.desk_digest, position.opportunity_id)


def _package_mark(package: Package, view: MarketView) -> PackageMark:
    prices: list[float] = []
    flagged = False
    part = view.analytics.slice(package.expiry)
    forward = part.forward if part is not None else None
    for leg in package.legs:
        price = _quoted(leg, view)
        if price is None:
            flagged = True
            if lower_bound(leg.instrument, view) is None:  # of a calendar the far leg's slice may be missing alone
                return at_worst(package, None)
            price = _unquoted(leg, view)
        if price is None:
            return at_worst(package, forward)
        prices.append(price)
    value = sum(leg.signed * price for leg, price in zip(package.legs, prices, strict=True))
    return PackageMark(round(value, 6) + 0.0, tuple(prices), forward, flagged)


def _quoted(leg: Leg, view: MarketView) -> float | None:
    """The usable price on the closing side; None without one.

    Nobody bids for a worthless option: that is a price, not a gap. A long of one that is offered at no more than
    `WORTHLESS_TICKS` is worth zero (a vanished bid of a dearer one is a gap); a short is bought back at the ask, unless
    the ask is beyond the adverse model value.
    """
    quote = view.analytics.leg_price(leg.instrument)
    if quote is not None:
        return quote.bid if leg.side > 0 else quote.ask
    raw = view.snapshot.quote(leg.instrument)
    if raw is None or raw.bid > 0.0 or raw.ask <= 0.0 or lower_bound(leg.instrument, view) != 0.0:
        return None
    if leg.side > 0:
        return 0.0 if raw.ask <= WORTHLESS_TICKS * view.analytics.tick + 1e-9 else None
    ceiling = _unquoted(leg, view)
    return quantise_price(raw.ask, view.analytics.tick) if ceiling is not None and raw.ask <= ceiling else None


def _unquoted(leg: Leg, view: MarketView) -> float | None:
    if leg.side > 0:
        return lower_bound(leg.instrument, view) or 0.0
    against = ADVERSE_FORWARD if leg.instrument.is_call else -ADVERSE_FORWARD
    model = view.analytics.model_price(leg.instrument, vol_shift=ADVERSE_VOL, forward_shift=against)
    return None if model is None else quantise_price(model, view.analytics.tick)


def entry_price(position: Position, view: MarketView) -> float | None:
    """What entering costs now: buy at the ask, sell at the bid, net points per unit. None without all quotes."""
    found = _ENTRIES.get(_key(position, view), lambda: _entry_price(position.package, view))
    return found.price if found.is_known else None


def _entry_price(package: Package, view: MarketView) -> _EntryPrice:
    total = 0.0
    for leg in package.legs:
        quote = view.analytics.leg_price(leg.instrument)
        if quote is None:
            return _EntryPrice(0.0, is_known=False)
        total += leg.signed * (quote.ask if leg.side > 0 else quote.bid)
    return _EntryPrice(round(total, 6) + 0.0, is_known=True)


def lower_bound(instrument: Instrument, view: MarketView) -> float | None:
    """Discounted intrinsic on the expiry's forward, in points; None when the forward is unknown."""
    part = view.analytics.slice(instrument.expiry)
    if part is None or part.forward is None:
        return None
    moneyness = part.forward - instrument.strike if instrument.is_call else instrument.strike - part.forward
    return quantise_price(max(part.times.discount * moneyness, 0.0), view.analytics.tick)


def at_worst(package: Package, forward: float | None) -> PackageMark:
    """Legs at their payoffs where the package pays least; of several such levels, where the legs are worth least: the
    charges of closing are on their premiums. An unbounded package never enters a book."""
    found = []
    for level in _corners(package.legs):
        legs = tuple(intrinsic(leg.instrument, level) for leg in package.legs)
        found.append((payoff(package.legs, level), sum(legs), legs))
    price, _, legs = min(found)
    return PackageMark(price, legs, forward, flagged=True)


def _corners(legs: Sequence[Leg]) -> list[float]:
    """A piecewise-linear payoff has its extremes at zero, at a strike, or beyond the last strike."""
    strikes = [leg.instrument.strike for leg in legs]
    return [0.0, *strikes, 2.0 * max(strikes)]


def intrinsic(instrument: Instrument, settlement: float) -> float:
    """Points a held option pays on a settlement value."""
    difference = settlement - instrument.strike
    return max(difference if instrument.is_call else -difference, 0.0)


def payoff(legs: Sequence[Leg], settlement: float) -> float:
    """Net points per unit at settlement."""
    return round(sum(leg.signed * intrinsic(leg.instrument, settlement) for leg in legs), 6) + 0.0
