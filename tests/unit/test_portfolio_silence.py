"""Open positions of an underlying that is silent are evaluated adversely (`definitions.md` §5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quantsentinel.features.timeline import session_frame
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Mark, Position
from quantsentinel.portfolio.roll import rolled
from quantsentinel.pricing import black76
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.verdict import Outcome
from tests.builders import EXPIRY, FORWARDS, SESSION, TEN, account, as_of, condor_package, desk, market, offering

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def entered() -> TenantDecision:
    view = offering(market(), condor_package(width=200.0))
    return tenant_pass(view, Book(), account(), desk(), as_of(view))


def after(book: Book, minutes: int, underlying: str = "BANKNIFTY", **limits: Any) -> TenantDecision:
    view = market(TEN + minutes * MINUTE, underlying=underlying)
    return tenant_pass(view, book, account(**limits), desk(), as_of(view))


def held(decision: TenantDecision) -> Position:
    (position,) = decision.book_after.positions
    return position


def mark(decision: TenantDecision) -> Mark:
    found = held(decision).mark
    assert found is not None
    return found


def test_a_silent_position_is_valued_a_percent_away_with_vols_three_points_up(entered: TenantDecision) -> None:
    silent, last = mark(after(entered.book_after, 10)), mark(entered)
    frame = session_frame(desk().rules, "NIFTY", SESSION, (EXPIRY,), 0.332)
    years = frame.clock.variance_years(last.at, frame.endings[EXPIRY].settlement_at)

    def value(level: float, rise: float) -> float:
        return sum(
            leg.signed
            * float(black76.price(level, leg.instrument.strike, years, vol + rise, 1.0, leg.instrument.is_call))
            for leg, vol in zip(held(entered).package.legs, (0.12,) * 4, strict=True)
        )

    spread = value(FORWARDS["NIFTY"], 0.0) - last.price
    worst = min(value(FORWARDS["NIFTY"] * move, 0.03) for move in (0.99, 1.01))
    assert silent.price == pytest.approx(worst - spread, abs=4.0)
    assert silent.price < last.price - 20.0
    assert silent.flagged


def test_the_adverse_mark_keeps_its_age_and_is_the_same_a_minute_later(entered: TenantDecision) -> None:
    first = after(entered.book_after, 10)
    again = after(first.book_after, 11)
    assert mark(again) == mark(first)
    assert mark(first).at == mark(entered).at


def test_a_position_that_was_marked_lately_keeps_its_mark(entered: TenantDecision) -> None:
    assert held(after(entered.book_after, 3)) == held(entered)


def test_the_next_chain_marks_the_position_as_quoted_again(entered: TenantDecision) -> None:
    silent = after(entered.book_after, 10)
    back = mark(after(silent.book_after, 11, "NIFTY"))
    assert back.price == mark(entered).price
    assert not back.flagged


def test_a_loss_that_only_the_adverse_mark_shows_trips_the_daily_loss(entered: TenantDecision) -> None:
    loud = after(entered.book_after, 3, daily_loss=0.004)
    silent = after(entered.book_after, 10, daily_loss=0.004)
    outcomes = [next(v.outcome for v in d.switches if v.guard == "daily_loss") for d in (loud, silent)]
    assert outcomes == [Outcome.PASSED, Outcome.BLOCKED]


def test_the_next_sessions_base_is_the_last_quoted_mark_and_not_the_adverse_one(entered: TenantDecision) -> None:
    silent = after(entered.book_after, 10).book_after
    assert silent.unrealised < entered.book_after.unrealised
    tomorrow = rolled(silent, SESSION + timedelta(days=1))
    assert tomorrow.settlement_pnl == entered.book_after.unrealised


def test_without_a_forward_the_least_payoff_counts(entered: TenantDecision) -> None:
    blind = replace(held(entered), mark=replace(mark(entered), forward=None))
    assert mark(after(replace(entered.book_after, positions=(blind,)), 10)).price == -200.0
