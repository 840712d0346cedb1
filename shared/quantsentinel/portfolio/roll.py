"""The book at the start of a new session: a new base for the daily loss, an empty day budget, no expired keys; and at
a new declaration of capital."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from quantsentinel.accounts.account import Account
from quantsentinel.errors import StaleData
from quantsentinel.frozen import evolve
from quantsentinel.market.calendar import IST
from quantsentinel.portfolio.book import ZERO, Book, Lapsed, Position
from quantsentinel.portfolio.marks import at_worst, pnl
from quantsentinel.units import rupees


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
    lapsed = tuple(item for item in book.lapsed if _is_awaited(item, book))
    known = {position.signal_id for position in (*book.held, *(item.position for item in lapsed))}
    paper = [position for position in book.positions if position.is_paper]
    return evolve(
        book,
        session=session,
        closed=closed,
        settlement_pnl=rupees(book.realised + _at_last_quotes(book.positions)),
        confirmed_settlement_pnl=rupees(book.confirmed_realised + _at_last_quotes((*book.confirmed, *paper))),
        entered_loss=ZERO,
        lapsed=lapsed,
        answered={signal: newest for signal, newest in book.answered.items() if signal in known},
        refusals={},
    )


def _is_awaited(item: Lapsed, book: Book) -> bool:
    """A word about an ended entry is taken until the session after the one in which it ended is over; one that the
    tenant took stays until he has closed it."""
    ended_on = item.ended_at.astimezone(IST).date()
    return book.session is None or ended_on >= book.session or book.confirmed_of(item.position.signal_id) is not None


def _at_last_quotes(positions: Iterable[Position]) -> Decimal:
    """Unrealised at the legs' last prices: what `silence` assumed is no settlement mark, nor is the least that a
    package can pay, which stands for legs that nobody saw: that one counts as entered. A base that low would hide the
    next day's loss behind what comes back when there are quotes again."""
    total = Decimal(0)
    for position in positions:
        mark, legs = position.mark, position.package.legs
        if mark is not None:
            price = sum(leg.signed * paid for leg, paid in zip(legs, mark.legs, strict=True))
            unseen = mark.flagged and mark.legs == at_worst(position.package, None).legs
            price = max(price, position.entry_price) if unseen else price
            total += pnl(position, round(price, 6) + 0.0, mark.exit_charges)
    return total


def redeclared(book: Book, account: Account) -> Book:
    """`book` itself under the declaration it knows. A new one holds what was realised before it: `realised` starts
    again at zero and the base of the daily loss moves with it: equity counts no rupee twice, no loss is hidden. What
    later words say about entries that ended before it is in the declaration too. The peak of equity moves with equity:
    a drawdown stays as large in rupees as it was."""
    if (book.capital, book.capital_declared_on) == (account.capital, account.capital_declared_on):
        return book
    known = book.capital is not None
    before, confirmed = (book.realised, book.confirmed_realised) if known else (ZERO, ZERO)
    after = evolve(
        book,
        capital=account.capital,
        capital_declared_on=account.capital_declared_on,
        realised=rupees(book.realised - before),
        settlement_pnl=rupees(book.settlement_pnl - before),
        confirmed_realised=rupees(book.confirmed_realised - confirmed),
        confirmed_settlement_pnl=rupees(book.confirmed_settlement_pnl - confirmed),
        lapsed=tuple(replace(item, pnl=ZERO) for item in book.lapsed) if known else book.lapsed,
        provisional=() if known else book.provisional,
    )
    if book.capital is None or book.peak_equity is None:
        return after
    shift = after.equity(account.capital) - book.equity(book.capital)
    return evolve(after, peak_equity=rupees(book.peak_equity + shift))
