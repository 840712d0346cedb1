"""Calendar spreads: two expiries, closed before the near one's last day, bounded by the rule of `definitions.md` §4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from quantsentinel.alpha.consensus import combine
from quantsentinel.alpha.registry import ask_views
from quantsentinel.costs.charges import Fill, charge_lines
from quantsentinel.features.analyse import analyse, frame_of, with_physical
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.history import History
from quantsentinel.market.instruments import Family, Instrument
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.calendar_exact import price_calendars
from quantsentinel.opportunity.calendar_terms import pairs_of
from quantsentinel.opportunity.calendar_value import EXACT_NODES, SCREEN_NODES, spread_at_exit, value
from quantsentinel.opportunity.calendars import CalendarScreen, screen_calendars
from quantsentinel.opportunity.expiry_terms import ExpiryTerms, Shared, expiry_terms
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.opportunity.quote_table import QuoteTable, quote_table
from quantsentinel.opportunity.reprice import reprice_at_lots
from quantsentinel.opportunity.screen import REASONS
from quantsentinel.pipeline import market_pass, tenant_pass
from quantsentinel.portfolio.marks import mark_position
from quantsentinel.portfolio.silence import mark_silent
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.signals.signal import SignalState
from tests.builders import account, as_of, empty_book, market
from tests.market_day import DAY, EXPIRIES, NOON, desk, history, skewed, snapshot

CALENDARS = {Family.CALL_CALENDAR, Family.PUT_CALENDAR}
INVERTED = (0.25, 0.20, 0.15, 0.12)
Floats = np.ndarray


def by_expiry(vols: tuple[float, ...]) -> Callable[[Floats], Floats]:
    """A smile for every expiry in turn: the builder asks once for each."""
    left = iter(vols)
    return lambda k: skewed(next(left))(k)


def expiries_of(taken: Snapshot, past: History) -> list[tuple[QuoteTable, ExpiryTerms]]:
    """As the market pass has them before it makes calendars of them."""
    found = analyse(taken, past, desk(), quote_mask(taken, desk().rules))
    frame = frame_of(taken, past, desk())
    views = ask_views(feature_values(found, taken, past))
    found = with_physical(found, frame)
    consensus = combine(views, desk().policy.views.weights)
    shared = Shared(desk(), frame, found, past, consensus, taken.digest, "")
    terms = [expiry_terms(shared, part) for part in found.fitted if part.physical is not None]
    return [(quote_table(each.part, "NIFTY", each.lot), each) for each in terms]


@cache
def expiries(
    vols: tuple[float, ...] = (0.14,) * 4, daily_vol: float | None = 0.12
) -> list[tuple[QuoteTable, ExpiryTerms]]:
    return expiries_of(snapshot(smile=by_expiry(vols)), history(daily_vol))


@cache
def screen(vols: tuple[float, ...] = (0.14,) * 4, daily_vol: float | None = 0.12) -> CalendarScreen:
    found = screen_calendars(expiries(vols, daily_vol), 4000)
    assert found is not None
    return found


@cache
def offers() -> tuple[Opportunity, ...]:
    found = screen()
    return tuple(price_calendars(found, range(len(found.calendars))))


def test_a_calendar_sells_the_near_and_buys_the_far_contract_of_one_strike_and_right() -> None:
    assert len(offers()) == len({offer.opportunity_id for offer in offers()}) >= 20
    assert {offer.family for offer in offers()} == CALENDARS
    for offer in offers():
        bought, sold = (leg.instrument for leg in offer.package.legs)
        assert [leg.side for leg in offer.package.legs] == [1, -1]
        assert bought.expiry > sold.expiry == offer.package.expiry
        assert (bought.strike, bought.right) == (sold.strike, sold.right)
        assert (bought.right == "CE") == (offer.family is Family.CALL_CALENDAR)


def test_the_time_stop_lies_in_the_session_before_the_near_legs_expiry_day() -> None:
    for offer in offers():
        last = desk().rules.previous_session(offer.package.expiry)
        assert offer.time_stop == last.close - timedelta(minutes=15)
        assert offer.time_stop.date() < offer.package.expiry


def test_a_near_expiry_whose_exit_would_be_today_makes_no_calendar() -> None:
    """1 September 2025 is the session before the expiry of the 2nd."""
    monday = NOON + timedelta(days=3)
    found = expiries_of(snapshot(at=monday), history(session=monday.date()))
    near = {pair.near.expiry for pair in pairs_of([terms for _, terms in found])}
    assert near == set(EXPIRIES[1:3])


def test_contracts_of_different_lots_make_no_calendar() -> None:
    terms = [each for _, each in expiries()]
    other = [*terms[:-1], replace(terms[-1], lot=65)]
    assert {pair.far.expiry for pair in pairs_of(terms)} == set(EXPIRIES[1:])
    assert {pair.far.expiry for pair in pairs_of(other)} == set(EXPIRIES[1:3])


def test_slices_received_more_than_ten_seconds_apart_are_refused_by_that_name() -> None:
    taken = snapshot(smile=skewed(0.14))
    last, late = taken.slices[-1], timedelta(seconds=11)
    assert last.exchange_time is not None
    earlier = replace(last, exchange_time=last.exchange_time - late, received_at=last.received_at - late)
    view = market_pass(replace(taken, slices=(*taken.slices[:-1], earlier)), history(), desk())
    columns = view.candidates.columns
    rows = list(zip(columns["family"], columns["expiry"], columns["reason"], strict=True))
    calendars = [row for row in rows if row[0] in {family.value for family in CALENDARS}]
    skewed_rows = [row for row in calendars if row[2] == "slice_skew"]
    assert {str(row[1])[11:] for row in skewed_rows} == {EXPIRIES[-1].isoformat()}
    assert len([row for row in calendars if str(row[1]).endswith(EXPIRIES[-1].isoformat())]) == len(skewed_rows) > 0


# --- Value ------------------------------------------------------------------------------------------------------------
def leg_values(found: CalendarScreen, row: int, level: float, shift: float) -> tuple[float, float]:
    """Slow twin: (at the exit, at the near settlement) of the far leg less the near one, with the far vol shifted."""
    pair, strike = found.calendars.pairs[found.calendars.pair_of[row]], found.calendars.strike[row]
    called = bool(found.calendars.is_call[row])
    far_level = max(level / pair.between + pair.carry, 1e-6)

    def vol(part: SliceAnalytics, forward: float) -> float:
        quoted = part.strike[np.isfinite(part.vol)]
        own, smile = part.forward, part.smile
        assert own is not None
        assert smile is not None
        k = np.clip(np.log(strike / forward), np.log(quoted[0] / own), np.log(quoted[-1] / own))
        return float(np.sqrt(smile(np.array([k]))[0] / part.times.variance_years))

    near_vol = vol(pair.near, max(level, 1e-6)) * pair.near_vol
    far_vol = vol(pair.far, far_level) * (1.0 + shift)
    near = black76.price(level, strike, pair.near_left, near_vol, pair.near_discount, called)
    far = black76.price(far_level, strike, pair.far_left, far_vol, pair.far_discount, called)
    late = black76.price(far_level, strike, pair.far_after, far_vol, pair.between, called)
    settled = max(level - strike if called else strike - level, 0.0)
    return float(far - near), float(late - settled)


@pytest.mark.parametrize("shift", [-0.2, 0.2])
def test_no_level_of_the_index_and_no_far_vol_within_a_fifth_costs_more_than_the_maximum_loss(shift: float) -> None:
    found, tried = screen(), 0
    levels = [1.0, 5_000.0, 15_000.0, *np.linspace(22_000.0, 27_000.0, 31), 40_000.0, 90_000.0]
    for row, offer in list(enumerate(offers()))[::3]:
        paid = float(offer.entry_zone[1])
        assert offer.max_loss is not None
        for level in levels:
            for worth in leg_values(found, row, level, shift):
                assert (paid - worth) * offer.lot <= float(offer.max_loss)
                tried += 1
    assert tried > 500


def test_the_maximum_loss_is_close_to_what_is_paid_and_never_below_it_by_more_than_the_carry() -> None:
    """Far from the strike both legs are worth their intrinsic value: the package is worth nothing but interest."""
    for offer in offers():
        paid = offer.entry_zone[1] * offer.lot
        assert offer.max_loss is not None
        assert float(offer.max_loss) > paid
        assert float(offer.max_loss) < paid + 0.006 * offer.package.legs[0].instrument.strike * offer.lot


def test_the_grid_agrees_with_the_slow_twin_at_its_own_levels() -> None:
    found = screen()
    values = value(found.calendars, SCREEN_NODES)
    for row in range(0, len(found.calendars), 5):
        for at in (10, 24, 26, 40):
            level = float(values.bounds.edges[row, at])
            worth = min(leg_values(found, row, level, -0.2))
            cost = worth - float(values.bounds.left[row, at])
            assert found.calendars.closing[row] < cost < found.calendars.closing[row] + 6.0


def test_a_forecast_equal_to_the_implied_density_gives_no_edge() -> None:
    """Without history there is no forecast and both densities are one, as both vols are."""
    found = screen(daily_vol=None)
    assert np.max(np.abs(found.screened.gross_edge)) <= 1e-6
    assert not np.any(found.screened.net_ev > 0)


def test_a_forecast_never_makes_the_sold_leg_cheaper_or_the_bought_leg_dearer() -> None:
    """Adverse on both sides: a cheap near leg is bought back dear, a dear far leg is sold cheap."""
    calm, wild = screen((0.14,) * 4, 0.12).calendars, screen((0.10,) * 4, 0.16).calendars
    for pair in (*calm.pairs, *wild.pairs):
        assert pair.far_vol <= 1.0 <= pair.near_vol
    assert all(pair.far_vol < 0.99 for pair in calm.pairs)
    assert all(pair.near_vol > 1.005 for pair in wild.pairs)


def test_in_a_flat_market_the_model_expects_today_s_price_at_the_exit() -> None:
    """A martingale check of times, discounts and carry: E[value at the exit], discounted, is the mid."""
    found = screen_calendars(expiries_of(snapshot(), history(None)), 4000)
    assert found is not None
    values = value(found.calendars, EXACT_NODES)
    discount = found.calendars.column("discount")[:, 0]
    expected = discount * (values.leg[:, 0] - values.leg[:, 1])
    assert np.max(np.abs(expected - found.screened.mid) / found.screened.mid) < 0.006


def test_the_exits_distribution_keeps_the_forward_and_has_its_share_of_the_variance() -> None:
    pair = screen().calendars.pairs[0]
    density = pair.near.density
    assert density is not None
    spread = spread_at_exit(density, pair.elapsed)
    assert spread.mass @ spread.nodes == pytest.approx(density.forward, rel=1e-12)
    before = density.mass @ density.log_strike**2 - (density.mass @ density.log_strike) ** 2
    logs = np.log(spread.nodes)
    after = spread.mass @ logs**2 - (spread.mass @ logs) ** 2
    assert after / before == pytest.approx(pair.elapsed, rel=1e-9)
    assert 0 < pair.elapsed < 1


def test_weights_give_the_expectation_of_a_piecewise_linear_function() -> None:
    pair = screen().calendars.pairs[1]
    assert pair.near.physical is not None
    spread = spread_at_exit(pair.near.physical, pair.elapsed)
    levels = np.concatenate([[0.0], np.linspace(23_000.0, 26_000.0, 41), [100_000.0]])[None, :]
    values = np.abs(levels - 24_400.0) ** 1.5
    direct = spread.mass @ np.interp(spread.nodes, levels[0], values[0])
    weights = spread.weights(levels)
    assert weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert float((weights * values).sum()) == pytest.approx(float(direct), rel=1e-9)


def test_the_screen_is_close_to_the_exact_price() -> None:
    found = screen().screened
    for row, offer in enumerate(offers()):
        assert float(offer.economics.gross_edge) / offer.lot == pytest.approx(found.gross_edge[row], abs=0.05)
        assert offer.economics.win_probability == pytest.approx(found.win_probability[row], abs=0.03)
        assert float(offer.economics.stressed_loss) / offer.lot == pytest.approx(found.stressed_loss[row], abs=1.0)


# --- Money ------------------------------------------------------------------------------------------------------------
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
