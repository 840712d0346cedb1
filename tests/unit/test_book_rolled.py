"""A new session: the base of the day's loss is what the book was worth, not what was assumed of what nobody saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from quantsentinel.market.calendar import IST
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.marks import mark_book
from quantsentinel.portfolio.roll import rolled
from tests.builders import account, as_of, desk, market, offering

TOMORROW = date(2025, 8, 22)


def entered() -> Book:
    view = offering(market())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after


def test_what_an_unseen_package_may_lose_is_no_base_that_the_next_day_s_loss_could_hide_behind() -> None:
    last = market(datetime(2025, 8, 21, 15, 29, tzinfo=IST), forward_known=False, unquoted=ALL)
    blind = mark_book(entered(), last, desk(), last.received_at)
    (position,) = blind.positions
    assert position.mark is not None
    assert position.mark.flagged
    assert -position.max_loss * 11 / 10 < position.mark.pnl < -position.max_loss * 9 / 10
    opened = rolled(blind, TOMORROW)
    assert opened.settlement_pnl == -position.entry_charges - position.mark.exit_charges
    assert opened.settlement_pnl > blind.unrealised
    back = market(datetime(2025, 8, 22, 9, 20, tzinfo=IST), move=300.0)
    seen = mark_book(opened, back, desk(), back.received_at)
    assert seen.unrealised < 0
    assert seen.day_pnl() < 0, "what the first quotes of the day bring back is no gain of the day"


def test_rolling_twice_equals_rolling_once() -> None:
    once = rolled(entered(), TOMORROW)
    assert rolled(once, TOMORROW) is once
    assert once.settlement_pnl == entered().unrealised


def test_a_quoted_loss_is_the_base_as_it_stands() -> None:
    last = market(datetime(2025, 8, 21, 15, 29, tzinfo=IST), move=250.0)
    lost = mark_book(entered(), last, desk(), last.received_at)
    assert lost.unrealised < 0
    assert rolled(lost, TOMORROW).settlement_pnl == lost.unrealised
    flagged = tuple(
        replace(position, mark=position.mark and replace(position.mark, flagged=True)) for position in lost.positions
    )
    assert rolled(replace(lost, positions=flagged), TOMORROW).settlement_pnl == lost.unrealised


ALL = tuple((24_500.0 + 100.0 * step, right) for step in range(-10, 11) for right in ("CE", "PE"))
