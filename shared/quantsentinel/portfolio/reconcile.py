"""Where the two books disagree, since when, and for how long they may (`definitions.md` §5).

Open on one side only: an entry that is assumed and not answered, or one that the tenant still holds although its exit
went out. Paper entries cannot be answered and never disagree.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from quantsentinel.desk import Desk
from quantsentinel.market.calendar import IST
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.memo import Memo

_DEADLINES: Memo[datetime] = Memo()


def compared(book: Book, at: datetime) -> Book:
    """The book with every mismatch and its beginning: the entry's opening, or when the assumed book ended it."""
    if not (book.positions or book.confirmed or book.unreconciled):
        return book
    assumed = {position.signal_id for position in book.positions}
    ended = {item.position.signal_id: item.ended_at for item in book.lapsed}
    found = {item.signal_id: item.opened_at for item in book.positions if not item.is_paper and item.taken_at is None}
    found |= {
        item.signal_id: ended.get(item.signal_id, book.unreconciled.get(item.signal_id, at))
        for item in book.confirmed
        if item.signal_id not in assumed
    }
    return book if found == book.unreconciled else replace(book, unreconciled=dict(sorted(found.items())))


def overdue(book: Book, desk: Desk, at: datetime) -> tuple[str, ...]:
    """Signals about which the books have disagreed for longer than the policy allows. Raises `RuleGap`."""
    return tuple(signal for signal, since in sorted(book.unreconciled.items()) if at > deadline(since, desk))


def deadline(since: datetime, desk: Desk) -> datetime:
    """The same time of day, as far as it is traded, the policy's number of sessions later. Raises `RuleGap` when the
    rule book does not cover them."""

    def find() -> datetime:
        local = since.astimezone(IST)
        day = local.date()
        for _ in range(desk.policy.books.max_unreconciled_sessions):
            session = desk.rules.next_session(day)
            day = session.day
        clock = local.replace(year=day.year, month=day.month, day=day.day)
        return min(max(clock, session.open), session.close)

    return _DEADLINES.get((desk.digest, since), find)
