"""What a tenant answers, and what it does to both books (`definitions.md` §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from quantsentinel.accounts.account import Mode
from quantsentinel.costs.charges import Fill, charge_lines
from quantsentinel.errors import BadInput
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.answer_check import price_range, require_sensible
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.confirmed import at_terms
from quantsentinel.portfolio.roll import redeclared, rolled
from quantsentinel.signals.card import card_of, webhook_data
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.signals.signal import SignalState
from quantsentinel.units import rupees
from tests.builders import SESSION, TEN, account, as_of, desk, market, offering, vertical_package

TAKEN, SKIPPED, CLOSED = AnswerKind.TAKEN, AnswerKind.SKIPPED, AnswerKind.CLOSED


def entered(**changes: Any) -> Book:
    """A book with one live vertical of several lots."""
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(**changes), desk(), as_of(view)).book_after


def decide(book: Book, answers: Sequence[Answer], view: MarketView | None = None, **changes: Any) -> TenantDecision:
    view = view or market(TEN + timedelta(minutes=1))
    return tenant_pass(view, book, account(**changes), desk(), as_of(view, answers=tuple(answers)))


def said(
    book: Book, kind: AnswerKind, price: float | None = None, lots: int | None = None, after_s: int = 20
) -> Answer:
    (position,) = (*book.positions, *(item.position for item in book.lapsed)) or book.confirmed
    return Answer(position.signal_id, kind, TEN + timedelta(seconds=after_s), "asha", price, lots)


def at_target(book: Book) -> Book:
    """The book with a target that the next mark reaches."""
    return replace(book, positions=tuple(replace(item, target=-1000.0) for item in book.positions))


def only(book: Book) -> Position:
    assert len(book.positions) == 1
    return book.positions[0]


# --- taken ---
def test_taken_puts_the_tenants_own_price_and_lots_into_both_books() -> None:
    book = entered()
    before = only(book)
    after = decide(book, [said(book, TAKEN, before.entry_price - 1.0, before.lots - 1)]).book_after
    assert after.confirmed == after.positions
    assert (only(after).entry_price, only(after).lots) == (before.entry_price - 1.0, before.lots - 1)
    assert after.unreconciled == {}
    assert after.entered_loss == only(after).max_loss


def test_taken_at_the_assumed_terms_changes_no_number_of_the_position() -> None:
    before = only(entered())
    assert at_terms(before, before.entry_price, before.lots, desk()) == before


def test_charges_of_other_lots_are_those_of_the_rule_book() -> None:
    before = only(entered())
    legs = before.package.legs
    bid_ask = [market().snapshot.quote(leg.instrument) for leg in legs]
    prices = [quote.ask if leg.side > 0 else quote.bid for leg, quote in zip(legs, bid_ask, strict=True)]

    sides = [(leg, Decimal(str(price))) for leg, price in zip(legs, prices, strict=True)]

    def charged(lots: int) -> Decimal:
        fills = [Fill(leg.instrument, leg.side, lots * before.lot, price) for leg, price in sides]
        return charge_lines(fills, desk().rules.charges("NIFTY", SESSION)).total

    full = replace(before, entry_charges=rupees(charged(before.lots)))
    assert at_terms(full, before.entry_price, 1, desk()).entry_charges == pytest.approx(charged(1), abs=Decimal("0.02"))


def test_a_taken_entry_is_neither_updated_nor_withdrawn_nor_expired_undelivered() -> None:
    book = entered()
    position = only(book)
    late = market(TEN + timedelta(minutes=20))
    answer = said(book, TAKEN, position.entry_price, position.lots)
    event = f"{position.signal_id}.1"
    changed = as_of(late, answers=(answer,), undelivered=(event,))
    decision = tenant_pass(replace(late, entries_refused="a drill"), book, account(), desk(), changed)
    assert decision.events == ()
    assert only(decision.book_after).taken_at == answer.at


# --- skipped ---
def test_skipped_leaves_the_book_with_what_it_spent_and_ends_the_signal() -> None:
    book = entered()
    decision = decide(book, [said(book, SKIPPED)])
    after = decision.book_after
    assert (after.positions, after.entered_loss, after.equity(Decimal(0))) == ((), 0, 0)
    assert [(event.state, event.sequence) for event in decision.events] == [(SignalState.EXPIRED, 2)]
    assert str(only(book).key) in after.closed


def test_skipping_what_the_system_has_closed_takes_the_assumed_result_back() -> None:
    book = decide(at_target(entered()), []).book_after
    assert (len(book.lapsed), book.realised != 0) == (1, True)
    after = decide(book, [said(book, SKIPPED, after_s=90)], market(TEN + timedelta(minutes=2))).book_after
    assert (after.lapsed, after.realised, after.confirmed_realised) == ((), 0, 0)


# --- closed ---
def test_closed_realises_the_tenants_price_less_all_charges_in_both_books() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, position.lots)]).book_after
    held = only(book)
    decision = decide(book, [said(book, CLOSED, 100.0, held.lots, 90)], market(TEN + timedelta(minutes=2)))
    after = decision.book_after
    gross = (Decimal(100) - Decimal(str(held.entry_price))) * held.units
    assert after.realised == after.confirmed_realised == gross - held.entry_charges - held.mark.exit_charges
    assert (after.positions, after.confirmed, after.margin) == ((), (), 0)
    assert [(event.state, event.exit_price, event.pnl) for event in decision.events] == [
        (SignalState.CLOSED, 100.0, after.realised)
    ]


def test_what_the_tenant_closed_himself_is_acknowledged_and_orders_no_trade() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, position.lots)]).book_after
    (out,) = decide(at_target(book), []).exits
    assert (len(card_of(out).orders), webhook_data(out)["book"]) == (2, "confirmed")
    assert "until you say that it is closed" in dict(card_of(out).facts)["Book"]
    for kind, terms in ((CLOSED, (100.0, position.lots)), (SKIPPED, (None, None))):
        before = book if kind is CLOSED else entered()
        (own,) = decide(before, [said(before, kind, *terms, 90)], market(TEN + timedelta(minutes=2))).events
        assert (card_of(own).orders, webhook_data(own)["orders"]) == ((), ())
        assert card_of(own).heading.startswith("NOTED, AS YOU SAID")


def test_some_lots_closed_leave_the_others_open() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, position.lots)]).book_after
    part = decide(book, [said(book, CLOSED, 100.0, 1, 90)], market(TEN + timedelta(minutes=2)))
    after = part.book_after
    assert (only(after).lots, part.events) == (position.lots - 1, ())
    assert after.positions == after.confirmed
    assert after.margin < book.margin
    rest = decide(after, [said(after, CLOSED, 100.0, position.lots - 1, 150)], market(TEN + timedelta(minutes=3)))
    whole = decide(book, [said(book, CLOSED, 100.0, position.lots, 90)], market(TEN + timedelta(minutes=2)))
    difference = rest.book_after.realised - whole.book_after.realised
    order_fees = Decimal("23.6") * 2
    assert -order_fees - 1 <= difference <= 1, "a second order costs its fee with tax, on each leg"


def test_after_the_systems_exit_the_confirmed_book_holds_on_and_every_limit_counts_it() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, position.lots)]).book_after
    out = decide(at_target(book), [])
    after = out.book_after
    assert ([event.state for event in out.exits], after.positions) == ([SignalState.CLOSED], ())
    assert after.held == after.confirmed
    assert after.margin == book.margin
    assert after.live(position.key) is not None
    assert list(after.unreconciled) == [position.signal_id]


def test_the_tenants_own_exit_takes_the_place_of_the_assumed_one() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, position.lots)]).book_after
    book = decide(at_target(book), []).book_after
    view = market(TEN + timedelta(minutes=3))
    answer = Answer(position.signal_id, CLOSED, TEN + timedelta(minutes=2), "asha", 99.0, position.lots)
    after = decide(book, [answer], view).book_after
    assert after.realised == after.confirmed_realised != book.realised
    assert (after.confirmed, after.lapsed, after.unreconciled) == ((), (), {})


def test_a_late_taken_on_what_the_system_has_closed_enters_the_confirmed_book() -> None:
    book = decide(at_target(entered()), []).book_after
    price, lots = book.lapsed[0].position.entry_price, book.lapsed[0].position.lots
    after = decide(book, [said(book, TAKEN, price, lots, 90)], market(TEN + timedelta(minutes=2))).book_after
    assert (after.positions, len(after.confirmed), len(after.lapsed)) == ((), 1, 1)


# --- paper ---
def test_a_paper_entry_stands_in_both_books_alike_and_cannot_be_answered() -> None:
    book = entered(mode=Mode.PAPER)
    assert book.confirmed_pnl == book.assumed_pnl != 0
    assert book.unreconciled == {}
    answer = said(book, TAKEN, 50.0, 1)
    with pytest.raises(BadInput, match="paper signal"):
        require_sensible(book, answer, account(), desk())
    assert decide(book, [answer], mode=Mode.PAPER).book_after.confirmed == ()


# --- at the door ---
@pytest.mark.parametrize(
    ("kind", "price", "lots", "word"),
    [
        (TAKEN, 5_000.0, 1, "is worth"),
        (TAKEN, -500.0, 1, "is worth"),
        (TAKEN, 80.0, 500, "at most 50"),
        (CLOSED, 80.0, 1, "cannot come before `taken`"),
    ],
)
def test_an_absurd_answer_is_refused_with_its_reason(kind: AnswerKind, price: float, lots: int, word: str) -> None:
    book = entered()
    with pytest.raises(BadInput, match=word):
        require_sensible(book, said(book, kind, price, lots), account(), desk())


def test_an_answer_about_nothing_is_refused_and_changes_nothing() -> None:
    book = entered()
    answer = Answer("sig-unknown", SKIPPED, TEN, "asha")
    with pytest.raises(BadInput, match="ended, or it is not in the book"):
        require_sensible(book, answer, account(), desk())
    assert decide(book, [answer]).book_after.answered == {}


def test_more_than_is_held_cannot_be_closed_and_what_was_taken_cannot_be_skipped() -> None:
    book = entered()
    position = only(book)
    book = decide(book, [said(book, TAKEN, position.entry_price, 1)]).book_after
    with pytest.raises(BadInput, match="2 lots; at most 1"):
        require_sensible(book, said(book, CLOSED, 80.0, 2, 90), account(), desk())
    with pytest.raises(BadInput, match="cannot come after `taken`"):
        require_sensible(book, said(book, SKIPPED, after_s=90), account(), desk())


def test_a_price_may_be_as_wide_as_the_package_and_a_tenth() -> None:
    assert price_range(only(entered()), desk()) == (-20.0, 220.0)


@pytest.mark.parametrize("terms", [(None, 1), (50.0, None), (float("nan"), 1), (50.0, 0), (50.0, -1)])
def test_an_answer_that_says_too_little_cannot_exist(terms: tuple[float | None, int | None]) -> None:
    with pytest.raises(BadInput, match="taken and closed need price and lots"):
        Answer("sig-1", TAKEN, TEN, "asha", *terms)


# --- sessions and capital ---
def test_a_word_about_an_ended_entry_is_awaited_until_the_next_session_is_over() -> None:
    book = decide(at_target(entered()), []).book_after
    tomorrow = rolled(book, SESSION + timedelta(days=1))
    assert tomorrow.lapsed == book.lapsed
    assert rolled(tomorrow, SESSION + timedelta(days=4)).lapsed == ()


def test_skipping_yesterdays_end_moves_no_money_into_today() -> None:
    book = rolled(decide(at_target(entered()), []).book_after, SESSION + timedelta(days=1))
    answer = replace(said(book, SKIPPED), at=datetime.fromisoformat("2025-08-22T10:00:00+05:30"))
    view = market(TEN + timedelta(days=1, minutes=1))
    after = tenant_pass(view, book, account(), desk(), as_of(view, answers=(answer,))).book_after
    assert (after.realised, after.day_pnl()) == (0, book.day_pnl())


def test_a_new_declaration_holds_what_ended_before_it_and_keeps_the_drawdown_in_rupees() -> None:
    book = decide(at_target(entered()), []).book_after
    book = replace(book, peak_equity=rupees(2_010_000))
    after = redeclared(book, account(capital=rupees(1_500_000)))
    assert (after.realised, after.lapsed[0].pnl) == (0, 0)
    fallen = book.peak_equity - book.equity(rupees(2_000_000))
    assert after.peak_equity - after.equity(rupees(1_500_000)) == fallen
