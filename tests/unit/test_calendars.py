"""Calendar spreads: two expiries, bounded by the rule of `definitions.md` §4, valued at their exit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.calendar_curves import spread_at_exit, weights
from quantsentinel.opportunity.calendar_terms import pairs_of
from quantsentinel.opportunity.calendar_value import EXACT_NODES, SCREEN_NODES, value
from quantsentinel.opportunity.calendars import CalendarScreen, screen_calendars
from quantsentinel.pipeline import market_pass
from quantsentinel.pricing import black76
from tests.calendar_day import CALENDARS, expiries, expiries_of, offers, screen
from tests.market_day import EXPIRIES, NOON, desk, history, skewed, snapshot


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
    near = {pair.near.expiry for pair in pairs_of(found[1])}
    assert near == set(EXPIRIES[1:3])


def test_contracts_of_different_lots_make_no_calendar() -> None:
    _, terms = expiries()
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
    found = screen_calendars(*expiries_of(snapshot(), history(None)), 4000)
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
    found = weights({7: spread}, np.array([7]), levels)
    assert found.sum() == pytest.approx(1.0, rel=1e-12)
    assert float((found * values).sum()) == pytest.approx(float(direct), rel=1e-9)


def test_the_screen_is_close_to_the_exact_price() -> None:
    found = screen().screened
    for row, offer in enumerate(offers()):
        assert float(offer.economics.gross_edge) / offer.lot == pytest.approx(found.gross_edge[row], abs=0.05)
        assert offer.economics.win_probability == pytest.approx(found.win_probability[row], abs=0.03)
        assert float(offer.economics.stressed_loss) / offer.lot == pytest.approx(found.stressed_loss[row], abs=1.0)
