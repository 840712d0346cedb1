"""Settlement on a proxy, corrected once by the exchange's value, by the method of the date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from quantsentinel.accounts.account import Mode
from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Family, Instrument, Leg, Package
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book, Lapsed, Position, Settled
from quantsentinel.portfolio.roll import rolled
from quantsentinel.portfolio.settlement import SettlementValue, corrected, far_legs_left, of_book, settlement_pnl
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.units import rupees
from tests.builders import EXPIRY, TEN, account, as_of, desk, market, offering, vertical_package

AFTER = datetime(2025, 8, 29, 9, 20, tzinfo=IST)
OFFICIAL = SettlementValue("NIFTY", EXPIRY, 24_620.0, AFTER - timedelta(hours=12), "asha")


def settled_view() -> MarketView:
    """The session after the expiry; the expired contracts are not listed any more."""
    return replace(market(AFTER, forward_known=False), session=AFTER.date())


def entered(mode: Mode = Mode.LIVE) -> Book:
    view = offering(market(), vertical_package())
    return tenant_pass(view, Book(), account(mode=mode), desk(), as_of(view)).book_after


def taken(book: Book) -> Book:
    (position,) = book.positions
    answer = Answer(
        position.signal_id, AnswerKind.TAKEN, TEN + timedelta(seconds=9), "asha", position.entry_price, position.lots
    )
    view = market(TEN + timedelta(minutes=1))
    return tenant_pass(view, book, account(), desk(), as_of(view, answers=(answer,))).book_after


def settle(book: Book, *values: SettlementValue) -> TenantDecision:
    view = settled_view()
    return tenant_pass(view, book, account(), desk(), as_of(view, settlements=values))


def test_the_proxy_is_booked_and_waits_for_the_exchanges_value() -> None:
    decision = settle(entered())
    (waiting,) = decision.book_after.provisional
    (event,) = decision.exits
    assert event.pnl == waiting.pnl == decision.book_after.realised
    assert (waiting.in_assumed, waiting.in_confirmed) == (True, False)
    assert event.receipts[0].unit == "settlement value, proxy"


def test_the_exchanges_value_corrects_what_was_booked_once_and_never_twice() -> None:
    book = settle(entered()).book_after
    (waiting,) = book.provisional
    exact = settlement_pnl(waiting.position, OFFICIAL.value, desk())[2]
    after = settle(book, OFFICIAL).book_after
    assert (after.realised, after.provisional) == (exact, ())
    assert settle(after, OFFICIAL).book_after.realised == exact


def test_a_known_value_settles_at_once_with_nothing_left_to_correct() -> None:
    decision = settle(entered(), OFFICIAL)
    (event,) = decision.exits
    assert (event.receipts[0].unit, event.receipts[0].measured) == ("settlement value", OFFICIAL.value)
    assert decision.book_after.provisional == ()
    assert decision.book_after.realised == event.pnl


def test_settlement_pays_intrinsic_less_exercise_stt_and_fees() -> None:
    (position,) = entered().positions
    price, charges, gained = settlement_pnl(position, OFFICIAL.value, desk())
    stt = desk().rules.charges("NIFTY", EXPIRY).stt_exercise.value * Decimal(120) * position.units
    assert price == 120.0
    assert charges >= stt
    gross = (Decimal(120) - Decimal(str(position.entry_price))) * position.units
    assert gained == rupees(gross - position.entry_charges - charges)


def test_what_both_books_hold_is_realised_and_corrected_in_both() -> None:
    after = settle(taken(entered())).book_after
    assert (after.confirmed, after.realised, after.unreconciled) == ((), after.confirmed_realised, {})
    late = settle(after, OFFICIAL).book_after
    assert late.realised == late.confirmed_realised != after.realised


def test_a_paper_entry_settles_in_both_books_alike() -> None:
    after = settle(entered(Mode.PAPER)).book_after
    assert after.realised == after.confirmed_realised != 0


def test_what_only_the_tenant_still_holds_settles_too() -> None:
    book = taken(entered())
    out = replace(book, positions=tuple(replace(item, target=-1000.0) for item in book.positions))
    view = market(TEN + timedelta(minutes=2))
    lapsed = tenant_pass(view, out, account(), desk(), as_of(view)).book_after
    assert (lapsed.positions, len(lapsed.confirmed), len(lapsed.lapsed)) == ((), 1, 1)
    after = settle(lapsed, OFFICIAL).book_after
    assert (after.held, after.lapsed, after.unreconciled) == ((), (), {})
    assert after.realised == after.confirmed_realised == settlement_pnl(lapsed.confirmed[0], 24_620.0, desk())[2]


def test_a_correction_downwards_counts_today_and_one_upwards_makes_no_room() -> None:
    book = entered()
    (position,) = book.positions
    marked = replace(position, mark=replace(position.mark, forward=24_600.0))
    book = rolled(settle(replace(book, positions=(marked,))).book_after, date(2025, 9, 1))
    (waiting,) = book.provisional
    for value in (24_500.0, 24_700.0):
        after = corrected(book, (replace(OFFICIAL, value=value),), desk())
        change = settlement_pnl(waiting.position, value, desk())[2] - waiting.pnl
        assert after.realised - book.realised == change != 0
        day = after.assumed_pnl - after.settlement_pnl
        assert day == min(change, Decimal(0))


def test_a_proxy_nobody_corrects_in_time_stands() -> None:
    book = settle(entered()).book_after
    view = replace(market(AFTER + timedelta(days=17), forward_known=False), session=date(2025, 9, 15))
    after = tenant_pass(view, book, account(), desk(), as_of(view)).book_after
    assert (after.provisional, after.realised) == ((), book.realised)


def test_only_values_of_what_a_book_holds_concern_it() -> None:
    other = replace(OFFICIAL, expiry=date(2025, 9, 2))
    assert of_book(entered(), (OFFICIAL, other)) == (OFFICIAL,)
    position = entered().positions[0]
    waiting = Book(provisional=(Settled(position, rupees(0), in_assumed=True, in_confirmed=False),))
    assert of_book(waiting, (OFFICIAL, other)) == (OFFICIAL,)
    assert of_book(Book(), (OFFICIAL, other)) == ()


def calendar() -> Position:
    """Sold at 24,500 for the near expiry, bought for a far one; marked at 120 and 200."""
    (position,) = entered().positions
    legs = tuple(
        Leg(Instrument("NIFTY", expiry, 24_500.0, "CE"), side)
        for expiry, side in ((date(2025, 9, 25), 1), (EXPIRY, -1))
    )
    mark = replace(position.mark, legs=(200.0, 120.0), price=80.0)
    return replace(position, package=Package(Family.CALL_CALENDAR, legs), entry_price=70.0, mark=mark)


@pytest.mark.parametrize(("value", "paid"), [(24_540.0, 40.0), (24_400.0, 0.0), (None, 0.0)])
def test_after_a_calendars_near_expiry_the_far_leg_goes_on_with_what_the_near_one_paid(
    value: float | None, paid: float
) -> None:
    held = calendar()
    left = far_legs_left(held, value, desk())
    assert [leg.instrument.expiry for leg in left.package.legs] == [date(2025, 9, 25)]
    assert (left.package.family, left.entry_price) == (Family.LONG_CALL, 70.0 + paid)
    assert left.opportunity_id != held.opportunity_id
    spent = left.entry_charges - held.entry_charges
    assert (spent > 0) == (paid > 0), "the broker's fee for a leg in the money"
    gross = Decimal(str(200.0 - paid - 70.0)) * held.units
    assert left.mark.pnl == gross - left.entry_charges - left.mark.exit_charges
    assert left.max_loss == Decimal(str(70.0 + paid)) * held.units + left.entry_charges


def test_a_calendar_that_only_the_tenant_holds_loses_its_near_leg_and_stays_unanswered() -> None:
    held = calendar()
    book = Book(session=TEN.date(), confirmed=(held,), lapsed=(Lapsed(held, TEN, rupees(0)),))
    after = settle(book, OFFICIAL).book_after
    assert [position.entry_price for position in after.confirmed] == [70.0 + 120.0]
    assert (after.positions, after.confirmed_realised, after.provisional) == ((), 0, ())
    assert list(after.unreconciled) == [held.signal_id]
    again = settle(after, OFFICIAL).book_after
    assert [position.entry_price for position in again.confirmed] == [190.0]


def test_without_any_forward_the_near_leg_counts_at_its_last_mark() -> None:
    held = calendar()
    blind = replace(held, mark=replace(held.mark, forward=None))
    assert far_legs_left(blind, None, desk()).entry_price == 70.0 + 120.0


def test_a_package_of_one_expiry_leaves_nothing_behind() -> None:
    assert far_legs_left(entered().positions[0], 24_500.0, desk()) is None


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_value_that_no_index_has_cannot_exist(value: float) -> None:
    with pytest.raises(BadInput, match="above 0"):
        replace(OFFICIAL, value=value)


@pytest.mark.parametrize(
    ("expiry", "method"),
    [(date(2026, 7, 28), "vwap"), (date(2026, 8, 4), "closing_auction"), (date(2026, 12, 8), "vwap")],
)
def test_the_method_is_the_dates(expiry: date, method: str) -> None:
    settlement = desk().rules.settlement("NIFTY", expiry)
    assert method in settlement.method
