"""Settlement at expiry: on the exchange's value where it is known, else on a proxy that it corrects once.

The method is the date's (`rules.settlement`): a volume-weighted average or the closing auction. Until the exchange's
value is entered, the last accepted forward stands in; what was booked on it waits as `provisional`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
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
    legs, package = position.package.legs, position.package
    price = payoff(legs, value)
    on = desk.rules.settlement(package.underlying, package.expiry).observed_at.astimezone(IST).date()
    charges = settlement_charges(position, [intrinsic(leg.instrument, value) for leg in legs], on, desk)
    return price, charges, pnl(position, price, charges)


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
