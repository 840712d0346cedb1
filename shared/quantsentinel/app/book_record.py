"""A tenant's two books as the report shows them: what is assumed, what was said, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal

from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Book, Position


@dataclass(frozen=True, slots=True)
class BookLine:
    """One open position at the end of the record."""

    signal_id: str
    package: str
    lots: int
    units: int
    entry_price: float
    mark_price: float | None
    pnl: Decimal | None
    margin: Decimal
    max_loss: Decimal
    mode: str
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """P&L since the capital was declared, realised and open, by book; every limit takes the worse. `differ`: signals
    about which the books disagree, and since when."""

    assumed: tuple[BookLine, ...] = ()
    confirmed: tuple[BookLine, ...] = ()
    assumed_pnl: Decimal = Decimal(0)
    confirmed_pnl: Decimal = Decimal(0)
    differ: Mapping[str, datetime] = field(default_factory=dict)


NO_BOOKS = Books()


def books_of(book: Book) -> Books:
    """What a stored book holds. A paper entry stands in both (it is not answered)."""
    paper = (position for position in book.positions if position.is_paper)
    return Books(
        assumed=tuple(_line(position) for position in book.positions),
        confirmed=tuple(_line(position) for position in (*book.confirmed, *paper)),
        assumed_pnl=book.assumed_pnl,
        confirmed_pnl=book.confirmed_pnl,
        differ=dict(book.unreconciled),
    )


def _line(position: Position) -> BookLine:
    mark = position.mark
    legs = ", ".join(f"{leg.action} {leg.instrument.strike:g} {leg.instrument.right}" for leg in position.package.legs)
    return BookLine(
        signal_id=position.signal_id,
        package=f"{position.package.underlying} {position.package.expiry:%d %b} {legs}",
        lots=position.lots,
        units=position.units,
        entry_price=position.entry_price,
        mark_price=mark.price if mark else None,
        pnl=mark.pnl if mark else None,
        margin=position.margin,
        max_loss=position.max_loss,
        mode=position.mode,
        flagged=bool(mark and mark.flagged),
    )
