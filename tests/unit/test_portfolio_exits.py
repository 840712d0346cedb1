"""Exits in their order, and what settlement costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from quantsentinel.market.calendar import IST
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.charges import settlement_charges
from quantsentinel.portfolio.exits import ExitReason, exit_of, last_hours
from tests.builders import EXPIRY, TEN, account, as_of, desk, market, offering, vertical_package


@pytest.fixture(scope="module")
def vertical() -> Position:
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).entries[0].position


def test_the_last_hours_follow_the_rule_book(vertical: Position) -> None:
    hours = last_hours(vertical, desk())
    assert hours.settlement.window_start == datetime(2025, 8, 28, 15, 0, tzinfo=IST)
    assert hours.square_off_at == datetime(2025, 8, 28, 14, 45, tzinfo=IST)
    assert hours.last_trade == datetime(2025, 8, 28, 15, 30, tzinfo=IST)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (TEN, None),
        (datetime(2025, 8, 26, 15, 15, tzinfo=IST), ExitReason.TIME_STOP),
        (datetime(2025, 8, 28, 14, 45, tzinfo=IST), ExitReason.SQUARE_OFF),
        (datetime(2025, 8, 28, 15, 30, tzinfo=IST), ExitReason.SETTLEMENT),
    ],
)
def test_time_decides_before_price(vertical: Position, at: datetime, reason: ExitReason | None) -> None:
    found = exit_of(vertical, desk(), at)
    assert (found.reason if found else None) is reason


def test_stop_and_target_fire_at_their_levels_and_not_before(vertical: Position) -> None:
    price = vertical.mark.price
    at_target, at_stop = replace(vertical, target=price), replace(vertical, stop=price)
    assert exit_of(at_target, desk(), TEN).reason is ExitReason.TARGET
    assert exit_of(at_stop, desk(), TEN).reason is ExitReason.STOP
    assert exit_of(replace(vertical, target=price + 0.05, stop=price - 0.05), desk(), TEN) is None


def test_a_flagged_mark_fires_neither(vertical: Position) -> None:
    flagged = replace(vertical, mark=replace(vertical.mark, flagged=True), stop=1e9, target=-1e9)
    assert exit_of(flagged, desk(), TEN) is None


def test_settlement_pays_intrinsic_and_exercise_stt_on_the_long_in_the_money(vertical: Position) -> None:
    mark = replace(vertical.mark, forward=24_600.0)
    found = exit_of(replace(vertical, mark=mark), desk(), datetime(2025, 8, 29, 9, 15, tzinfo=IST))
    stt = desk().rules.charges("NIFTY", EXPIRY).stt_exercise.value
    units = vertical.units
    assert found.price == 100.0
    assert found.charges >= stt * 100 * units
    assert found.charges == settlement_charges(vertical, (100.0, 0.0), EXPIRY, desk())
    gross = (Decimal(100) - Decimal(str(vertical.entry_price))) * units
    assert found.pnl == round(gross - vertical.entry_charges - found.charges, 2)


def test_settlement_without_any_forward_counts_the_least_the_package_can_pay(vertical: Position) -> None:
    blind = replace(vertical, mark=replace(vertical.mark, forward=None))
    found = exit_of(blind, desk(), datetime(2025, 8, 29, 9, 15, tzinfo=IST))
    assert (found.price, found.measured) == (0.0, "unknown")


def test_out_of_the_money_settlement_is_free(vertical: Position) -> None:
    assert settlement_charges(vertical, (0.0, 0.0), EXPIRY, desk()) == 0


def test_a_position_that_was_never_marked_has_no_exit_price(vertical: Position) -> None:
    assert exit_of(replace(vertical, mark=None), desk(), TEN + timedelta(days=30)) is None
