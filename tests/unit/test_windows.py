"""Training windows: what spans a change is refused unless a declared mapping joins its parts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.windows import Break, Rebase, changes, training_window

BEFORE, AFTER = date(2025, 1, 1), date(2026, 3, 31)
MOVE = "monthly_expiry v2"
HALF = Rebase(0.5, 0.4, 0.6, "a year of both definitions side by side")
ALARM = Break("alarm vix_link", date(2025, 6, 2), "previous close restated by 0.83")


def test_a_window_within_one_definition_is_one_segment() -> None:
    window = training_window("india_vix", ["close"], date(2014, 1, 1), date(2025, 8, 29))
    assert [(part.first, part.last, part.factor) for part in window.segments] == [
        (date(2014, 1, 1), date(2025, 8, 29), 1.0)
    ]


def test_a_window_over_the_move_of_expiry_day_is_refused_by_name_and_date() -> None:
    with pytest.raises(BadInput, match=r"spans monthly_expiry v2 on 2025-09-01: .*last Tuesday"):
        training_window("india_vix", ["close"], BEFORE, AFTER)


def test_every_change_inside_is_named_at_once() -> None:
    with pytest.raises(BadInput, match=r"monthly_expiry v2 on 2025-09-01.*session_hours v2 on 2026-08-03"):
        training_window("india_vix", ["close"], BEFORE, date(2026, 11, 20))


def test_a_declared_factor_brings_the_older_part_to_the_newer_definition() -> None:
    window = training_window("india_vix", ["close"], BEFORE, AFTER, rebase={MOVE: HALF})
    assert [(part.last, part.factor, part.low, part.high) for part in window.segments] == [
        (date(2025, 8, 31), 0.5, 0.4, 0.6),
        (AFTER, 1.0, 1.0, 1.0),
    ]
    values = window.rebased([date(2025, 8, 29), date(2025, 9, 1)], np.array([20.0, 11.0]))
    assert values.tolist() == [10.0, 11.0]


def test_factors_of_two_changes_multiply_backwards() -> None:
    joins = {MOVE: HALF, ALARM.name: Rebase(3.0, 2.0, 4.0, "measured")}
    window = training_window("india_vix", ["close"], BEFORE, AFTER, rebase=joins, alarms=[ALARM])
    assert [part.factor for part in window.segments] == [1.5, 0.5, 1.0]
    assert [(part.low, part.high) for part in window.segments] == [(0.8, 2.4), (0.4, 0.6), (1.0, 1.0)]


def test_an_alarm_that_nobody_explained_splits_too() -> None:
    with pytest.raises(BadInput, match=r"spans alarm vix_link on 2025-06-02: previous close restated"):
        training_window("india_vix", ["close"], BEFORE, date(2025, 8, 1), alarms=[ALARM])


def test_a_change_on_the_first_day_does_not_split_and_one_on_the_last_does() -> None:
    moved = date(2025, 9, 1)
    assert len(training_window("india_vix", ["close"], moved, AFTER).segments) == 1
    with pytest.raises(BadInput, match="spans"):
        training_window("india_vix", ["close"], BEFORE, moved)


def test_changes_of_another_underlying_do_not_split() -> None:
    first, last = date(2023, 1, 2), date(2024, 1, 31)
    assert len(training_window("nse_units_ltp", ["volume"], first, last).segments) == 1
    with pytest.raises(BadInput, match="weekly_expiry v2 on 2023-09-06"):
        training_window("nse_units_ltp BANKNIFTY", ["volume"], first, last)


def test_standardised_parts_have_the_same_centre_and_spread() -> None:
    window = training_window("india_vix", ["close"], BEFORE, AFTER, rebase={MOVE: "standardise"})
    days = [BEFORE + timedelta(days=i) for i in range((AFTER - BEFORE).days + 1)]
    level = np.where(np.array(days) < date(2025, 9, 1), 12.0, 30.0)
    values = window.rebased(days, level * (1 + 0.1 * np.sin(np.arange(len(days)))))
    older = np.array(days) < date(2025, 9, 1)
    assert abs(np.median(values[older])) < 1e-12
    assert np.std(values[older]) == pytest.approx(np.std(values[~older]), rel=0.05)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"first": AFTER, "last": BEFORE}, "is empty"),
        ({"first": date(2005, 1, 3), "last": date(2006, 1, 2)}, "begins too early: india_vix is known from 2008-04-01"),
        ({"rebase": {"session_hours v9": HALF}}, "no change session_hours v9 lies inside"),
        ({"rebase": {MOVE: HALF, ALARM.name: "standardise"}, "alarms": [ALARM]}, "mixes"),
        ({"fields": ["vega"]}, "no field 'vega'"),
    ],
)
def test_a_window_that_makes_no_sense_is_bad_input(change: dict[str, object], complaint: str) -> None:
    asked = {"source": "india_vix", "fields": ["close"], "first": BEFORE, "last": AFTER, **change}
    with pytest.raises(BadInput, match=complaint):
        training_window(**asked)  # type: ignore[arg-type]  # the mapping mixes types on purpose


def test_values_outside_the_window_and_thin_parts_are_refused() -> None:
    window = training_window("india_vix", ["close"], BEFORE, AFTER, rebase={MOVE: "standardise"})
    with pytest.raises(BadInput, match="2024-12-31 is outside"):
        window.rebased([date(2024, 12, 31)], np.array([1.0]))
    with pytest.raises(BadInput, match="1 values without enough spread"):
        window.rebased([BEFORE], np.array([1.0]))


def test_a_factor_outside_its_interval_or_without_evidence_is_refused() -> None:
    for wrong in ((0.0, 0.0, 1.0, "x"), (2.0, 0.5, 1.0, "x"), (1.0, 1.0, float("inf"), "x"), (1.0, 1.0, 1.0, "")):
        with pytest.raises(BadInput, match="no factor inside its interval"):
            Rebase(*wrong)


@settings(max_examples=60)
@given(st.dates(date(2014, 1, 1), date(2027, 1, 1)), st.integers(0, 2000))
def test_segments_cover_every_day_once_and_no_change_lies_inside_one(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    inside = [item for item in changes(contract_for("india_vix"), ["close"]) if first < item.day <= last]
    window = training_window("india_vix", ["close"], first, last, rebase={item.name: HALF for item in inside})
    assert window.segments[0].first == first
    assert window.segments[-1].last == last
    for earlier, later in zip(window.segments, window.segments[1:], strict=False):
        assert later.first - earlier.last == timedelta(days=1)
    assert {part.first for part in window.segments[1:]} == {item.day for item in inside}
