"""The variance clock: additive, monotone, the same for implied and forecast; its share is the one in the bars."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.errors import BadInput
from quantsentinel.volatility.clock import (
    OVERNIGHT_SHARE,
    SESSIONS_PER_YEAR,
    VarianceClock,
    fit_overnight_share,
)
from quantsentinel.volatility.forecast import forecast
from quantsentinel.volatility.parameters import GapWeights, served
from tests.price_paths import constant_bars

MONDAY = datetime(2025, 8, 25, tzinfo=UTC)
OPEN, CLOSE = timedelta(hours=3, minutes=45), timedelta(hours=10)  # 09:15 and 15:30 in India


def _weekdays(n_weeks: int) -> list[tuple[datetime, datetime]]:
    days = [MONDAY + timedelta(days=7 * week + day) for week in range(n_weeks) for day in range(5)]
    return [(day + OPEN, day + CLOSE) for day in days]


CLOCK = VarianceClock(_weekdays(3))
FIRST, LAST = MONDAY + OPEN, MONDAY + timedelta(days=18) + CLOSE
MINUTES = int((LAST - FIRST).total_seconds() // 60)
minutes = st.integers(0, MINUTES).map(lambda n: FIRST + timedelta(minutes=n))


@given(minutes, minutes, minutes)
def test_units_add_up(a: datetime, b: datetime, c: datetime) -> None:
    assert CLOCK.units(a, b) + CLOCK.units(b, c) == pytest.approx(CLOCK.units(a, c), abs=1e-12)


@given(minutes, minutes)
def test_later_is_more_and_the_years_are_units_over_252(a: datetime, b: datetime) -> None:
    early, late = min(a, b), max(a, b)
    assert (CLOCK.units(early, late) > 0) == (early < late)
    assert CLOCK.variance_years(early, late) * SESSIONS_PER_YEAR == pytest.approx(CLOCK.units(early, late))


def _minute_weights() -> np.ndarray:
    """The slow twin: the clock units of each minute from the first open to the last close, one by one."""
    weights = np.empty(MINUTES)
    sessions = _weekdays(3)
    for number, (open_, close) in enumerate(sessions):
        start = int((open_ - FIRST).total_seconds() // 60)
        weights[start : start + 375] = (1 - OVERNIGHT_SHARE) / 375
        if number + 1 < len(sessions):
            gap = int((sessions[number + 1][0] - close).total_seconds() // 60)
            multiple = GAPS.closed if gap > 24 * 60 else GAPS.night
            weights[start + 375 : start + 375 + gap] = OVERNIGHT_SHARE * multiple / gap
    return weights


GAPS = served().gaps
TWIN = _minute_weights()
BEFORE = [
    date(2025, 1, 1) + timedelta(days=n) for n in range(240) if (date(2025, 1, 1) + timedelta(days=n)).weekday() < 5
]


@given(st.integers(0, MINUTES - 1), st.floats(0.05, 0.6))
def test_constant_variance_gives_forecast_over_implied_one_at_any_minute_of_any_week(minute: int, vol: float) -> None:
    """Implied: total variance added up minute by minute. Forecast: from bars of that variance, and the month."""
    now = FIRST + timedelta(minutes=minute)
    unit = vol**2 / SESSIONS_PER_YEAR
    implied = np.sqrt(unit * TWIN[minute:].sum() / CLOCK.variance_years(now, LAST))
    bars = constant_bars(BEFORE, vol, CLOCK)
    for month in (None, unit):
        found = forecast(bars, None, CLOCK, (now, LAST), month)
        assert found.annual_vol / implied == pytest.approx(1.0, abs=1e-9)
        assert found.total_variance == pytest.approx(unit * TWIN[minute:].sum(), rel=1e-6)


def test_sessions_that_grow_longer_gain_their_minutes_and_the_ratio_stays_one() -> None:
    """15:30 to 15:40 to 15:45, a Muhurat hour on a Sunday evening and a holiday: `definitions.md` §3 at every join."""
    lengths = [375] * 5 + [385] * 5 + [390] * 5
    windows = [(o, o + timedelta(minutes=n)) for (o, _), n in zip(_weekdays(3), lengths, strict=True)]
    muhurat = MONDAY + timedelta(days=6, hours=12, minutes=30)
    windows = sorted([*windows[:7], *windows[8:], (muhurat, muhurat + timedelta(hours=1))])
    clock = VarianceClock(windows)
    bars = constant_bars(BEFORE, 0.14, clock)
    inside = sum((end - start) / timedelta(minutes=375) for start, end in windows)
    gaps = [GAPS.gap(a[1].date(), b[0].date()) for a, b in pairwise(windows)]
    whole = (1 - OVERNIGHT_SHARE) * inside + OVERNIGHT_SHARE * sum(gaps)
    assert clock.units(windows[0][0], windows[-1][1]) == pytest.approx(whole)
    for now, end in pairwise([opens + timedelta(minutes=7) for opens, _ in windows]):
        assert forecast(bars, None, clock, (now, end)).annual_vol == pytest.approx(0.14, rel=1e-9)


def test_an_average_gap_with_a_full_session_is_one_unit_and_closed_days_weigh_more_than_a_night() -> None:
    sessions = _weekdays(2)
    inside = 1 - OVERNIGHT_SHARE
    for before, after in pairwise(sessions):
        multiple = GAPS.closed if (after[0] - before[1]) > timedelta(days=1) else GAPS.night
        assert CLOCK.units(before[1], after[0]) == pytest.approx(OVERNIGHT_SHARE * multiple)
        assert CLOCK.units(after[0], after[1]) == pytest.approx(inside)
    assert GAPS.night < 1 < GAPS.closed
    plain = VarianceClock(sessions, weights=GapWeights())
    assert plain.units(sessions[4][1], sessions[5][1]) == pytest.approx(1.0)


def test_a_gap_is_gained_evenly_and_a_session_by_the_minute() -> None:
    (_, close), (next_open, next_close) = _weekdays(1)[:2]
    quarter = OVERNIGHT_SHARE * GAPS.night / 4
    assert CLOCK.units(close, close + (next_open - close) / 4) == pytest.approx(quarter)
    assert CLOCK.units(next_open, next_open + (next_close - next_open) / 3) == pytest.approx((1 - OVERNIGHT_SHARE) / 3)


def test_a_one_hour_session_gains_its_minutes_share_and_a_break_inside_a_day_nothing() -> None:
    day, evening = MONDAY + OPEN, MONDAY + timedelta(days=1, hours=12)
    hours = [(evening + timedelta(hours=n), evening + timedelta(hours=n + 1)) for n in (0, 2)]
    clock = VarianceClock([(day, MONDAY + CLOSE), *hours])
    hour = (1 - OVERNIGHT_SHARE) * 60 / 375
    assert clock.units(evening, evening + timedelta(hours=1)) == pytest.approx(hour)
    assert clock.units(evening + timedelta(hours=1), evening + timedelta(hours=2)) == 0.0
    whole = OVERNIGHT_SHARE * GAPS.night + 2 * hour
    assert clock.units(MONDAY + CLOSE, evening + timedelta(hours=3)) == pytest.approx(whole)


def test_a_session_with_the_budget_holds_its_multiple() -> None:
    budget = date(2026, 2, 1)
    assert budget in GAPS.budget_days
    assert GAPS.session(budget) > 2
    days = [date(2026, 1, 30), budget, date(2026, 2, 2)]
    share = OVERNIGHT_SHARE * np.array([GAPS.closed, GAPS.night])
    expected = share + (1 - OVERNIGHT_SHARE) * np.array([GAPS.budget, 1.0])
    assert CLOCK.close_to_close_units(days) == pytest.approx(expected)


def test_times_outside_the_sessions_are_refused() -> None:
    for outside in (FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1)):
        with pytest.raises(BadInput, match="outside"):
            CLOCK.units(FIRST, outside)


@pytest.mark.parametrize(
    ("sessions", "share"),
    [
        ([], 0.332),
        (_weekdays(1)[::-1], 0.332),
        ([(FIRST, FIRST)], 0.332),
        ([(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None))], 0.332),
        (_weekdays(1), 1.0),
        (_weekdays(1), -0.1),
    ],
)
def test_malformed_clocks_are_refused(sessions: list[tuple[datetime, datetime]], share: float) -> None:
    with pytest.raises(BadInput):
        VarianceClock(sessions, overnight_share=share)


def test_the_fit_finds_the_share_that_a_path_was_made_with() -> None:
    random = np.random.default_rng(4)
    n = 200_000
    gap, inside = random.normal(0, np.sqrt(0.3), n), random.normal(0, np.sqrt(0.7), n)
    log_open = np.cumsum(gap + np.append(0.0, inside[:-1])) * 1e-3
    opens, closes = np.exp(log_open), np.exp(log_open + inside * 1e-3)
    assert fit_overnight_share(opens, closes, (inside * 1e-3) ** 2) == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize(
    "arrays", [([1.0], [1.0], [0.0]), ([1.0, 2.0], [1.0], [0.1, 0.1]), ([1.0, -1.0], [1, 1], [1, 1])]
)
def test_too_few_or_impossible_sessions_give_no_share(arrays: tuple[list[float], ...]) -> None:
    with pytest.raises(BadInput):
        fit_overnight_share(*arrays)


@pytest.mark.marketdata
def test_the_declared_share_is_that_of_the_full_nifty_sessions_of_2024(marketdata: Path) -> None:
    """Sessions of exactly 375 minutes. `definitions.md` §3 gives 0.332; its sampling error is far above 0.01."""
    bars = pl.read_csv(marketdata / "bars/index_1min_2024/NIFTY_data__NIFTY_2024.csv.gz")
    full = [day for _, day in bars.group_by("Date", maintain_order=True) if len(day) == 375]
    opens = [day["Open"][0] for day in full]
    closes = [day["Close"][-1] for day in full]
    realised = [np.sum(np.diff(np.log(np.append(day["Open"][0], day["Close"].to_numpy()[4::5]))) ** 2) for day in full]
    assert len(full) - 1 == 152
    assert fit_overnight_share(opens, closes, realised) == pytest.approx(OVERNIGHT_SHARE, abs=0.01)
