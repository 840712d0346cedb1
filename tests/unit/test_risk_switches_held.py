"""Switches read whatever may be held, and what is not known neither passes nor heals anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.budget import budget_of
from quantsentinel.risk.facts import Gap, TenantFacts
from quantsentinel.risk.switches import margin_utilisation, stale_data
from quantsentinel.risk.switches.stale_marks import stale_marks
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import SESSION, TEN, account, as_of, desk, market, offering, vertical_package

LIMIT_S = 180.0


def entered() -> Position:
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after.positions[0]


def asked(book: Book, minutes: float) -> Verdict:
    view = market(TEN + timedelta(minutes=minutes), underlying="BANKNIFTY")
    return stale_marks(TenantFacts(view, book, account(), desk(), as_of(view)))


@pytest.mark.parametrize("books", ["assumed", "confirmed"])
def test_an_old_mark_stops_entries_in_whichever_book_the_position_stands(books: str) -> None:
    held = (entered(),)
    book = Book(session=SESSION, positions=held) if books == "assumed" else Book(session=SESSION, confirmed=held)
    assert asked(book, 1.0).outcome is Outcome.PASSED
    late = asked(book, 10.0)
    assert late.outcome is Outcome.BLOCKED
    assert (late.measured, late.limit) == (600.0, LIMIT_S)


def test_a_position_that_only_the_confirmed_book_holds_unmarked_is_unknown() -> None:
    assert asked(Book(session=SESSION, confirmed=(replace(entered(), mark=None),)), 1.0).outcome is Outcome.UNKNOWN


def test_a_mark_from_after_the_decision_is_not_known_to_be_fresh() -> None:
    assert asked(Book(session=SESSION, positions=(entered(),)), -5.0).outcome is Outcome.UNKNOWN


def test_a_snapshot_of_unknown_gap_heals_nothing() -> None:
    book = Book(session=SESSION, rearm={"NIFTY": 2})
    assert stale_data.counted(book, "NIFTY", Gap(None, LIMIT_S)) is book
    assert stale_data.counted(book, "NIFTY", Gap(10.0, None)) is book
    assert stale_data.counted(book, "NIFTY", Gap(10.0, LIMIT_S)).rearm == {"NIFTY": 1}


def test_an_accepted_snapshot_before_this_one_that_is_later_than_the_decision_is_unknown() -> None:
    view = market()
    skewed = replace(as_of(view), previous_accepted_at=as_of(view).decided_at + timedelta(seconds=1))
    facts = TenantFacts(view, Book(session=SESSION), account(), desk(), skewed)
    assert stale_data.stale_data(facts).outcome is Outcome.UNKNOWN


def test_utilisation_of_an_equity_that_is_not_known_neither_passes_nor_lets_go() -> None:
    view = market()
    blind = Book(session=SESSION, positions=(replace(entered(), mark=None),), latched={"margin_utilisation": "x"})
    facts = TenantFacts(view, blind, account(), desk(), as_of(view))
    assert margin_utilisation.margin_utilisation(facts).outcome is Outcome.UNKNOWN
    assert margin_utilisation.latched(blind, facts) is blind


def test_no_entry_may_block_more_than_the_utilisation_switch_allows() -> None:
    book, full = Book(session=SESSION), account()
    tight = account(max_margin_utilisation=0.2)
    assert budget_of(book, tight).margin == full.capital / 5
    assert float(budget_of(book, full).margin) == pytest.approx(float(full.capital) / 1.3, abs=0.01)
