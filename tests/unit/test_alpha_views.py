"""The direction in which each view points, and when it holds its tongue."""

from __future__ import annotations

import pytest

from quantsentinel.alpha.consensus import combine
from quantsentinel.alpha.dealer_gamma import dealer_gamma
from quantsentinel.alpha.implied_distribution import implied_distribution
from quantsentinel.alpha.microstructure import microstructure
from quantsentinel.alpha.oi_flow import oi_flow
from quantsentinel.alpha.tilt import NO_TILT, direction_tilt
from quantsentinel.alpha.view import Axis, Horizon, View
from quantsentinel.alpha.volatility_ensemble import volatility_ensemble
from quantsentinel.desk import load_policy
from quantsentinel.errors import BadInput

VOL = {
    "forecast_vol_near": 0.11,
    "implied_vol_near": 0.10,
    "forecast_sessions": 66.0,
}
FLOW = {"call_oi_change": 1.0, "put_oi_change": 3.0, "call_oi": 40.0, "put_oi": 40.0, "flow_minutes": 60.0}
GAMMA = {"dealer_gamma_participants": 30.0, "dealer_gamma_us": 20.0, "gross_gamma": 100.0}
BOOK = {"call_imbalance": 0.4, "put_imbalance": -0.2, "spread": 0.01, "near_quotes": 20.0}


def score(view: View) -> float:
    assert view.score is not None, view.reason
    return view.score


def test_a_forecast_above_the_implied_variance_says_long_volatility() -> None:
    cheap = volatility_ensemble(VOL)
    dear = volatility_ensemble({**VOL, "forecast_vol_near": 0.09})
    assert score(cheap) > 0 > score(dear)
    assert score(volatility_ensemble({**VOL, "forecast_vol_near": 0.10})) == 0.0
    assert cheap.confidence == 1.0
    assert volatility_ensemble({**VOL, "forecast_sessions": 33.0}).confidence == 0.5


def test_without_history_the_volatility_view_abstains_with_the_forecasts_reason() -> None:
    view = volatility_ensemble({**VOL, "forecast_reason": "no_forecast_history", "forecast_vol_near": None})
    assert view.abstains
    assert view.reason == "no_forecast_history"


def test_near_tails_fatter_than_the_next_expirys_say_short_volatility() -> None:
    assert score(implied_distribution({"tail_mass_near": 0.14, "tail_mass_next": 0.12})) < 0
    assert score(implied_distribution({"tail_mass_near": 0.10, "tail_mass_next": 0.12})) > 0
    assert implied_distribution({"tail_mass_near": 0.10}).abstains


def test_open_interest_added_in_puts_points_up_and_the_first_minutes_say_nothing() -> None:
    assert score(oi_flow(FLOW)) > 0
    assert score(oi_flow({**FLOW, "call_oi_change": 5.0})) < 0
    assert "15 needed" in oi_flow({**FLOW, "flow_minutes": 14.0}).reason
    assert oi_flow({**FLOW, "call_oi_change": 0.0, "put_oi_change": 0.0}).abstains


def test_long_dealer_gamma_damps_and_disagreeing_conventions_silence_the_view() -> None:
    assert score(dealer_gamma(GAMMA)) < 0
    assert score(dealer_gamma({**GAMMA, "dealer_gamma_participants": -30.0, "dealer_gamma_us": -20.0})) > 0
    assert "disagree" in dealer_gamma({**GAMMA, "dealer_gamma_participants": -30.0}).reason
    assert dealer_gamma({**GAMMA, "participants_reason": "no file"}).reason == "no file"


def test_buyers_of_calls_and_sellers_of_puts_point_up_until_the_market_is_wide() -> None:
    assert score(microstructure(BOOK)) == pytest.approx(0.3)
    assert microstructure({**BOOK, "spread": 0.06}).abstains
    assert microstructure({**BOOK, "near_quotes": 4.0}).abstains


def a_view(name: str, value: float | None, axis: Axis = "direction", horizon: Horizon = "intraday") -> View:
    return View(name, 1, horizon, axis, value, 1.0 if value is not None else 0.0, {})


def test_abstentions_are_left_out_and_the_rest_renormalised() -> None:
    weights = {"a": 0.5, "b": 0.25, "c": 0.25}
    all_three = combine([a_view("a", 0.4), a_view("b", 0.8), a_view("c", 0.8)], weights)
    without = combine([a_view("a", None), a_view("b", 0.8), a_view("c", 0.8)], weights)
    assert all_three.direction == pytest.approx(0.6)
    assert without.direction == pytest.approx(0.8)
    assert without.confidence == pytest.approx(0.5)
    assert without.volatility is None


def test_disagreement_is_kept_by_horizon_and_axis() -> None:
    views = [a_view("a", 0.5), a_view("b", -0.5), a_view("c", 0.9, horizon="tick")]
    found = combine(views, {"a": 1.0, "b": 1.0, "c": 2.0})
    stances = {(stance.horizon, stance.axis): stance for stance in found.stances}
    assert len(stances) == 8
    assert stances["intraday", "direction"].disagreement == 1.0
    assert stances["intraday", "direction"].score == 0.0
    assert stances["tick", "direction"].disagreement == 0.0
    assert stances["weekly", "volatility"].score is None
    assert "weekly" in found.reason


def test_a_view_without_a_weight_is_an_error_that_names_it() -> None:
    with pytest.raises(BadInput, match="stranger"):
        combine([a_view("stranger", 0.1)], {})


def test_nothing_tilts_until_a_view_is_trusted() -> None:
    views = [a_view("oi_flow", 0.5), a_view("microstructure", -0.1)]
    policy = load_policy().views
    assert direction_tilt(views, policy) == NO_TILT
    trusted = load_policy({"views": {"tilt_views": ["oi_flow"]}}).views
    assert direction_tilt(views, trusted).direction == 0.5
