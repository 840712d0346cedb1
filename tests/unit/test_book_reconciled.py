"""A mismatch older than one session blocks entries; what cannot be aged is unknown and blocks too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from quantsentinel.market.calendar import IST
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.reconcile import compared, deadline, overdue
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import TEN, account, as_of, condor_package, desk, market, offering, vertical_package

FRIDAY = TEN + timedelta(days=1)


def entered() -> Book:
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after


def decide(book: Book, at: datetime, *answers: Answer) -> TenantDecision:
    """With another package on offer."""
    view = offering(market(at), condor_package())
    return tenant_pass(view, book, account(), desk(), as_of(view, answers=answers))


def reconciled(decision: TenantDecision) -> Verdict:
    judged = (*(event.receipts for event in decision.entries), *(item.verdicts for item in decision.refusals))
    (found,) = {verdict for verdicts in judged for verdict in verdicts if verdict.guard == "reconciled"}
    return found


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (datetime(2025, 8, 21, 10, 0, tzinfo=IST), datetime(2025, 8, 22, 10, 0, tzinfo=IST)),
        (datetime(2025, 8, 22, 15, 0, tzinfo=IST), datetime(2025, 8, 25, 15, 0, tzinfo=IST)),
        (datetime(2025, 8, 26, 15, 0, tzinfo=UTC), datetime(2025, 8, 28, 15, 30, tzinfo=IST)),
    ],
    ids=["next day", "over a weekend", "after hours, over a holiday"],
)
def test_one_session_is_the_same_time_of_the_next_trading_day(since: datetime, until: datetime) -> None:
    assert deadline(since, desk()) == until


def test_an_unanswered_entry_blocks_others_once_it_is_older_than_a_session() -> None:
    book = entered()
    assert reconciled(decide(book, FRIDAY)).outcome is Outcome.PASSED
    late = decide(book, FRIDAY + timedelta(minutes=1))
    verdict = reconciled(late)
    assert (verdict.outcome, verdict.measured, verdict.limit) == (Outcome.BLOCKED, 1, 0)
    assert book.positions[0].signal_id in verdict.detail
    assert late.entries == ()


@pytest.mark.parametrize("kind", [AnswerKind.TAKEN, AnswerKind.SKIPPED])
def test_an_answer_lifts_the_block_in_the_same_pass(kind: AnswerKind) -> None:
    book = entered()
    (position,) = book.positions
    terms = (position.entry_price, position.lots) if kind is AnswerKind.TAKEN else (None, None)
    answer = Answer(position.signal_id, kind, FRIDAY, "asha", *terms)
    assert reconciled(decide(book, FRIDAY + timedelta(minutes=1), answer)).outcome is Outcome.PASSED


def test_an_age_that_the_rules_cannot_tell_is_unknown_and_blocks() -> None:
    book = replace(entered(), positions=(replace(entered().positions[0], opened_at=datetime(2031, 1, 1, tzinfo=IST)),))
    decision = decide(book, TEN + timedelta(minutes=1))
    assert reconciled(decision).outcome is Outcome.UNKNOWN
    assert decision.entries == ()


def test_a_mismatch_keeps_its_beginning_until_it_is_over() -> None:
    book = compared(entered(), TEN)
    assert compared(book, FRIDAY).unreconciled == book.unreconciled
    assert compared(replace(book, positions=()), FRIDAY).unreconciled == {}
    assert overdue(book, desk(), FRIDAY) == ()
    assert date(2025, 8, 21) == book.positions[0].opened_at.astimezone(IST).date()
