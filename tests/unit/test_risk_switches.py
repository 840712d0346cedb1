"""Switches that remember: staleness re-arms after three fresh snapshots, losses at the next open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from quantsentinel.market.calendar import IST
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.castle import ask_switches
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.units import rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import SESSION, TEN, account, as_of, desk, market, offering, vertical_package


def decide(view: MarketView, book: Book, **when: Any) -> TenantDecision:
    return tenant_pass(view, book, account(), desk(), as_of(view, **when))


def switch(decision: TenantDecision, name: str) -> Verdict:
    return next(verdict for verdict in decision.switches if verdict.guard == name)


def test_a_gap_stops_entries_until_three_fresh_snapshots_have_come() -> None:
    book, outcomes = Book(), []
    gaps = [60, 181, 60, 60, 60]
    for number, gap in enumerate(gaps):
        view = market(TEN + timedelta(minutes=5 * number))
        decision = decide(view, book, previous_accepted_at=as_of(view).decided_at - timedelta(seconds=gap))
        outcomes.append(switch(decision, "stale_data").outcome.value)
        book = decision.book_after
    assert outcomes == ["passed", "blocked", "blocked", "blocked", "passed"]


def test_a_gap_before_the_close_still_asks_for_fresh_snapshots_at_the_next_open() -> None:
    last = market(datetime(2025, 8, 21, 15, 29, tzinfo=IST))
    book = decide(last, Book(), previous_accepted_at=last.received_at - timedelta(seconds=400)).book_after
    outcomes = []
    for minute in (16, 17, 18):
        view = market(datetime(2025, 8, 22, 9, minute, tzinfo=IST))
        decision = decide(view, book, previous_accepted_at=None if minute == 16 else view.received_at)
        outcomes.append(switch(decision, "stale_data").outcome.value)
        book = decision.book_after
    assert outcomes == ["blocked", "blocked", "passed"]


def test_the_first_snapshot_of_a_session_is_measured_from_the_open() -> None:
    early = market(datetime(2025, 8, 21, 9, 16, tzinfo=IST))
    verdict = switch(decide(early, Book(), previous_accepted_at=None), "stale_data")
    assert (verdict.outcome, verdict.measured, verdict.limit) == (Outcome.PASSED, 60.0, 180.0)
    late = switch(decide(market(TEN), Book(), previous_accepted_at=None), "stale_data")
    assert (late.outcome, late.measured) == (Outcome.BLOCKED, 2700.0)


def test_an_unknown_source_or_session_is_unknown_and_stops() -> None:
    view = market()
    odd = replace(view, snapshot=replace(view.snapshot, source="somewhere"))
    closed = replace(view, session=datetime(2025, 8, 27, tzinfo=IST).date())
    for strange in (odd, closed):
        facts = TenantFacts(strange, Book(), account(), desk(), as_of(view))
        verdict = next(item for item in ask_switches(facts) if item.guard == "stale_data")
        assert verdict.outcome is Outcome.UNKNOWN


def test_positions_that_were_not_marked_lately_stop_entries_of_every_underlying() -> None:
    first = decide(offering(market()), Book())
    bank = offering(market(TEN + timedelta(minutes=10), underlying="BANKNIFTY"))
    decision = decide(bank, first.book_after)
    assert [refusal.first.guard for refusal in decision.refusals] == ["stale_marks"]
    assert switch(decision, "stale_marks").measured == 600.0


def test_a_marked_loss_trips_and_stays_tripped_until_the_next_open() -> None:
    book = decide(offering(market(), vertical_package()), Book()).book_after
    book = replace(book, settlement_pnl=rupees(book.realised + book.unrealised + 60_000))
    tripped = decide(market(TEN + timedelta(minutes=20)), book)
    assert switch(tripped, "daily_loss").outcome is Outcome.BLOCKED
    recovered = decide(market(TEN + timedelta(minutes=21), move=150.0), tripped.book_after)
    assert recovered.book_after.day_pnl() > -60_000
    assert "tripped in this session" in switch(recovered, "daily_loss").detail
    tomorrow = market(datetime(2025, 8, 22, 9, 16, tzinfo=IST), move=150.0)
    reopened = decide(tomorrow, recovered.book_after, previous_accepted_at=None)
    assert switch(reopened, "daily_loss").outcome is Outcome.PASSED


def test_declaring_more_capital_does_not_hide_a_loss() -> None:
    book = Book(session=SESSION, realised=rupees(-70_000))
    view = market()
    richer = tenant_pass(view, book, account(capital=rupees(2_200_000)), desk(), as_of(view))
    assert switch(richer, "daily_loss").measured == 70_000.0


def test_what_was_realised_before_a_declaration_is_inside_the_declared_capital() -> None:
    view, book = market(), Book(session=SESSION, realised=rupees(70_000), confirmed_realised=rupees(70_000))
    first = tenant_pass(view, book, account(), desk(), as_of(view))
    assert first.equity == 2_070_000
    again = account(capital=rupees(2_070_000), capital_declared_on=SESSION)
    second = tenant_pass(view, first.book_after, again, desk(), as_of(view))
    assert second.equity == 2_070_000
    assert second.book_after.day_pnl() == first.book_after.day_pnl() == 70_000


def test_equity_below_the_floor_stops_until_the_next_open() -> None:
    poor = account(capital=rupees(60_000))
    view = market()
    fallen = tenant_pass(view, Book(session=SESSION, realised=rupees(-15_000)), poor, desk(), as_of(view))
    assert switch(fallen, "capital_floor").outcome is Outcome.BLOCKED
    refilled = tenant_pass(view, replace(fallen.book_after, realised=rupees(0)), poor, desk(), as_of(view))
    assert switch(refilled, "capital_floor").outcome is Outcome.BLOCKED


def test_the_dry_run_lock_ends_at_fourteen_days_to_the_second() -> None:
    view = offering(market())
    born = as_of(view).decided_at - timedelta(days=14)
    for created, mode in ((born, "live"), (born + timedelta(seconds=1), "paper")):
        decision = tenant_pass(view, Book(), account(created_at=created), desk(), as_of(view))
        assert decision.entries[0].mode.value == mode
