"""The forecast: by hand from its rows, the session so far, the implied month, abstention, no look-ahead."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.volatility.clock import OVERNIGHT_SHARE, VarianceClock
from quantsentinel.volatility.forecast import (
    MIN_SESSIONS,
    Today,
    blend,
    diurnal_share,
    ewma_variance,
    forecast,
    session_so_far,
    unit_averages,
)
from quantsentinel.volatility.parameters import parse_parameters, served
from quantsentinel.volatility.realised import RealisedVariance
from tests.price_paths import constant_bars

DAY = datetime(2025, 8, 25, tzinfo=UTC)
SESSIONS = [
    (DAY + timedelta(days=d, hours=3, minutes=45), DAY + timedelta(days=d, hours=10)) for d in (0, 1, 2, 3, 4, 7, 8)
]
CLOCK = VarianceClock(SESSIONS)
NOON = SESSIONS[1][0] + timedelta(minutes=187.5)
END = SESSIONS[5][1]
DAYS = [day for day in (date(2025, 4, 1) + timedelta(days=n) for n in range(146)) if day.weekday() < 5]
VOL = 0.16
UNIT = VOL**2 / 252
BARS = constant_bars(DAYS, VOL, CLOCK)
MORNING = RealisedVariance(4 * UNIT * (1 - OVERNIGHT_SHARE) * diurnal_share(187.5, served()), 187.5, 150)
"""The path to noon of a day four times as variable as the past."""


def test_the_ewma_weighs_squared_returns_by_powers_of_lambda_newest_first() -> None:
    closes = [100.0, 101.0, 99.0, 102.0]
    squares = [np.log(102 / 99) ** 2, np.log(99 / 101) ** 2, np.log(101 / 100) ** 2]
    by_hand = (squares[0] + 0.94 * squares[1] + 0.94**2 * squares[2]) / (1 + 0.94 + 0.94**2)
    assert ewma_variance(closes) == pytest.approx(by_hand, rel=1e-12)


def test_without_todays_path_a_constant_variance_is_forecast_times_the_clock() -> None:
    found = forecast(BARS, None, CLOCK, (NOON, END))
    assert found.is_known
    assert found.sigma_daily == pytest.approx(np.sqrt(UNIT), rel=1e-9)
    assert found.total_variance == pytest.approx(UNIT * CLOCK.units(NOON, END), rel=1e-9)
    assert (found.weights.history, found.weights.today, found.weights.implied) == (1.0, 0.0, 0.0)
    assert found.interval[0] < found.annual_vol < found.interval[1]


def test_the_averages_weigh_by_the_stored_rows() -> None:
    """One wild last session: by hand, from the stored weights of the one-session row."""
    last = BARS[-1]
    wild = [*BARS[:-1], replace(last, high=last.high * 1.02, low=last.low / 1.02)]
    averages = unit_averages(wild, CLOCK, served())
    units = CLOCK.close_to_close_units(DAYS)
    range_ = np.log(wild[-1].high / wild[-1].low) ** 2 / (4 * np.log(2))
    extra = (range_ - UNIT * (1 - OVERNIGHT_SHARE)) / np.array(
        [units[-1], units[-5:].sum(), units[-22:].sum(), units.sum()]
    )
    assert averages == pytest.approx(UNIT + extra, rel=1e-9)
    row = served().forecast[1]
    assert blend(row, averages, Today(), None)[0] == pytest.approx(float(averages @ np.array(row.alone)))


def test_todays_path_takes_its_share_of_the_historys_weight_as_the_session_passes() -> None:
    row = served().forecast[2]
    averages = unit_averages(BARS, CLOCK, served())
    for elapsed in (0.0, 0.4, 1.0):
        variance, weights = blend(row, averages, Today(4 * UNIT, elapsed), None)
        share = row.today_alone * elapsed
        assert variance == pytest.approx((1 - share) * UNIT + share * 4 * UNIT)
        assert weights.today == pytest.approx(share)
    whole = forecast(BARS, MORNING, CLOCK, (NOON, END))
    assert whole.weights.today > 0.1
    assert whole.sigma_daily**2 == pytest.approx(UNIT * (1 + 3 * whole.weights.today), rel=1e-9)


def test_the_implied_month_pulls_by_its_side_and_horizon_and_not_at_all_inside_a_session() -> None:
    rows = served().forecast
    averages = unit_averages(BARS, CLOCK, served())
    for implied, name in ((2 * UNIT, "implied_above"), (0.5 * UNIT, "implied_below")):
        found = [blend(row, averages, Today(), implied) for row in rows]
        leans = [getattr(row, name) for row in rows]
        assert [weights.implied for _, weights in found] == leans
        expected = [UNIT + lean * (implied - UNIT) for lean in leans]
        assert [variance for variance, _ in found] == pytest.approx(expected, rel=1e-9)
    assert rows[0].implied_above == rows[0].implied_below == 0.0
    assert all(row.implied_above < row.implied_below for row in rows[1:])
    assert rows[1].implied_above < rows[2].implied_above < rows[3].implied_above


def test_an_implied_month_equal_to_the_history_moves_nothing_from_either_side() -> None:
    averages = unit_averages(BARS, CLOCK, served())
    for row in served().forecast:
        sides = [blend(row, averages, Today(), UNIT * factor)[0] for factor in (1 - 1e-9, 1.0, 1 + 1e-9)]
        assert sides == pytest.approx([UNIT] * 3, rel=1e-8)


def test_an_implied_month_that_is_no_variance_counts_as_none() -> None:
    plain = forecast(BARS, None, CLOCK, (NOON, END))
    for nothing in (0.0, -1.0, float("nan"), float("inf")):
        assert forecast(BARS, None, CLOCK, (NOON, END), nothing) == plain


def test_a_day_as_volatile_as_the_past_does_not_move_the_forecast() -> None:
    """Whenever it was seen from, by the usual shape of a session: its first hour holds more than its fifth."""
    assert diurnal_share(75.0, served()) > 0.2
    for now, minutes in ((40.0, 40.0), (200.0, 190.0), (375.0, 120.0)):
        share = diurnal_share(now, served()) - diurnal_share(now - minutes, served())
        today = RealisedVariance(UNIT * (1 - OVERNIGHT_SHARE) * share, minutes, 50)
        at = SESSIONS[1][0] + timedelta(minutes=now)
        assert forecast(BARS, today, CLOCK, (at, END)).annual_vol == pytest.approx(VOL, rel=1e-9)


def test_the_shape_of_a_session_is_linear_between_its_quarters_of_an_hour() -> None:
    quarters = np.linspace(0.0, 375.0, 26)
    minutes = np.concatenate([[-5.0, 1.0, 374.9], quarters, np.nextafter(quarters, 0.0), np.nextafter(quarters, 400.0)])
    wanted = np.interp(minutes, quarters, [0.0, *served().diurnal])
    found = [diurnal_share(at, served()) for at in minutes.tolist()]
    assert found == pytest.approx(wanted, abs=1e-15)


def test_a_longer_session_counts_its_last_minutes_evenly_and_a_special_hour_all_of_them() -> None:
    assert diurnal_share(375.0, served()) == 1.0
    assert diurnal_share(390.0, served()) == pytest.approx(1 + 15 / 375)
    hour = (SESSIONS[0][0] + timedelta(hours=9), SESSIONS[0][0] + timedelta(hours=10))
    clock = VarianceClock([SESSIONS[0], hour, *SESSIONS[1:]])
    path = RealisedVariance(UNIT * (1 - OVERNIGHT_SHARE) * 45 / 375, 45.0, 40)
    found = session_so_far(path, clock, hour[0] + timedelta(minutes=45), served())
    assert (found.unit_variance, found.elapsed) == pytest.approx((UNIT, 45 / 375))
    assert session_so_far(path, clock, SESSIONS[0][1] + timedelta(hours=1), served()).elapsed == 0.0
    assert session_so_far(path, clock, hour[1], served()).elapsed > 0.0


def test_the_curve_is_linear_in_log_horizon_between_rows_and_flat_beyond() -> None:
    found = forecast(BARS, MORNING, CLOCK, (NOON, END), 2 * UNIT)
    (_, first), *_, (five, mid), (far, last) = found.curve
    assert found.variance_over(0.01) == pytest.approx(0.01 * first)
    assert found.variance_over(500.0) == pytest.approx(500.0 * last)
    between = np.sqrt(five * far)
    assert found.variance_over(between) == pytest.approx(between * (mid + last) / 2)
    assert found.variance_over(CLOCK.units(NOON, END)) == pytest.approx(found.total_variance)


def test_an_unknown_path_has_no_weight() -> None:
    unknown = RealisedVariance(float("nan"), 12.0, 0, reason="too_few_observations")
    assert forecast(BARS, unknown, CLOCK, (NOON, END)) == forecast(BARS, None, CLOCK, (NOON, END))


@pytest.mark.parametrize(
    ("n", "reason"), [(0, "no_forecast_history"), (MIN_SESSIONS - 1, "no_forecast_history"), (MIN_SESSIONS, None)]
)
def test_it_abstains_below_twenty_two_sessions(n: int, reason: str | None) -> None:
    found = forecast(BARS[-n:] if n else [], None, CLOCK, (NOON, END))
    assert found.reason == reason
    assert np.isnan(found.annual_vol) == (reason is not None)
    assert found.is_known == (reason is None)


def test_prices_that_never_moved_give_no_forecast() -> None:
    still = [replace(bar, open=100.0, high=100.0, low=100.0, close=100.0) for bar in BARS]
    assert forecast(still, None, CLOCK, (NOON, END)).reason == "prices_never_moved"


def test_an_end_before_now_and_bars_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(BadInput, match="before its start"):
        forecast(BARS, None, CLOCK, (END, NOON))
    with pytest.raises(BadInput, match="ascend"):
        forecast([BARS[1], *BARS], None, CLOCK, (NOON, END))
    for closes in ([100.0], [100.0, 0.0], [100.0, float("nan")]):
        with pytest.raises(BadInput):
            ewma_variance(closes)
    with pytest.raises(BadInput):
        ewma_variance([bar.close for bar in BARS], lam=1.0)


def _raw() -> dict[str, Any]:
    return tomllib.loads(resources.files("quantsentinel.volatility").joinpath("parameters.toml").read_text())


def test_stored_weights_that_do_not_sum_to_one_or_miss_a_field_are_refused() -> None:
    raw = _raw()
    assert parse_parameters(raw) == served()
    raw["forecast"]["horizon"][1]["beside"][0] += 0.01
    with pytest.raises(BadInput, match="not to one"):
        parse_parameters(raw)
    raw = _raw()
    del raw["forecast"]["horizon"][0]["alone"]
    with pytest.raises(BadInput, match="alone"):
        parse_parameters(raw)
    raw = _raw()
    raw["forecast"]["horizon"].reverse()
    with pytest.raises(BadInput, match="ascend"):
        parse_parameters(raw)


@pytest.mark.marketdata
def test_on_ten_years_of_nifty_the_ewma_is_neither_far_too_high_nor_too_low(marketdata: Path) -> None:
    """Next-day squared return over forecast on 2,000 days; by QLIKE better than the mean of all the past."""
    closes = pl.read_csv(marketdata / "daily/nifty_2016_2026/data__nifty_daily.csv")["close"].to_numpy()
    squares = np.diff(np.log(closes)) ** 2
    days = range(250, len(closes) - 1)
    ewma = np.array([ewma_variance(closes[max(0, day - 250) : day + 1]) for day in days])
    past = np.array([squares[:day].mean() for day in days])
    after = squares[250:]
    assert len(days) > 2000
    assert np.mean(after / ewma) == pytest.approx(1.0, abs=0.25)
    floor = 1e-8
    qlike = [np.mean(np.maximum(after, floor) / v - np.log(np.maximum(after, floor) / v)) for v in (ewma, past)]
    assert qlike[0] < qlike[1]
