"""What a tenant's answers do to both books (`definitions.md` §5): taken at price and lots, skipped, closed.

An answer ends the assumption: the assumed entry takes the tenant's own price and lots, or leaves. Answers are applied
in the order of their times, each once: one that is not newer than the newest applied of its signal changes nothing, nor
does one that no longer fits (the store refuses it with its reason before it gets here).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from quantsentinel.costs.charges import Fill, charge_lines
from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import ZERO, Book, Lapsed, Position, with_position, without_position
from quantsentinel.portfolio.charges import exit_charges
from quantsentinel.portfolio.marks import pnl
from quantsentinel.units import Rupees, rupees


@dataclass(frozen=True, slots=True)
class Applied:
    """`ended` is the assumed position that this answer ended, as it was held last; `pnl` what closing it brought."""

    answer: Answer
    ended: Position | None = None
    pnl: Rupees = ZERO


def pending(book: Book, answers: Iterable[Answer], underlying: str | None = None) -> tuple[Answer, ...]:
    """Answers about what the book knows (of an underlying) that were not applied yet, oldest first, each once."""
    known = {
        position.signal_id
        for position in (*book.positions, *book.confirmed, *(item.position for item in book.lapsed))
        if underlying in (None, position.package.underlying)
    }
    fresh = {answer for answer in answers if answer.signal_id in known and _is_newer(book, answer)}
    return tuple(sorted(fresh, key=_order))


def apply_answers(book: Book, answers: Iterable[Answer], desk: Desk) -> tuple[Book, tuple[Applied, ...]]:
    """The book after all answers, in whatever order and however often they come."""
    done: list[Applied] = []
    for answer in sorted(answers, key=_order):
        if not _is_newer(book, answer):
            continue
        found = _APPLY[answer.kind](book, answer, desk)
        if found is not None:
            book, applied = found
            mark = f"{answer.kind.value}|{answer.at.isoformat()}"
            book = replace(book, answered={**book.answered, answer.signal_id: mark})
            done.append(applied)
    return book, tuple(done)


def _order(answer: Answer) -> tuple[datetime, str, str, float, int]:
    return (answer.at, answer.signal_id, answer.kind.value, answer.price or 0.0, answer.lots or 0)


def newest_answer(book: Book, signal_id: str) -> tuple[AnswerKind, datetime] | None:
    """Kind and time of the newest applied answer about a signal."""
    kind, _, at = book.answered.get(signal_id, "").partition("|")
    return (AnswerKind(kind), datetime.fromisoformat(at)) if at else None


def _is_newer(book: Book, answer: Answer) -> bool:
    newest = newest_answer(book, answer.signal_id)
    return newest is None or answer.at > newest[1]


# --- Each kind --------------------------------------------------------------------------------------------------------
Change = tuple[Book, Applied] | None


def _taken(book: Book, answer: Answer, desk: Desk) -> Change:
    """At the tenant's price and lots in both books. Said again, it corrects the first; after a close it is late."""
    newest = newest_answer(book, answer.signal_id)
    lapsed, assumed = book.lapsed_of(answer.signal_id), book.assumed_of(answer.signal_id)
    base = assumed or (lapsed.position if lapsed else None)
    if base is None or base.is_paper or (newest is not None and newest[0] is not AnswerKind.TAKEN):
        return None
    after = replace(at_terms(base, _price(answer), answer.lots or 0, desk), taken_at=answer.at)
    book = replace(book, confirmed=with_position(book.confirmed, after))
    if assumed is not None:
        book = _spent(book, assumed, after.max_loss - assumed.max_loss)
        book = replace(book, positions=with_position(book.positions, after))
    return book, Applied(answer)


def _skipped(book: Book, answer: Answer, _: Desk) -> Change:
    """It never was: an open entry leaves with what it spent, of an ended one the assumed result is taken back."""
    signal, assumed, lapsed = answer.signal_id, book.assumed_of(answer.signal_id), book.lapsed_of(answer.signal_id)
    if book.confirmed_of(signal) is not None:
        return None
    if assumed is not None and not assumed.is_paper:
        book = _spent(book, assumed, -assumed.max_loss)
        return replace(book, positions=without_position(book.positions, signal)), Applied(answer, assumed)
    if lapsed is not None:
        return _unassumed(book, lapsed), Applied(answer)
    return None


def _unassumed(book: Book, lapsed: Lapsed) -> Book:
    """Without an assumed result; where it was booked in an earlier session, the base of the day's loss goes with it."""
    earlier = book.session is not None and lapsed.ended_at.astimezone(IST).date() < book.session
    return replace(
        book,
        lapsed=tuple(item for item in book.lapsed if item is not lapsed),
        realised=rupees(book.realised - lapsed.pnl),
        settlement_pnl=rupees(book.settlement_pnl - (lapsed.pnl if earlier else ZERO)),
    )


