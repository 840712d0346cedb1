"""The money of a calendar, and its life from the offer to the session before the near leg's last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from quantsentinel.costs.charges import Fill, charge_lines
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.market.instruments import Instrument
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.reprice import reprice_at_lots
from quantsentinel.opportunity.screen import REASONS
from quantsentinel.pipeline import market_pass, tenant_pass
from quantsentinel.portfolio.marks import mark_position
from quantsentinel.portfolio.silence import mark_silent
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.signals.signal import SignalState
from tests.builders import account, as_of, empty_book, market
from tests.calendar_day import CALENDARS, INVERTED, by_expiry, offers
from tests.market_day import DAY, EXPIRIES, NOON, desk, history, skewed, snapshot


def test_charges_run_to_the_declared_exit_where_both_legs_are_traded_back() -> None:
    for offer in offers():
        schedule = desk().rules.charges("NIFTY", DAY, desk().broker)
        pairs = list(zip(offer.package.legs, offer.expectations, strict=True))
        assert all(expected.in_the_money == 1.0 for _, expected in pairs)
        fills = [
            Fill(leg.instrument, -1 if leg.side > 0 else 1, offer.lot, Decimal(str(one.intrinsic)), offer.lot)
            for leg, one in pairs
        ]
        back = charge_lines(fills, schedule)
        assert {line.name for line in back.lines} >= {"stt_sale", "stamp", "brokerage"}
        crossing = offer.economics.exit_charges - back.total
        assert float(crossing) >= float(offer.economics.half_spread) - 0.01


def test_repricing_one_lot_gives_the_economics_back_to_the_paisa() -> None:
    for offer in offers():
        again = reprice_at_lots(offer, 1, desk())
        assert again.net_ev == offer.economics.net_ev
        assert again.exit_charges == offer.economics.exit_charges
        assert again.stressed_loss == offer.economics.stressed_loss


def test_more_lots_share_the_orders_fees_on_both_ways() -> None:
    offer = offers()[0]
    one, three = reprice_at_lots(offer, 1, desk()), reprice_at_lots(offer, 3, desk())
    assert three.exit_charges < 3 * one.exit_charges
    assert three.frictions < 3 * one.frictions


def test_without_offset_on_the_near_legs_last_day_the_margin_is_far_larger_than_now() -> None:
    """The short leg alone then needs its scan range; with the far leg against it, the calendar charge and exposure."""
    for offer in offers():
        assert 0 < offer.margin_now < offer.margin_expiry_day
        assert float(offer.margin_expiry_day) > 2 * float(offer.margin_now)


def test_an_inverted_term_structure_offers_a_calendar_that_keeps_every_rule() -> None:
    view = market_pass(snapshot(smile=by_expiry(INVERTED)), history(), desk())
    found = [offer for offer in view.opportunities if offer.package.is_calendar and offer.is_eligible]
    assert {offer.family for offer in found} == CALENDARS
    for offer in found:
        assert offer.executable > 0
        assert offer.economics.net_ev > 0
        assert offer.entry_zone[0] <= offer.executable <= offer.entry_zone[1]
        assert offer.stop < offer.entry_zone[1] < offer.target
        assert len(offer.breakevens) == 2
        low, high = offer.breakevens
        assert low < offer.package.legs[0].instrument.strike < high


def test_one_calendar_of_a_near_expiry_and_right_is_offered_whatever_its_far_expiry() -> None:
    view = market_pass(snapshot(smile=by_expiry(INVERTED)), history(), desk())
    keys = [(offer.package.expiry, offer.family) for offer in view.opportunities]
    assert len(keys) == len(set(keys))
    assert sum(view.candidates.reasons.values()) == len(view.candidates) <= 4000


def test_candidates_name_both_expiries_and_the_same_inputs_give_the_same_bytes() -> None:
    first, second = (market_pass(snapshot(smile=skewed(0.14)), history(), desk()) for _ in range(2))
    columns = first.candidates.columns
    names = {
        str(day) for day, family in zip(columns["expiry"], columns["family"], strict=True) if "calendar" in str(family)
    }
    days = [tuple(map(date.fromisoformat, name.split("/"))) for name in names]
    assert len(days) == 6
    assert all(near < far for near, far in days)
    assert first.digest == second.digest
    assert set(first.candidates.reasons) <= {*REASONS, "outranked", "priced", "offered"}


def test_a_leg_without_a_two_sided_quote_is_no_calendar_to_price() -> None:
    taken = snapshot(smile=skewed(0.14))
    bid = taken.columns["bid"].copy()
    last = int(taken.offsets[-2])
    bid[last::2] = 0.0
    view = market_pass(replace(taken, columns={**taken.columns, "bid": bid}), history(), desk())
    columns = view.candidates.columns
    rows = zip(columns["family"], columns["expiry"], columns["reason"], strict=True)
    reasons = {row[2] for row in rows if row[0] == "call_calendar" and str(row[1]).endswith(EXPIRIES[-1].isoformat())}
    assert reasons <= {"no_two_sided_quote"}


# --- Life -------------------------------------------------------------------------------------------------------------
def calendars_of(view: MarketView) -> MarketView:
    return replace(view, opportunities=tuple(offer for offer in view.opportunities if offer.package.is_calendar))


def view_at(at: datetime) -> MarketView:
    return market_pass(snapshot(at=at, smile=by_expiry(INVERTED)), history(session=at.date()), desk())


def test_a_calendar_is_entered_marked_on_both_expiries_and_closed_the_session_before() -> None:
    view = calendars_of(view_at(NOON))
    entered = tenant_pass(view, empty_book(), account(), desk(), as_of(view))
    assert {event.family for event in entered.entries} == CALENDARS
    position = entered.book_after.positions[0]
    later = calendars_of(view_at(NOON + timedelta(minutes=3)))
    marked = mark_position(position, later, desk(), later.received_at).mark
    assert marked is not None
    assert not marked.flagged
    bought, sold = (later.analytics.leg_price(leg.instrument) for leg in position.package.legs)
    assert bought is not None
    assert sold is not None
    assert marked.price == pytest.approx(bought.bid - sold.ask)
    evening = calendars_of(view_at(position.time_stop + timedelta(minutes=1)))
    closed = tenant_pass(evening, entered.book_after, account(), desk(), as_of(evening))
    ended = [event for event in closed.events if event.state is SignalState.CLOSED]
    assert {event.signal_id for event in ended} == {event.signal_id for event in entered.entries}
    assert all(event.receipts[0].guard == "exit_time_stop" for event in ended)
    assert all(event.decided_at.date() < event.expiry for event in ended)


def test_the_stop_of_a_calendar_is_half_of_what_was_paid_not_half_of_its_loss_at_an_index_of_zero() -> None:
    for offer in offers():
        assert offer.stop >= 0.4 * offer.entry_zone[1]


def test_a_silent_calendar_is_valued_with_each_leg_to_its_own_settlement() -> None:
    view = calendars_of(view_at(NOON))
    book = tenant_pass(view, empty_book(), account(), desk(), as_of(view)).book_after
    marked, silent = (
        mark_silent(each, other, desk(), other.received_at).positions[0]
        for each, other in ((book, view), (book, market(NOON + timedelta(minutes=20), underlying="BANKNIFTY")))
    )
    assert marked.mark is not None
    assert silent.mark is not None
    bought, sold = (view.analytics.slice(leg.instrument.expiry) for leg in marked.package.legs)
    assert bought is not None
    assert sold is not None
    values = []
    for move in (0.99, 1.01):
        legs = zip(marked.package.legs, marked.mark.legs, (bought, sold), strict=True)
        values.append(sum(leg.signed * adverse_leg(leg.instrument, price, part, move) for leg, price, part in legs))
    assert silent.mark.flagged
    assert silent.mark.price == pytest.approx(min(marked.mark.price, *values), abs=1.0)


def adverse_leg(option: Instrument, price: float, part: SliceAnalytics, move: float) -> float:
    forward, times = float(part.forward or 0.0), part.times
    vol = implied_vol([price], forward, [option.strike], times.variance_years, times.discount, [option.is_call])[0]
    return float(
        black76.price(forward * move, option.strike, times.variance_years, vol + 0.03, times.discount, option.is_call)
    )
