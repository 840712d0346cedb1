"""The market pass end to end on a market whose vol is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Family, Instrument
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.opportunity.reprice import reprice_at_lots
from quantsentinel.pipeline import market_pass
from tests.market_day import EXPIRIES, NOON, desk, flat, history, rules, skewed, snapshot

DEAR, CHEAP = 0.16, 0.09
"""Implied vols against a forecast of 12 %."""


def view_of(vol: float = DEAR, taken: Snapshot | None = None, overlay: dict[str, Any] | None = None) -> MarketView:
    taken = taken or snapshot(smile=skewed(vol))
    session = taken.received_at.astimezone(IST).date()
    return market_pass(taken, history(session=session), desk(overlay))


def reason_of(view: MarketView, family: Family) -> set[str]:
    columns = view.candidates.columns
    pairs = zip(columns["family"], columns["reason"], strict=True)
    return {str(reason) for name, reason in pairs if name == family.value}


def test_dear_options_offer_bounded_premium_collecting_packages_only() -> None:
    view = view_of(DEAR)
    eligible = [offer for offer in view.opportunities if offer.is_eligible]
    assert eligible
    assert view.entries_refused == ""
    for offer in eligible:
        assert offer.executable < 0
        assert offer.max_loss is not None
        assert offer.economics.net_ev > 0


def test_cheap_options_offer_paid_packages_and_the_article_profile_asks_them_to_win_often() -> None:
    """Of weeklies alone: no month says whether the whole market is calm, so history alone forecasts."""
    weeklies = snapshot(smile=skewed(CHEAP), expiries=EXPIRIES[:2])
    article = [offer for offer in view_of(CHEAP, weeklies).opportunities if offer.is_eligible]
    balanced = view_of(CHEAP, weeklies, {"hard_rules": {"profile": "balanced"}}).opportunities
    assert {offer.family for offer in article} == {Family.LONG_STRADDLE, Family.LONG_STRANGLE}
    assert all(offer.executable > 0 and offer.economics.win_probability >= 0.45 for offer in article)
    assert any(offer.is_eligible and offer.economics.win_probability < 0.45 for offer in balanced)


def test_a_whole_month_priced_below_history_is_a_calmer_market_and_not_a_bargain() -> None:
    """Measured 2014-2026: where the implied month lies below history, what follows goes with the month."""
    found = view_of(CHEAP)
    assert not any(offer.is_eligible for offer in found.opportunities)
    assert float(found.features["forecast_vol_near"] or 0) < 0.5 * (CHEAP + 0.12)


def test_fairly_priced_options_offer_nothing() -> None:
    assert not any(offer.is_eligible for offer in view_of(0.12).opportunities)


def test_naked_short_structures_are_scored_and_refused_as_unbounded() -> None:
    view = view_of(DEAR)
    for family in (Family.SHORT_STRADDLE, Family.SHORT_STRANGLE):
        assert reason_of(view, family) == {"unbounded_loss"}
        assert family not in {offer.family for offer in view.opportunities}
    columns = view.candidates.columns
    scored = [s for s, f in zip(columns["score"], columns["family"], strict=True) if f == Family.SHORT_STRADDLE.value]
    assert scored
    assert None not in scored


def test_every_candidate_has_a_reason_and_the_grid_stays_below_its_limit() -> None:
    view = view_of(DEAR)
    assert sum(view.candidates.reasons.values()) == len(view.candidates) <= 4000
    assert {len(column) for column in view.candidates.columns.values()} == {len(view.candidates)}
    assert view.candidates.reasons["offered"] == sum(offer.is_eligible for offer in view.opportunities)
    assert len(view_of(DEAR, overlay={"candidates": {"max_candidates": 300}}).candidates) == 300


def test_offers_are_one_a_key_best_first_and_eligible_first() -> None:
    offers = view_of(DEAR).opportunities
    keys = [(offer.package.expiry, offer.family) for offer in offers]
    assert len(set(keys)) == len(keys) <= 6
    assert [(not o.is_eligible, -o.score) for o in offers] == sorted((not o.is_eligible, -o.score) for o in offers)


def test_the_same_inputs_give_the_same_bytes_with_or_without_the_firewalls_mask() -> None:
    taken = snapshot(smile=skewed(DEAR))
    first, again = market_pass(taken, history(), desk()), market_pass(taken, history(), desk())
    masked = market_pass(taken, history(), desk(), quote_mask(taken, rules()))
    assert first.digest == again.digest == masked.digest
    assert first.digest != market_pass(taken, history(0.13), desk()).digest


def test_without_history_nothing_may_be_entered_and_the_reason_is_on_every_offer() -> None:
    view = market_pass(snapshot(smile=skewed(DEAR)), history(None), desk())
    assert view.entries_refused == "no_forecast_history"
    assert view.opportunities
    assert not any(offer.is_eligible for offer in view.opportunities)
    assert {offer.verdicts[0].measured for offer in view.opportunities} == {"no_forecast_history"}
    assert next(v for v in view.views if v.name == "volatility_ensemble").reason == "no_forecast_history"


def test_twenty_one_sessions_of_history_are_not_enough() -> None:
    taken = snapshot(smile=skewed(DEAR))
    assert market_pass(taken, history(sessions=21), desk()).entries_refused == "no_forecast_history"
    assert market_pass(taken, history(sessions=22), desk()).entries_refused == ""


def test_daily_bars_that_end_before_the_last_full_session_allow_no_entry() -> None:
    taken, whole = snapshot(smile=skewed(DEAR)), history()
    assert market_pass(taken, whole, desk()).entries_refused == ""
    behind = replace(whole, daily=whole.daily[:-1])
    assert market_pass(taken, behind, desk()).entries_refused == "stale_history"


def test_a_daily_file_without_the_muhurat_session_is_not_behind() -> None:
    at = datetime(2025, 10, 23, 12, 0, tzinfo=IST)
    taken = snapshot(at, skewed(DEAR), expiries=(date(2025, 10, 28), date(2025, 11, 4)))
    whole = history(session=at.date())
    assert whole.daily[-1].day == date(2025, 10, 21)
    assert market_pass(taken, replace(whole, daily=whole.daily[:-1]), desk()).entries_refused == ""
    assert market_pass(taken, replace(whole, daily=whole.daily[:-2]), desk()).entries_refused == "stale_history"


def test_what_collects_premium_on_its_expiry_day_is_ranked_behind_what_every_tenant_may_enter() -> None:
    at = datetime(2025, 9, 2, 10, 0, tzinfo=IST)
    taken = snapshot(at, skewed(DEAR), half_spread=0.05, expiries=EXPIRIES[:2])
    view = market_pass(taken, history(session=at.date()), desk())
    eligible = [offer for offer in view.opportunities if offer.is_eligible]
    on_request = [offer.package.expiry == at.date() and offer.executable < 0 for offer in eligible]
    assert any(on_request)
    assert not all(on_request)
    assert on_request == sorted(on_request)


def test_the_last_minutes_of_a_session_allow_no_entry() -> None:
    late = view_of(taken=snapshot(datetime(2025, 8, 29, 15, 21, tzinfo=IST), skewed(DEAR)))
    assert late.entries_refused == "session_ending"
    earlier = view_of(taken=snapshot(datetime(2025, 8, 29, 15, 10, tzinfo=IST), skewed(DEAR)))
    assert earlier.entries_refused == ""
    assert earlier.opportunities[0].valid_until == datetime(2025, 8, 29, 15, 20, tzinfo=IST)


def test_last_prices_alone_serve_analytics_only() -> None:
    view = view_of(taken=replace(snapshot(smile=skewed(DEAR)), capability="ltp_only"))
    assert view.entries_refused == "ltp_only"
    assert not any(offer.is_eligible for offer in view.opportunities)


def test_sensex_gives_vols_and_a_forecast_but_no_offer_until_its_lot_is_confirmed() -> None:
    taken = replace(snapshot(smile=skewed(DEAR), expiries=(date(2025, 9, 4), date(2025, 9, 11))), underlying="SENSEX")
    view = market_pass(taken, replace(history(), underlying="SENSEX"), desk())
    assert view.entries_refused == "analytics_only"
    assert all(part.atm_vol == pytest.approx(DEAR, abs=1e-3) for part in view.analytics.slices)
    assert view.analytics.forecast is not None
    assert not any(offer.is_eligible for offer in view.opportunities)


def test_a_leg_without_a_two_sided_quote_refuses_its_packages() -> None:
    taken = snapshot(smile=skewed(DEAR))
    best = view_of(DEAR).opportunities[0]
    leg = best.package.legs[0].instrument
    bid = taken.columns["bid"].copy()
    bid[taken.row(leg)] = 0.0
    view = view_of(taken=replace(taken, columns={**taken.columns, "bid": bid}))
    assert all(leg not in [item.instrument for item in o.package.legs] for o in view.opportunities)
    assert view.candidates.reasons["no_two_sided_quote"] > 0


@pytest.fixture(scope="module")
def offers() -> tuple[Opportunity, ...]:
    return tuple(offer for offer in view_of(DEAR).opportunities if offer.is_eligible)


def test_repricing_one_lot_gives_the_economics_back_to_the_paisa(offers: tuple[Opportunity, ...]) -> None:
    for offer in offers:
        again = reprice_at_lots(offer, 1, desk())
        one = offer.economics
        assert (again.gross_edge, again.frictions, again.net_ev) == (one.gross_edge, one.frictions, one.net_ev)
        assert again.cost_ratio == one.cost_ratio
        assert abs(again.stressed_loss - one.stressed_loss) <= Decimal("0.02")


def test_more_lots_share_an_orders_fee_until_the_displayed_size_is_used_up(
    offers: tuple[Opportunity, ...],
) -> None:
    ratios = [reprice_at_lots(offers[0], lots, desk()).cost_ratio or 9.0 for lots in (1, 10, 20, 400)]
    assert ratios[0] > ratios[1] > ratios[2] < ratios[3]


def test_the_zone_ends_at_the_last_tick_at_which_every_rule_holds(
    offers: tuple[Opportunity, ...],
) -> None:
    limits = desk().policy.hard_rules

    def holds(offer: Opportunity, price: float) -> bool:
        at = reprice_at_lots(offer, 1, desk(), price=price)
        share = at.net_ev >= Decimal(str(limits.min_net_ev_of_stressed_loss)) * at.stressed_loss
        return at.net_ev > 0 and at.cost_ratio is not None and at.cost_ratio <= limits.max_cost_ratio and share

    for offer in offers:
        best, worst = offer.entry_zone
        assert best <= offer.executable <= worst
        assert holds(offer, worst)
        if offer.economics.win_probability > 0.47:
            assert not holds(offer, worst + 2 * offer.tick)


def test_levels_and_bounds_stand_on_the_worst_price_of_the_zone(offers: tuple[Opportunity, ...]) -> None:
    for offer in offers:
        worst = offer.entry_zone[1]
        assert offer.stop < worst < offer.target
        assert offer.max_loss is not None
        assert offer.max_profit is not None
        flat = sum((line.amount for line in offer.economics.cost_lines), Decimal(0)) + offer.economics.depth_impact
        # At the centre of a butterfly one sold leg always ends in the money: its settlement costs Rs 20 and GST.
        fee = 23.6 if offer.family is Family.IRON_BUTTERFLY else 0.0
        assert float(offer.max_profit) == pytest.approx(-worst * offer.lot - float(flat) - fee, abs=0.05)
        for level in np.arange(20_000.0, 29_000.0, 37.0):
            paid = sum(leg.signed * intrinsic(leg.instrument, level) for leg in offer.package.legs)
            assert (paid - worst) * offer.lot - float(flat) >= -float(offer.max_loss) - 0.01


def intrinsic(option: Instrument, level: float) -> float:
    return max(level - option.strike if option.is_call else option.strike - level, 0.0)


def test_receipts_name_every_hard_rule_and_the_rows_they_stand_on(offers: tuple[Opportunity, ...]) -> None:
    names = [verdict.guard for verdict in offers[0].verdicts]
    assert names[1:] == [
        "bounded_loss",
        "net_ev",
        "cost_ratio",
        "win_probability",
        "net_ev_of_stressed_loss",
        "net_ev_of_premium",
    ]
    assert all(row for row in offers[0].rule_rows)
    assert offers[0].time_stop < rules().settlement("NIFTY", offers[0].package.expiry).window_start


def test_a_market_without_a_surface_still_gives_a_view() -> None:
    taken = snapshot(smile=flat(0.12))
    empty = {name: np.zeros(len(taken)) for name in ("bid", "ask")}
    view = view_of(taken=replace(taken, columns={**taken.columns, **empty}))
    assert view.entries_refused == "no_surface"
    assert not view.opportunities
    assert len(view.candidates) == 0
    assert view.observed_at < NOON
    assert view.digest.startswith("sha256:")
