"""Both books under any answers: the worse one counts, order and repetition do not matter, a close frees margin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.codec import decode_book, encode_book
from quantsentinel.portfolio.confirmed import apply_answers, at_terms, pending
from quantsentinel.signals.decision import TenantDecision
from tests.builders import TEN, account, as_of, condor_package, desk, market, offering, vertical_package

VIEWS = {vol: market(TEN + timedelta(minutes=1), vol=vol) for vol in (0.08, 0.12, 0.18)}
TERMS = st.tuples(st.integers(0, 200).map(lambda ticks: ticks * 0.5), st.integers(1, 9))
KINDS = st.sampled_from(list(AnswerKind))
SAID = st.lists(st.tuples(st.integers(0, 1), KINDS, TERMS, st.integers(1, 40)), max_size=8)


@cache
def entered() -> Book:
    """Two live entries, one of them past its target at the next mark."""
    view = offering(market(), vertical_package(), condor_package())
    book = tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after
    first, second = book.positions
    return replace(book, positions=(first, replace(second, target=-1000.0)))


def answers_of(said: Sequence[tuple[int, AnswerKind, tuple[float, int], int]]) -> list[Answer]:
    """At different seconds for each signal, as the store gives them."""
    found: dict[tuple[str, int], Answer] = {}
    for which, kind, terms, second in said:
        signal = entered().positions[which].signal_id
        price, lots = (None, None) if kind is AnswerKind.SKIPPED else terms
        at = TEN + timedelta(seconds=second)
        found.setdefault((signal, second), Answer(signal, kind, at, "asha", price, lots))
    return list(found.values())


def decide(book: Book, answers: Sequence[Answer], vol: float = 0.12, minutes: int = 1) -> TenantDecision:
    view = VIEWS[vol] if minutes == 1 else market(TEN + timedelta(minutes=minutes), vol=vol)
    return tenant_pass(view, book, account(), desk(), as_of(view, answers=tuple(answers)))


def sum_of(positions: Sequence[Position], name: str) -> Decimal:
    return sum((getattr(item.mark if name == "pnl" else item, name) for item in positions), Decimal(0))


@given(SAID, st.sampled_from(sorted(VIEWS)))
@settings(max_examples=60, deadline=None)
def test_equity_margin_and_the_days_loss_are_never_better_than_in_either_book(
    said: list[tuple[int, AnswerKind, tuple[float, int], int]], vol: float
) -> None:
    book, capital = decide(entered(), answers_of(said), vol).book_after, Decimal(2_000_000)
    assumed = book.realised + sum_of(book.positions, "pnl")
    confirmed = book.confirmed_realised + sum_of(book.confirmed, "pnl")
    assert book.equity(capital) == capital + min(assumed, confirmed)
    assert book.day_pnl() <= min(assumed - book.settlement_pnl, confirmed - book.confirmed_settlement_pnl)
    assert book.margin >= max(sum_of(book.positions, "margin"), sum_of(book.confirmed, "margin"))
    ids = {item.signal_id for item in (*book.positions, *book.confirmed)}
    assert {item.signal_id for item in book.held} == ids


@given(st.data(), SAID)
@settings(max_examples=60, deadline=None)
def test_answers_in_any_order_and_however_often_lead_to_the_same_book(
    data: st.DataObject, said: list[tuple[int, AnswerKind, tuple[float, int], int]]
) -> None:
    answers = answers_of(said)
    shuffled = data.draw(st.permutations(answers + answers[: len(answers) // 2]))
    once = decide(entered(), answers)
    assert decide(entered(), shuffled).book_after == once.book_after
    again = pending(once.book_after, answers)
    repeated, applied = apply_answers(once.book_after, [item for item in answers if item not in again], desk())
    assert (repeated, applied) == (once.book_after, ())


@given(TERMS, st.integers(1, 9), st.sampled_from(sorted(VIEWS)))
@settings(max_examples=40, deadline=None)
def test_a_close_never_raises_margin_and_a_larger_one_leaves_less(
    terms: tuple[float, int], lots: int, vol: float
) -> None:
    signal = entered().positions[0].signal_id
    taken = Answer(signal, AnswerKind.TAKEN, TEN + timedelta(seconds=1), "asha", terms[0], 9)
    book = decide(entered(), [taken], vol).book_after
    margins = [book.margin]
    for count in (lots, 9):
        close = Answer(signal, AnswerKind.CLOSED, TEN + timedelta(seconds=80), "asha", terms[0], min(count, 9))
        after = decide(book, [close], vol, minutes=2).book_after
        margins.append(after.margin)
        assert after.confirmed_of(signal) is None or after.confirmed_of(signal).lots == 9 - count
    assert margins == sorted(margins, reverse=True)


@given(SAID, st.sampled_from(sorted(VIEWS)))
@settings(max_examples=40, deadline=None)
def test_a_book_comes_back_from_its_document_exactly(
    said: list[tuple[int, AnswerKind, tuple[float, int], int]], vol: float
) -> None:
    book = decide(entered(), answers_of(said), vol).book_after
    assert decode_book(json.loads(json.dumps(encode_book(book)))) == book


@given(st.integers(1, 60), st.integers(1, 60), st.floats(-50, 200).map(lambda price: round(price, 2)))
@settings(max_examples=80, deadline=None)
def test_more_lots_at_a_worse_price_never_lose_less_or_block_less(fewer: int, more: int, price: float) -> None:
    position = entered().positions[0]
    small, large = sorted((fewer, more))
    one, other = at_terms(position, price, small, desk()), at_terms(position, price + 1.0, large, desk())
    assert one.max_loss <= other.max_loss
    assert one.margin <= other.margin
    assert one.entry_charges <= other.entry_charges
