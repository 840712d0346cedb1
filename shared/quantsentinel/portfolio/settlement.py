"""Settlement at expiry: on the exchange's value where it is known, else on a proxy that it corrects once.

The method is the date's (`rules.settlement`): a volume-weighted average or the closing auction. Until the exchange's
value is entered, the last accepted forward stands in; what was booked on it waits as `provisional`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from quantsentinel.canonical import short_id
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Family, Package
from quantsentinel.portfolio.book import ZERO, Book, Position, Settled
from quantsentinel.portfolio.charges import settlement_charges
from quantsentinel.portfolio.marks import intrinsic, payoff, pnl
from quantsentinel.units import Rupees, rupees


@dataclass(frozen=True, slots=True)
class SettlementValue:
    """The exchange's final settlement value of an expiry, in index points: entered once, by whom and when."""

    underlying: str
    expiry: date
    value: float
    known_at: datetime
    by: str

    def __post_init__(self) -> None:
        """Raises `BadInput` for a value that no index has."""
        if not math.isfinite(self.value) or self.value <= 0 or self.known_at.tzinfo is None:
            where = f"settlement of {self.underlying} {self.expiry}"
            raise BadInput(f"value {self.value} at {self.known_at}", where=where, fix="Index points above 0, with zone")


def value_of(position: Position, values: Iterable[SettlementValue]) -> float | None:
    """The exchange's value for a position; None when it is not known."""
    package = position.package
    mine = (item.value for item in values if (item.underlying, item.expiry) == (package.underlying, package.expiry))
    return next(mine, None)


def of_book(book: Book, values: Iterable[SettlementValue]) -> tuple[SettlementValue, ...]:
    """Values of what the book holds or has provisionally settled: the others decide nothing for this tenant."""
    packages = [position.package for position in book.held] + [item.position.package for item in book.provisional]
    wanted = {(package.underlying, package.expiry) for package in packages}
    return tuple(item for item in values if (item.underlying, item.expiry) in wanted)


def settlement_pnl(position: Position, value: float, desk: Desk) -> tuple[float, Rupees, Rupees]:
    """(points per unit, charges, P&L) of settling all lots on `value`: exercise STT on bought legs in the money, the
    broker's fee for each leg in the money."""
    legs = position.package.legs
    price = payoff(legs, value)
    charges = _charges(position, [intrinsic(leg.instrument, value) for leg in legs], desk)
    return price, charges, pnl(position, price, charges)


def _charges(position: Position, intrinsics: Sequence[float], desk: Desk) -> Rupees:
    """By the schedule of the day on which the (near) expiry's value is observed."""
    observed_at = desk.rules.settlement(position.package.underlying, position.package.expiry).observed_at
    return settlement_charges(position, intrinsics, observed_at.astimezone(IST).date(), desk)


def far_legs_left(position: Position, value: float | None, desk: Desk) -> Position | None:
    """A calendar after its near expiry: the far leg alone, what the near one paid and cost in its entry. Without any
    settlement value the near leg counts at its last mark. None for a package of one expiry."""
    package, mark = position.package, position.mark
    near = [leg for leg in package.legs if leg.instrument.expiry == package.expiry]
    far = tuple(leg for leg in package.legs if leg.instrument.expiry != package.expiry)
    if not far:
        return None
    last = dict(zip(package.legs, mark.legs, strict=True)) if mark else dict.fromkeys(package.legs, 0.0)
    level = value if value is not None else (mark.forward if mark else None)
    paid = [last[leg] if level is None else intrinsic(leg.instrument, level) for leg in near]
    settled = replace(position, package=Package(package.family, tuple(near)))
    charges = rupees(position.entry_charges + _charges(settled, paid, desk))
    received = sum(leg.signed * price for leg, price in zip(near, paid, strict=True))
    entry = round(position.entry_price - received, 6) + 0.0
    debit = Decimal(str(max(entry, 0.0))) * position.units
    left = replace(
        position,
        package=Package(Family.LONG_CALL if far[0].instrument.is_call else Family.LONG_PUT, far),
        opportunity_id=short_id("opp", position.opportunity_id, "far legs"),
        entry_price=entry,
        entry_charges=charges,
        max_loss=rupees(debit + charges),
        max_profit=None,
        margin=rupees(debit),
    )
    if mark is None:
        return left
    prices = tuple(last[leg] for leg in far)
    price = round(sum(leg.signed * paid for leg, paid in zip(far, prices, strict=True)), 6) + 0.0
    moved = replace(mark, price=price, legs=prices, pnl=pnl(left, price, mark.exit_charges))
    return replace(left, mark=moved)


def corrected(book: Book, values: Iterable[SettlementValue], desk: Desk) -> Book:
    """`book` itself when nothing provisional settles now. What is corrected is no longer provisional: never twice.

    A correction upwards also lifts the base of the day's loss: it makes no room for new losses. One downwards counts.
    """
    known = tuple(values)
    kept: list[Settled] = []
    change, confirmed = Decimal(0), Decimal(0)
    for item in book.provisional:
        value = value_of(item.position, known)
        if value is None:
            kept.append(item)
            continue
        more = settlement_pnl(item.position, value, desk)[2] - item.pnl
        change += more if item.in_assumed else ZERO
        confirmed += more if item.in_confirmed else ZERO
    if len(kept) == len(book.provisional):
        return book
    return replace(
        book,
        provisional=tuple(kept),
        realised=rupees(book.realised + change),
        confirmed_realised=rupees(book.confirmed_realised + confirmed),
        settlement_pnl=rupees(book.settlement_pnl + max(change, ZERO)),
        confirmed_settlement_pnl=rupees(book.confirmed_settlement_pnl + max(confirmed, ZERO)),
    )


def still_provisional(book: Book, session: date, desk: Desk) -> Book:
    """Without what nobody gave a value for in time: the proxy stands."""
    oldest = session - timedelta(days=desk.policy.books.settlement_open_days)
    kept = tuple(item for item in book.provisional if item.position.package.expiry >= oldest)
    return book if len(kept) == len(book.provisional) else replace(book, provisional=kept)