def _closed(book: Book, answer: Answer, desk: Desk) -> Change:
    """All lots or some of them, at the tenant's price, in both books."""
    position, lots = book.confirmed_of(answer.signal_id), answer.lots or 0
    if position is None or lots > position.lots:
        return None
    rest = None if lots == position.lots else at_terms(position, position.entry_price, position.lots - lots, desk)
    gained = close_pnl(position, rest, _price(answer), desk)
    assumed = book.assumed_of(answer.signal_id)
    book = end_confirmed(book, position, rest, gained)
    return book, Applied(answer, assumed if rest is None else None, gained)


def end_confirmed(book: Book, position: Position, rest: Position | None, gained: Rupees) -> Book:
    """`gained` is realised in both books, in the assumed one in the place of what it had assumed; `rest` stays open."""
    lapsed, taken_back = book.lapsed_of(position.signal_id), ZERO
    if lapsed is not None:
        share = Decimal(1) if rest is None else Decimal(position.lots - rest.lots) / position.lots
        taken_back = rupees(lapsed.pnl * share)
        others = tuple(item for item in book.lapsed if item is not lapsed)
        left = replace(lapsed, pnl=rupees(lapsed.pnl - taken_back))
        book = replace(book, lapsed=others if rest is None else (*others, left))
    return replace(
        book,
        confirmed=_with_rest(book.confirmed, position, rest),
        positions=_with_rest(book.positions, position, rest) if lapsed is None else book.positions,
        confirmed_realised=rupees(book.confirmed_realised + gained),
        realised=rupees(book.realised + gained - taken_back),
    )


def lapse(book: Book, position: Position, ended_at: datetime, gained: Rupees) -> Book:
    """The assumed book ended a live entry: remembered until the tenant has said how it ended for him."""
    return replace(book, lapsed=(*book.lapsed, Lapsed(position, ended_at, gained)))


_APPLY = {AnswerKind.TAKEN: _taken, AnswerKind.SKIPPED: _skipped, AnswerKind.CLOSED: _closed}


def _price(answer: Answer) -> float:
    return 0.0 if answer.price is None else answer.price


def _with_rest(positions: tuple[Position, ...], position: Position, rest: Position | None) -> tuple[Position, ...]:
    if rest is None:
        return without_position(positions, position.signal_id)
    return tuple(rest if other.signal_id == rest.signal_id else other for other in positions)


def _spent(book: Book, position: Position, more: Decimal) -> Book:
    """The day budget follows what an entry of this session can lose."""
    if position.opened_on != book.session:
        return book
    return replace(book, entered_loss=rupees(max(book.entered_loss + more, ZERO)))


# --- Other price, other lots ------------------------------------------------------------------------------------------
def at_terms(position: Position, price: float, lots: int, desk: Desk) -> Position:
    """The position as if entered at `price` for `lots`. Legs' own prices are not known: charges on turnover go with the
    lots, fees an order are worked out again; the mark is kept with its exit charges and P&L of the new size."""
    share, units = Decimal(lots) / position.lots, position.lot * lots
    dearer = (Decimal(str(price)) - Decimal(str(position.entry_price))) * units
    before, after = _order_fees(position, position.units, desk), _order_fees(position, units, desk)
    charges = rupees((position.entry_charges - before) * share + after)
    costlier = charges - position.entry_charges * share
    profit = position.max_profit
    debit = max(Decimal(str(price)), ZERO) - max(Decimal(str(position.entry_price)), ZERO)
    changed = replace(
        position,
        lots=lots,
        entry_price=price,
        entry_charges=charges,
        max_loss=rupees(max(position.max_loss * share + dearer + costlier, ZERO)),
        max_profit=None if profit is None else rupees(profit * share - dearer - costlier),
        margin=rupees(max(position.margin * share + debit * units, ZERO)),
    )
    return remarked(changed, desk)


def remarked(position: Position, desk: Desk) -> Position:
    """Its last mark with the exit charges and P&L of its own price and lots."""
    mark = position.mark
    if mark is None:
        return position
    charges = exit_charges(position, mark.legs, mark.at.astimezone(IST).date(), desk)
    return replace(position, mark=replace(mark, exit_charges=charges, pnl=pnl(position, mark.price, charges)))


def close_pnl(position: Position, rest: Position | None, price: float, desk: Desk) -> Rupees:
    """Of closing what `rest` does not keep. Entry charges split exactly; exit charges are those at the last marks."""
    lots = position.lots - (rest.lots if rest else 0)
    part = position if rest is None else at_terms(position, position.entry_price, lots, desk)
    paid = position.entry_charges - (rest.entry_charges if rest else ZERO)
    leaving = part.mark.exit_charges if part.mark else part.entry_charges
    gross = (Decimal(str(price)) - Decimal(str(position.entry_price))) * part.units
    return rupees(gross - paid - leaving)


def _order_fees(position: Position, units: int, desk: Desk) -> Decimal:
    """Brokerage with its tax of one order a leg and freeze slice: what the charges of orders at no price come to."""
    fills = [
        Fill(leg.instrument, leg.side, units * leg.ratio, Decimal(0), position.lot) for leg in position.package.legs
    ]
    return charge_lines(fills, desk.rules.charges(position.package.underlying, position.opened_on, desk.broker)).total
