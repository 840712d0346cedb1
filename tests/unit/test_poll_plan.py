"""The poll plan stays inside 80 % of every limit, or is refused with the arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.adapters.brokers.poll_plan import SHARE, WINDOWS, PollPlan, RateBudget
from quantsentinel.errors import BadInput, RateLimited

START = datetime(2025, 8, 29, 3, 45, tzinfo=UTC)


def worst_window(plan: PollPlan, seconds: float, ticks: int) -> int:
    """The slow obvious count: play the plan and slide the window over every tick."""
    calls = [
        sum(
            len(plan.due(tick, [date.fromordinal(738_000 + day) for day in range(count)]))
            for count in plan.expiries.values()
        )
        for tick in range(ticks)
    ]
    span = max(1, int(-(-seconds // plan.interval_s)))
    return max(sum(calls[start : start + span]) for start in range(max(1, ticks - span + 1)))


def test_near_expiries_come_every_tick_and_each_far_one_every_third() -> None:
    plan = PollPlan(10.0, 2, 3, {"NIFTY": 6})
    days = [date(2025, 9, day) for day in (2, 9, 16, 23, 30)]
    assert [plan.due(tick, days) for tick in range(3)] == [
        (days[0], days[1], days[2]),
        (days[0], days[1], days[3]),
        (days[0], days[1], days[4]),
    ]


def test_all_expiries_of_two_indices_every_few_seconds_are_refused_with_the_arithmetic() -> None:
    with pytest.raises(BadInput, match="480 calls in 60 s, allowed 80% of 500 = 400"):
        PollPlan(3.0, 24, 1, {"NIFTY": 18, "BANKNIFTY": 6})


@pytest.mark.parametrize(("interval_s", "near", "far_every"), [(0.0, 2, 3), (-1.0, 2, 3), (10.0, 0, 3), (10.0, 2, 0)])
def test_a_plan_of_nonsense_is_refused(interval_s: float, near: int, far_every: int) -> None:
    with pytest.raises(BadInput, match="poll plan"):
        PollPlan(interval_s, near, far_every, {"NIFTY": 18})


@given(
    interval_s=st.sampled_from([3.0, 5.0, 7.0, 10.0, 15.0, 60.0]),
    near=st.integers(1, 4),
    far_every=st.integers(1, 40),
    count=st.integers(1, 18),
)
def test_no_window_of_a_played_plan_holds_more_calls_than_it_counted(
    interval_s: float, near: int, far_every: int, count: int
) -> None:
    try:
        plan = PollPlan(interval_s, near, far_every, {"NIFTY": count, "BANKNIFTY": min(count, 6)})
    except BadInput:
        return
    for seconds, limit in WINDOWS:
        counted = plan.calls_within(seconds)
        assert worst_window(plan, seconds, int(1800 / interval_s) + 2 * far_every) <= counted <= SHARE * limit


@pytest.mark.parametrize("interval_s", [5.0, 10.0, 15.0, 30.0, 60.0])
@pytest.mark.parametrize("names", [("NIFTY",), ("NIFTY", "BANKNIFTY"), ("NIFTY", "BANKNIFTY", "FINNIFTY", "SENSEX")])
def test_the_standard_plan_fits_and_polls_slices_within_a_minute_where_it_can(
    names: tuple[str, ...], interval_s: float
) -> None:
    plan = PollPlan.standard(names, interval_s)
    assert all(plan.calls_within(seconds) <= SHARE * limit for seconds, limit in WINDOWS)
    if names == ("NIFTY", "BANKNIFTY") and interval_s >= 10:
        assert plan.far_every * interval_s <= 60


def test_four_indices_every_three_seconds_fit_no_plan() -> None:
    with pytest.raises(BadInput, match="Poll less often than every 3 s"):
        PollPlan.standard(("NIFTY", "BANKNIFTY", "FINNIFTY", "SENSEX"), 3.0)


def test_the_budget_counts_every_window_and_says_how_long_to_wait() -> None:
    budget = RateBudget()
    budget.take(40, START)
    with pytest.raises(RateLimited) as error:
        budget.take(1, START)
    assert error.value.retry_after_s == 1.0
    assert budget.wait_s(1, START + timedelta(milliseconds=400)) == pytest.approx(0.6)
    assert budget.wait_s(40, START + timedelta(seconds=1)) == 0.0


def test_the_budget_slides_over_a_minute_and_over_half_an_hour() -> None:
    budget = RateBudget()
    for second in range(10):
        budget.take(40, START + timedelta(seconds=2 * second))
    assert budget.wait_s(1, START + timedelta(seconds=20)) == 40.0
    assert budget.wait_s(1, START + timedelta(seconds=60)) == 0.0
    for minute in range(1, 4):
        for second in range(10):
            budget.take(40, START + timedelta(minutes=minute, seconds=2 * second))
    assert budget.wait_s(1, START + timedelta(minutes=10)) == 1200.0
    assert budget.wait_s(1, START + timedelta(minutes=30)) == 0.0


def test_a_refused_take_books_nothing() -> None:
    budget = RateBudget(((60.0, 10),), share=1.0)
    budget.take(8, START)
    with pytest.raises(RateLimited):
        budget.take(3, START)
    budget.take(2, START)


def test_more_calls_than_a_window_ever_holds_are_bad_input() -> None:
    with pytest.raises(BadInput, match="the budget of 1 s is 40"):
        RateBudget().take(41, START)
