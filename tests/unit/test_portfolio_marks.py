"""Marks on the worse side, equity and daily loss (`definitions.md` §5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from quantsentinel.costs.charges import Fill, charge_lines
from quantsentinel.market.instruments import Instrument
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.exits import exit_of
from quantsentinel.portfolio.marks import intrinsic, lower_bound, mark_position, payoff
from quantsentinel.portfolio.roll import rolled
from tests.builders import EXPIRY, SESSION, TEN, account, as_of, condor_package, desk, market, offering


@pytest.fixture(scope="module")
def position() -> Position:
    view = offering(market())
    return tenant_pass(view, Book(), account(), desk(), as_of(view)).entries[0].position


def marked(position: Position, view: MarketView) -> Position:
    return mark_position(position, view, desk(), view.received_at)


def test_longs_are_marked_at_the_bid_and_shorts_at_the_ask(position: Position) -> None:
    view = market(TEN + timedelta(minutes=1), move=20.0)
    mark = marked(position, view).mark
    quotes = [view.snapshot.quote(leg.instrument) for leg in position.package.legs]
    expected = [q.bid if leg.side > 0 else q.ask for leg, q in zip(position.package.legs, quotes, strict=True)]
    assert list(mark.legs) == expected
    assert mark.price == pytest.approx(expected[0] + expected[1] - expected[2] - expected[3])
    assert not mark.flagged


def test_pnl_is_the_move_less_all_entry_and_exit_charges(position: Position) -> None:
    view = market(TEN + timedelta(minutes=1), vol=0.10)
    mark = marked(position, view).mark
    fills = [
        Fill(leg.instrument, -leg.side, position.units, Decimal(str(price)))
        for leg, price in zip(position.package.legs, mark.legs, strict=True)
    ]
    leaving = charge_lines(fills, desk().rules.charges("NIFTY", SESSION)).total
    gross = (Decimal(str(mark.price)) - Decimal(str(position.entry_price))) * position.units
    assert mark.pnl == pytest.approx(gross - position.entry_charges - leaving, abs=Decimal("0.01"))


def test_a_short_without_a_quote_is_marked_at_the_model_five_points_up_on_the_adverse_forward(
    position: Position,
) -> None:
    view = market(TEN + timedelta(minutes=1), unquoted=((24_700.0, "CE"),))
    mark = marked(position, view).mark
    short = Instrument("NIFTY", EXPIRY, 24_700.0, "CE")
    model = view.analytics.model_price(short, vol_shift=0.05, forward_shift=0.01)
    assert mark.legs[3] == pytest.approx(model, abs=0.03)
    assert mark.legs[3] > market(TEN).snapshot.quote(short).ask
    assert mark.flagged


def test_a_long_without_a_quote_is_marked_at_its_lower_bound(position: Position) -> None:
    deep = market(TEN + timedelta(minutes=1), move=800.0, unquoted=((24_800.0, "CE"),))
    mark = marked(position, deep).mark
    assert mark.legs[1] == pytest.approx(25_300.0 - 24_800.0)
    assert mark.flagged


def test_nobody_bidding_for_a_worthless_option_is_a_price_and_no_gap() -> None:
    view = offering(market(half_spread=0.25), condor_package(width=400.0, out=500.0))
    far = tenant_pass(view, Book(), account(), desk(), as_of(view)).entries[0].position
    calm = market(TEN + timedelta(minutes=1), vol=0.05)
    mark = marked(far, calm).mark
    assert calm.snapshot.quote(far.package.legs[0].instrument).bid == 0.0
    short = calm.snapshot.quote(far.package.legs[2].instrument)
    assert (mark.legs[0], mark.legs[2], mark.flagged) == (0.0, short.ask, False)


def test_a_vanished_bid_of_a_dear_option_is_a_gap_and_fires_no_stop(position: Position) -> None:
    long_put = position.package.legs[0].instrument
    view = market(TEN + timedelta(minutes=1), half_spread=200.0)
    quote = view.snapshot.quote(long_put)
    assert (quote.bid, quote.ask > 1.0) == (0.0, True)
    after = marked(position, view)
    assert (after.mark.legs[0], after.mark.flagged) == (0.0, True)
    assert exit_of(after, desk(), view.received_at) is None


def test_a_missing_forward_keeps_the_last_mark_for_as_long_as_the_source_may_be_silent(position: Position) -> None:
    blind = market(TEN + timedelta(seconds=120), forward_known=False, unquoted=((24_700.0, "CE"),))
    kept = marked(position, blind).mark
    assert (kept.price, kept.flagged) == (position.mark.price, True)
    later = market(TEN + timedelta(seconds=240), forward_known=False, unquoted=((24_700.0, "CE"),))
    worst = marked(position, later).mark
    assert worst.price == -100.0, "the condor's payoff is never below its width"
    assert worst.flagged


def test_positions_of_other_underlyings_keep_their_marks(position: Position) -> None:
    bank = market(TEN + timedelta(minutes=1), underlying="BANKNIFTY")
    book = Book(session=SESSION, positions=(position,))
    after = tenant_pass(bank, book, account(), desk(), as_of(bank)).book_after
    assert after.positions == (position,)


def test_the_lower_bound_is_intrinsic_and_unknown_without_a_forward() -> None:
    call = Instrument("NIFTY", EXPIRY, 24_000.0, "CE")
    assert lower_bound(call, market()) == pytest.approx(500.0)
    assert lower_bound(call, market(forward_known=False)) is None


def test_a_condor_pays_nothing_inside_and_its_width_outside() -> None:
    legs = condor_package().legs
    assert [payoff(legs, level) for level in (0.0, 24_250.0, 24_500.0, 30_000.0)] == [-100.0, -50.0, 0.0, -100.0]
    assert intrinsic(legs[0].instrument, 24_100.0) == 100.0


def test_equity_and_daily_loss_add_up_over_a_session_boundary(position: Position) -> None:
    book = Book(session=SESSION, positions=(position,), realised=Decimal("-1000.00"))
    assert book.equity(Decimal(2_000_000)) == Decimal(2_000_000) - 1000 + position.mark.pnl
    assert book.day_pnl() == -1000 + position.mark.pnl
    tomorrow = rolled(replace(book, entered_loss=position.max_loss), SESSION + timedelta(days=1))
    assert tomorrow.day_pnl() == 0
    assert tomorrow.entered_loss == 0
    assert tomorrow.equity(Decimal(2_000_000)) == book.equity(Decimal(2_000_000))
