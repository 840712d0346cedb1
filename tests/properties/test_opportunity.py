"""What must hold for any smile, spread and forecast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.features.analyse import analyse, frame_of, with_physical
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.opportunity.expiry_terms import Shared
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.offers import Offers, make_offers
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, leg_payoffs, profile, win_probability
from quantsentinel.pipeline import market_pass
from tests.market_day import desk, history, rules, skewed, snapshot

SLOW = settings(max_examples=12, deadline=None, derandomize=True)
SLOWER = settings(max_examples=5, deadline=None, derandomize=True)
smiles = st.builds(skewed, st.floats(0.08, 0.25), st.floats(-1.5, 0.5), st.floats(0.0, 6.0))


def forecast_equal_to_implied(found: MarketAnalytics) -> MarketAnalytics:
    """The same analytics with the forecast that its nearest slice implies."""
    part, ahead = found.fitted[0], found.forecast
    assert ahead is not None
    assert part.implied_variance is not None
    frame = frame_of(snapshot(), history(), desk())
    units = frame.clock.units(part.chain.slice.observed_at, frame.endings[part.expiry].settlement_at)
    unit = part.implied_variance / units
    curve = ((1.0, unit), (22.0, unit))
    return replace(found, forecast=replace(ahead, sigma_daily=math.sqrt(unit), curve=curve))


def offers_at_fair_value(found: MarketAnalytics) -> Offers:
    taken, past = snapshot(), history()
    frame = frame_of(taken, past, desk())
    fair = with_physical(replace(found, slices=found.slices[:1]), frame)
    consensus = market_pass(taken, past, desk()).consensus
    return make_offers(Shared(desk(), frame, fair, past, consensus, taken.digest, ""))


@SLOW
@given(smiles, st.floats(0.05, 3.0))
def test_a_forecast_equal_to_the_implied_gives_no_edge_beyond_half_the_spread(smile: object, half: float) -> None:
    """`definitions.md` §4, for every candidate of the nearest expiry, with no tilt."""
    taken = snapshot(smile=smile, half_spread=half)  # type: ignore[arg-type]  # hypothesis builds callables as object
    found = analyse(taken, history(), desk(), quote_mask(taken, rules()))
    if not found.fitted or found.fitted[0].expiry != found.slices[0].expiry:
        return  # the fit of a smile this steep was refused: there is nothing to price
    offers = offers_at_fair_value(forecast_equal_to_implied(found))
    numbers = offers.candidates.numbers
    half_spread = numbers["executable"] - numbers["mid"]
    known = np.isfinite(half_spread)
    assert known.any()
    assert np.all(np.abs(numbers["gross_edge"][known]) <= half_spread[known] + 1e-6)
    assert not any(offer.is_eligible for offer in offers.opportunities)


def view(daily_vol: float) -> MarketView:
    return market_pass(snapshot(smile=skewed(0.13)), history(daily_vol), desk())


@SLOW
@given(st.floats(0.08, 0.2), st.floats(1.02, 1.5))
def test_a_higher_forecast_never_makes_a_straddle_worth_less(vol: float, factor: float) -> None:
    low, high = view(vol), view(vol * factor)
    rows = [index for index, name in enumerate(low.candidates.columns["family"]) if name == "long_straddle"]
    edges = [np.asarray(found.candidates.numbers["gross_edge"])[rows] for found in (low, high)]
    assert len(rows) >= 3
    assert np.all(edges[1] >= edges[0] - 1e-6)


@SLOW
@given(st.floats(0.06, 0.3))
def test_costs_are_never_negative_and_no_eligible_offer_breaks_a_hard_rule(vol: float) -> None:
    found = view(vol)
    rules_of = desk().policy.hard_rules
    for offer in found.opportunities:
        one = offer.economics
        assert min(one.half_spread, one.depth_impact, one.exit_charges) >= 0
        assert one.frictions > 0
        if offer.is_eligible:
            assert one.net_ev > 0
            assert one.cost_ratio is not None
            assert one.cost_ratio <= rules_of.max_cost_ratio
            assert one.win_probability >= rules_of.min_win_probability
            assert float(one.net_ev) >= rules_of.min_net_ev_of_stressed_loss * float(one.stressed_loss)


@SLOWER
@given(smiles, st.floats(0.05, 3.0))
def test_without_a_forecast_no_package_of_one_or_two_expiries_has_an_edge_and_every_calendar_is_bounded(
    smile: object, half: float
) -> None:
    taken = snapshot(smile=smile, half_spread=half)  # type: ignore[arg-type]  # hypothesis builds callables as object
    found = market_pass(taken, history(None), desk())
    columns, numbers = found.candidates.columns, found.candidates.numbers
    assert len(found.analytics.fitted) < 2 or any("calendar" in str(name) for name in columns["family"])
    assert np.nanmax(np.abs(numbers["gross_edge"]), initial=0.0) <= 1e-6
    known = np.array(["calendar" in str(name) for name in columns["family"]]) & np.isfinite(numbers["executable"])
    assert np.isfinite(numbers["max_loss"][known]).all()
    assert np.all(numbers["max_loss"][known] >= numbers["stressed_loss"][known] - 0.01)


@SLOWER
@given(smiles, st.floats(0.0, 0.5), st.floats(0.0, 0.4))
def test_the_further_the_far_vol_may_fall_the_more_a_calendar_may_lose(
    smile: object, shift: float, more: float
) -> None:
    taken = snapshot(smile=smile)  # type: ignore[arg-type]  # hypothesis builds callables as object
    losses = []
    for step in (shift, shift + more):
        found = market_pass(taken, history(), desk({"candidates": {"calendar_vol_shift": step}})).candidates
        rows = ["calendar" in str(name) for name in found.columns["family"]]
        losses.append([found.numbers[name][rows] for name in ("max_loss", "stressed_loss")])
    assert np.all(np.asarray(losses[1]) >= np.asarray(losses[0]) - 1e-6)


strikes = st.integers(80, 120).map(float)
legs = st.lists(st.tuples(strikes, st.booleans(), st.sampled_from([-1.0, 1.0])), min_size=1, max_size=4)


def as_legs(picked: list[tuple[float, bool, float]]) -> Legs:
    padded = [*picked, *([(picked[0][0], picked[0][1], 0.0)] * (4 - len(picked)))]
    strike, is_call, side = zip(*padded, strict=True)
    return Legs(np.array([strike]), np.array([is_call]), np.array([side]))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(legs, st.floats(0.0, 0.002), st.floats(0.0, 0.5))
def test_bounds_contain_every_settlement_and_are_reached(
    picked: list[tuple[float, bool, float]], tax: float, fee: float
) -> None:
    """Against a slow twin: the payoff at thousands of settlements inside the taxed range."""
    one, cost = as_legs(picked), ExitCost(tax, fee)
    shape = profile(one, cost, 100.0)
    at = np.linspace(80.005, 119.995, 4000)[None, :]  # beside the strikes, where the fee jumps
    payoff = leg_payoffs(one, at, cost).sum(axis=2)[0]
    assert payoff.min() >= shape.lowest()[0] - 1e-9
    assert payoff.max() <= shape.highest()[0] + 1e-9


@settings(max_examples=100, deadline=None, derandomize=True)
@given(legs, st.floats(-20.0, 20.0), st.floats(0.0, 0.002))
def test_win_probability_equals_the_mass_where_the_payoff_beats_its_cost(
    picked: list[tuple[float, bool, float]], entry: float, tax: float
) -> None:
    """Slow twin: a uniform distribution on a fine grid."""
    one, cost = as_legs(picked), ExitCost(tax, 0.0)
    nodes, cdf = np.array([80.0, 120.0]), np.array([0.0, 1.0])
    found = win_probability(profile(one, cost, 100.0), np.array([entry]), nodes, cdf)[0]
    at = 80.0 + 40.0 * (np.arange(20_000) + 0.5) / 20_000
    wins = leg_payoffs(one, at[None, :], cost).sum(axis=2)[0] > entry
    assert found == pytest.approx(wins.mean(), abs=5e-4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(legs, st.lists(st.floats(-20.0, 20.0), min_size=2, max_size=8), st.floats(0.0, 0.002), st.floats(0.0, 0.5))
def test_a_dearer_entry_never_wins_more_often(
    picked: list[tuple[float, bool, float]], entries: list[float], tax: float, fee: float
) -> None:
    """What a number of lots is judged by (`portfolio.terms.wins_as_one_lot`)."""
    shape = profile(as_legs(picked), ExitCost(tax, fee), 100.0)
    nodes, cdf = np.array([80.0, 95.0, 102.0, 120.0]), np.array([0.0, 0.2, 0.7, 1.0])
    found = win_probability(shape, np.array(sorted(entries)), nodes, cdf)
    assert np.all(np.diff(found) <= 1e-12)
    assert win_probability(shape, np.array([-1e6, 1e6]), nodes, cdf) == pytest.approx([1.0, 0.0])
