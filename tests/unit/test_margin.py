"""The margin estimate: its parts, its days, and what may never happen to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.costs.margin import (
    MarginLegs,
    MarginMarket,
    margin,
    margin_batch,
    margin_days,
    risk_arrays,
    span_volatility,
)
from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import load_rules
from quantsentinel.pricing import black76

RULES = load_rules()
DAY, EXPIRY = date(2025, 8, 29), date(2025, 9, 9)
SCAN = RULES.scan("NIFTY", DAY)
DAYS = margin_days(RULES, DAY, EXPIRY)
MARKET = MarginMarket(24426.85, 24450.0, 0.16, DAYS)
OFFSET = "calendar_offset_on_expiry_day"
CONDOR = ([24000.0, 24200.0, 24700.0, 24900.0], [False, False, True, True], [75.0, -75.0, -75.0, 75.0])


def legs(strikes: list[float], calls: list[bool], units: list[float], days: float | list[float] = 11.0) -> MarginLegs:
    strike, is_call = np.array(strikes), np.array(calls)
    forward, expiry_days = np.full(len(strikes), 24460.0), np.broadcast_to(np.asarray(days, float), strike.shape)
    mark = black76.price(forward, strike, expiry_days / 365.0, 0.12, 1.0, is_call)
    return MarginLegs(strike, is_call, np.array(units), mark, forward, expiry_days)


def test_margin_is_the_sum_of_its_parts_on_the_worst_day() -> None:
    estimate = margin(legs(*CONDOR), MARKET, SCAN)
    parts = max(estimate.span - estimate.net_option_value, 0.0) + estimate.exposure + estimate.expiry_day_elm
    assert estimate.total == pytest.approx(parts)
    assert estimate.total == max(total for _, total in estimate.by_day)
    assert estimate.label == "estimate"


def test_the_expiry_day_adds_two_percent_of_each_short_legs_notional() -> None:
    estimate = margin(legs(*CONDOR), MARKET, SCAN)
    assert estimate.expiry_day_elm == pytest.approx(2 * 75 * 24450.0 * 0.02)
    assert estimate.exposure == pytest.approx(2 * 75 * 24450.0 * 0.02)  # not netted: both short legs
    assert estimate.expiry_day == estimate.total > estimate.now + 0.9 * estimate.expiry_day_elm


def test_margin_is_many_times_the_maximum_loss_of_a_defined_risk_package() -> None:
    spread = margin(legs([24700.0, 24800.0], [True, True], [-75.0, 75.0]), MARKET, SCAN)
    assert spread.now > 4 * 100 * 75


def test_a_deep_out_of_the_money_short_pays_the_higher_exposure_rate() -> None:
    near, deep = (margin(legs([strike], [True], [-75.0]), MARKET, SCAN).exposure for strike in (26800.0, 27000.0))
    assert (near, deep) == (pytest.approx(75 * 24450.0 * 0.02), pytest.approx(75 * 24450.0 * 0.03))


def test_a_bought_option_needs_its_premium_and_no_margin() -> None:
    bought = legs([24500.0], [True], [75.0])
    estimate = margin(bought, MARKET, SCAN)
    assert (estimate.total, estimate.exposure) == (0.0, 0.0)
    assert estimate.premium_outlay == pytest.approx(75 * bought.mark[0])


def test_a_batch_gives_each_package_the_margin_it_has_alone() -> None:
    packages = [CONDOR, ([24300.0, 24400.0, 24600.0, 24700.0], CONDOR[1], [75.0, -75.0, -75.0, 75.0])]
    alone = [legs(*package) for package in packages]
    fields = ("strike", "is_call", "signed_units", "mark", "forward", "expiry_days")
    batch = MarginLegs(*(np.stack([getattr(one, name) for one in alone]) for name in fields))
    grid = margin_batch(batch, MARKET, SCAN)
    for index, one in enumerate(alone):
        single = margin(one, MARKET, SCAN)
        assert (grid.total[index], grid.now[index]) == (single.total, single.now)
        assert [total for _, total in single.by_day] == grid.by_day[:, index].tolist()


@given(st.sampled_from([24000.0, 24300.0, 24500.0, 25000.0]), st.booleans(), st.integers(1, 20))
def test_a_naked_short_needs_more_than_its_scan_loss_and_grows_with_size(strike, is_call, lots) -> None:
    one = margin(legs([strike], [is_call], [-75.0]), MARKET, SCAN)
    many = margin(legs([strike], [is_call], [-75.0 * lots]), MARKET, SCAN)
    assert many.total == pytest.approx(lots * one.total)
    assert one.now > 0.06 * 75 * 24450.0


@given(st.lists(st.sampled_from(np.arange(23500.0, 25500.0, 50.0).tolist()), min_size=2, max_size=2, unique=True))
def test_buying_a_wing_never_raises_the_margin_of_a_short(strikes) -> None:
    short, wing = strikes
    naked = margin(legs([short], [True], [-75.0]), MARKET, SCAN)
    hedged = margin(legs([short, wing], [True, True], [-75.0, 75.0]), MARKET, SCAN)
    assert hedged.now <= naked.now + 1e-6


def test_scenarios_are_black_76_revaluations_at_one_volatility() -> None:
    """The slow twin: every scenario of one contract by hand."""
    one = legs([24700.0], [True], [1.0])
    move = 0.093 * 24426.85
    base = black76.price(24460.0, 24700.0, 12 / 365, 0.16, 1.0, True)
    expected = []
    for steps in (0, 1, -1, 2, -2, 3, -3):
        for vol in (0.20, 0.12):
            expected.append(base - black76.price(24460.0 + steps * move / 3, 24700.0, 10 / 365, vol, 1.0, True))
    for steps in (6, -6):
        expected.append(0.35 * (base - black76.price(24460.0 + steps * move / 3, 24700.0, 10 / 365, 0.16, 1.0, True)))
    ours = risk_arrays(one, MARKET, SCAN, one.expiry_days)[:, 0]
    assert ours == pytest.approx(np.minimum(np.array(expected), one.mark[0]))


def test_a_calendar_loses_its_offset_on_the_near_legs_expiry_day() -> None:
    days = (DAY, EXPIRY)
    calendar = legs([24500.0, 24500.0], [True, True], [-75.0, 75.0], [11.0, 32.0])
    market = replace(MARKET, days=days)
    now, on_expiry = (total for _, total in margin(calendar, market, SCAN).by_day)
    before_2025 = RULES.scan("NIFTY", date(2025, 2, 7))  # the offset still held
    _, kept = (total for _, total in margin(calendar, market, before_2025).by_day)
    assert on_expiry > kept > 0
    assert on_expiry > now


def test_the_calendar_spread_charge_is_added_for_opposite_deltas_in_two_expiries() -> None:
    calendar = legs([24500.0, 24500.0], [True, True], [-75.0, 75.0], [11.0, 32.0])
    free = replace(SCAN, calendar_spread=replace(SCAN.calendar_spread, value=0.0))
    market = replace(MARKET, days=(DAY,))
    charge = margin(calendar, market, SCAN).now - margin(calendar, market, free).now
    assert 0.3 * 75 < charge / (0.0175 * 24460.0) < 0.75 * 75  # about half a unit of delta a contract


@pytest.mark.parametrize(
    ("field", "value"), [("mark", np.nan), ("mark", -1.0), ("forward", 0.0), ("expiry_days", -1.0)]
)
def test_a_leg_without_a_usable_number_has_no_margin(field: str, value: float) -> None:
    with pytest.raises(BadInput):
        margin(replace(legs([24500.0], [True], [-75.0]), **{field: np.array([value])}), MARKET, SCAN)


@pytest.mark.parametrize("change", [{"previous_close": 0.0}, {"previous_vol_annual": np.nan}, {"days": ()}])
def test_an_unknown_market_has_no_margin(change: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        margin(legs([24500.0], [True], [-75.0]), replace(MARKET, **change), SCAN)


def test_margin_days_are_the_valuation_day_and_the_sessions_to_the_exit() -> None:
    assert [day.day for day in DAYS] == [29, 1, 2, 3, 4, 5, 8, 9]
    assert margin_days(RULES, EXPIRY, EXPIRY) == (EXPIRY,)


def test_span_volatility_of_a_constant_move_is_that_move() -> None:
    closes = 24000.0 * np.exp(0.01 * (np.arange(60) % 2))
    assert span_volatility(closes.tolist(), SCAN) == pytest.approx(0.01 * np.sqrt(365))
    with pytest.raises(BadInput, match="22 daily closes"):
        span_volatility(closes[:22].tolist(), SCAN)


@pytest.mark.parametrize(
    ("underlying", "on", "name", "value", "row"),
    [
        ("NIFTY", date(2024, 11, 19), "expiry_day", 0.0, "margin.expiry_day.2023-04-01"),
        ("NIFTY", date(2024, 11, 20), "expiry_day", 0.02, "margin.expiry_day.2024-11-20"),
        ("NIFTY", date(2025, 2, 7), OFFSET, 1.0, f"margin.{OFFSET}.2023-04-01"),
        ("NIFTY", date(2025, 2, 10), OFFSET, 0.0, f"margin.{OFFSET}.2025-02-10"),
        ("NIFTY", date(2026, 11, 20), "price_scan_floor", 0.093, "price_scan.nifty.2023-04-01"),
        ("BANKNIFTY", date(2026, 2, 26), "price_scan_floor", 0.113, "price_scan.banknifty.2023-04-01"),
        ("BANKNIFTY", date(2026, 2, 27), "price_scan_floor", 0.093, "price_scan.banknifty.2026-02-27"),
        ("FINNIFTY", date(2023, 5, 31), "price_scan_floor", 0.113, "price_scan.finnifty.2023-05-31"),
        ("FINNIFTY", date(2025, 12, 30), "price_scan_floor", 0.113, "price_scan.finnifty.2023-05-31"),
        ("FINNIFTY", date(2025, 12, 31), "price_scan_floor", 0.093, "price_scan.finnifty.2025-12-31"),
        ("NIFTY", date(2025, 8, 29), "exposure", 0.02, "margin.exposure.2023-04-01"),
        ("NIFTY", date(2025, 8, 29), "exposure_deep_otm", 0.03, "margin.exposure_deep_otm.2023-04-01"),
        ("NIFTY", date(2025, 8, 29), "exposure_long_dated", 0.05, "margin.exposure_long_dated.2023-04-01"),
    ],
)  # fmt: skip
def test_margin_rows_change_on_their_days(underlying: str, on: date, name: str, value: float, row: str) -> None:
    ruled = getattr(RULES.scan(underlying, on), name)
    assert (ruled.value, ruled.row.id) == (value, row)
