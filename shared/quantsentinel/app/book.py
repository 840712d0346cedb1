"""A tenant's book: what it answers, what it shows, and what an expiry settled at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.answer_check import require_sensible
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book, Lapsed, Position, Settled
from quantsentinel.portfolio.confirmed import apply_answers, pending
from quantsentinel.portfolio.greeks import BookGreeks, book_greeks
from quantsentinel.portfolio.reconcile import overdue
from quantsentinel.portfolio.settlement import SettlementValue
from quantsentinel.stores.settlements import SettlementStore
from quantsentinel.stores.tenants import TenantStore
from quantsentinel.units import Rupees

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it was recorded; `repeated` when the very same one was there already."""

    tenant_id: str
    answer: Answer
    repeated: bool


@dataclass(frozen=True, slots=True)
class BookView:
    """Both books of a tenant at their last marks. `waiting` answers are applied with the next cycle; `overdue` signals
    block entries until they are answered (None: the rule book does not say since when)."""

    tenant_id: str
    session: date | None
    capital: Rupees
    equity: Rupees
    assumed_pnl: Rupees
    confirmed_pnl: Rupees
    day_pnl: Rupees
    margin: Rupees
    assumed: tuple[Position, ...]
    confirmed: tuple[Position, ...]
    waiting: tuple[Answer, ...]
    lapsed: tuple[Lapsed, ...]
    provisional: tuple[Settled, ...]
    unreconciled: dict[str, datetime]
    overdue: tuple[str, ...] | None
    greeks: BookGreeks


# --- Answers ----------------------------------------------------------------------------------------------------------
def taken(platform: Platform, signal_id: str, terms: tuple[float, int], by: str, ref: str = "") -> Said:
    """`terms`: net points per unit and lots. Raises `BadInput` with the reason why it cannot be true."""
    return _say(platform, Answer(signal_id, AnswerKind.TAKEN, platform.clock.now(), by, *terms), ref)


def skipped(platform: Platform, signal_id: str, by: str) -> Said:
    return _say(platform, Answer(signal_id, AnswerKind.SKIPPED, platform.clock.now(), by), "")


def closed(platform: Platform, signal_id: str, terms: tuple[float, int | None], by: str, ref: str = "") -> Said:
    """`terms`: net points per unit that closing returned, and lots (None: all that is held)."""
    price, lots = terms
    if lots is None:
        store = _owner(platform, signal_id)
        held = _as_said(platform, store)[0].confirmed_of(signal_id)
        lots = held.lots if held else _last_closed(store, signal_id)
    return _say(platform, Answer(signal_id, AnswerKind.CLOSED, platform.clock.now(), by, price, lots), ref)


def _last_closed(store: TenantStore, signal_id: str) -> int:
    """Lots of the newest recorded close, so that one that is repeated is seen to be; 1 without any."""
    waiting = store.answers()[0]
    lots = [item.lots for item in waiting if item.signal_id == signal_id and item.kind is AnswerKind.CLOSED]
    return (lots[-1] or 1) if lots else 1


def _say(platform: Platform, answer: Answer, ref: str) -> Said:
    store = _owner(platform, answer.signal_id)
    repeated = store.recorded_answer(answer, ref)
    if repeated is not None:
        return Said(store.tenant_id, repeated, True)
    book, waiting, version = _as_said(platform, store)
    mine = [item.at for item in waiting if item.signal_id == answer.signal_id]
    answer = replace(answer, at=max(answer.at, *(at + TICK for at in mine))) if mine else answer
    require_sensible(book, answer, store.account(), platform.desk)
    store.add_answer(answer, waiting, version, ref)
    return Said(store.tenant_id, answer, False)


def _owner(platform: Platform, signal_id: str) -> TenantStore:
    tenant = platform.tenants.owner(signal_id)
    if tenant is None:
        raise BadInput("no such signal", where=signal_id, fix="`qs signal list` names them")
    return platform.tenants.store(tenant)


def _as_said(platform: Platform, store: TenantStore) -> tuple[Book, tuple[Answer, ...], str | None]:
    """The book as it will be after the answers that wait, those answers, and their document's version."""
    book, _ = store.book()
    stored, version = store.answers()
    waiting = pending(book, stored)
    return apply_answers(book, waiting, platform.desk)[0], waiting, version


# --- Show -------------------------------------------------------------------------------------------------------------
def show_book(platform: Platform, tenant_id: str) -> BookView:
    store = platform.tenants.store(tenant_id)
    account, (book, _) = store.account(), store.book()
    return BookView(
        tenant_id=tenant_id,
        session=book.session,
        capital=account.capital,
        equity=book.equity(account.capital),
        assumed_pnl=book.assumed_pnl,
        confirmed_pnl=book.confirmed_pnl,
        day_pnl=book.day_pnl(),
        margin=book.margin,
        assumed=book.positions,
        confirmed=book.confirmed,
        waiting=pending(book, store.answers()[0]),
        lapsed=book.lapsed,
        provisional=book.provisional,
        unreconciled=dict(book.unreconciled),
        overdue=overdue_now(platform, book),
        greeks=book_greeks(book.held, platform.desk),
    )


def overdue_now(platform: Platform, book: Book) -> tuple[str, ...] | None:
    """By the wall clock; a decision asks as of its own time."""
    try:
        return overdue(book, platform.desk, platform.clock.now())
    except RuleGap:
        return None


# --- Settlement -------------------------------------------------------------------------------------------------------
def settle(platform: Platform, value: SettlementValue) -> bool:
    """Records the exchange's settlement value; each tenant's next cycle corrects what was booked on a proxy, once.

    False when it is known already. Raises `BadInput` for an expiry that is none, one that has not settled yet, and a
    value far from the forwards the books were marked at.
    """
    rules, where = platform.desk.rules, f"settlement of {value.underlying} {value.expiry}"
    rules.require_underlying(value.underlying)
    if value.expiry not in rules.expiries(value.underlying, value.expiry):
        raise BadInput("no contract expires on this day", where=where, fix="`qs rules show` lists expiries")
    observed = rules.settlement(value.underlying, value.expiry).observed_at
    if value.known_at < observed:
        raise BadInput(f"not settled before {observed.isoformat()}", where=where, fix="Enter it after the session")
    _require_near(platform, value, where)
    return SettlementStore(platform.documents).record(value)


def _require_near(platform: Platform, value: SettlementValue, where: str) -> None:
    limit = platform.desk.policy.books.max_settlement_gap
    for tenant_id in platform.tenants.ids():
        try:
            book, _ = platform.tenants.store(tenant_id).book()
        except BadInput:
            continue  # a book that cannot be read is refused, and its tenant halted, by its own pass
        for position in (*book.held, *(item.position for item in book.provisional)):
            package, forward = position.package, position.mark.forward if position.mark else None
            if forward is None or (package.underlying, package.expiry) != (value.underlying, value.expiry):
                continue
            if abs(value.value / forward - 1.0) > limit:
                what = f"{value.value:g} is more than {limit:.0%} from the last accepted forward {forward:g}"
                raise BadInput(what, where=where, fix="Read it again: a value is entered once")
