"""The book at the start of a new session: a new base for the daily loss, an empty day budget, no expired keys; and at
a new declaration of capital."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from quantsentinel.accounts.account import Account
from quantsentinel.errors import StaleData
from quantsentinel.portfolio.book import ZERO, Book
from quantsentinel.portfolio.marks import pnl
from quantsentinel.units import Rupees, rupees


def rolled(book: Book, session: date) -> Book:
    """`book` itself within its session. The last marks of the old session are its settlement mark. A gap in the stream
    is not healed by the night: what it still asks of fresh snapshots stays.

    Raises `StaleData` for a session before the book's: its day has been settled.
    """
    if book.session == session:
        return book
    if book.session is not None and session < book.session:
        raise StaleData(f"session {session} is before the book's session {book.session}", where="book")
    closed = {key: entry for key, entry in book.closed.items() if date.fromisoformat(key.split("|")[1]) >= session}
    return replace(
        book,
        session=session,
        closed=closed,
        settlement_pnl=_at_last_quotes(book),
        entered_loss=ZERO,
        refusals={},
    )


def _at_last_quotes(book: Book) -> Rupees:
    """Realised and unrealised at the legs' last prices: what `silence` assumed is no settlement mark. A base that low
    would hide the next day's loss."""
    total: Decimal = book.realised
    for position in book.positions:
        mark, legs = position.mark, position.package.legs
        if mark is not None:
            price = sum(leg.signed * paid for leg, paid in zip(legs, mark.legs, strict=True))
            total += pnl(position, round(price, 6) + 0.0, mark.exit_charges)
    return rupees(total)


def redeclared(book: Book, account: Account) -> Book:
    """`book` itself under the declaration it knows. A new one holds what was realised before it: `realised` starts
    again at zero and the base of the daily loss moves with it: equity counts no rupee twice, no loss is hidden."""
    if (book.capital, book.capital_declared_on) == (account.capital, account.capital_declared_on):
        return book
    before = book.realised if book.capital is not None else ZERO
    return replace(
        book,
        capital=account.capital,
        capital_declared_on=account.capital_declared_on,
        realised=rupees(book.realised - before),
        settlement_pnl=rupees(book.settlement_pnl - before),
    )
