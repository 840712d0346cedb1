"""The detector of a changed relation: quick on a change, quiet on the market, blind to the future."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.integrity.relation_alarm import Reading, Relation, Watch, watch
from quantsentinel.integrity.relations import CLOCK, RELATIONS
from quantsentinel.market.windows import Break

LEVEL = Relation("vendor_iv", "level", "log ratio", "a level", 0.01, 8, 4, causes=CLOCK)
STEP = Relation("vix_close", "step", "log ratio", "a step", 0.01, 7, 4.5, 2.5, causes=CLOCK)
FIRST = date(2024, 1, 1)
SPLICE = 120


def noise(seed: int, length: int = 200, sd: float = 0.02) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, sd, length)


def run(relation: Relation, values: np.ndarray) -> Watch:
    return watch(relation, "x", [Reading(FIRST + timedelta(days=i), float(v)) for i, v in enumerate(values)])


def day(place: int) -> date:
    return FIRST + timedelta(days=place)


def test_a_level_that_moves_and_stays_is_flagged_within_two_sessions_with_its_cause() -> None:
    values = noise(1)
    values[SPLICE:] += CLOCK["√(365/252)"]
    (alarm,) = run(LEVEL, values).alarms
    assert alarm.since == day(SPLICE)
    assert alarm.session <= day(SPLICE + 1)
    assert alarm.cause == "√(365/252)"
    assert abs(alarm.measured) > alarm.limit > 0


def test_a_level_off_for_one_session_only_is_not_flagged() -> None:
    values = noise(2)
    values[SPLICE] = 0.12
    assert run(LEVEL, values).alarms == ()


def test_a_step_is_flagged_once_and_its_later_sessions_are_not() -> None:
    values = noise(3)
    values[SPLICE] -= 0.5
    (alarm,) = run(STEP, values).alarms
    assert (alarm.session, alarm.since) == (day(SPLICE), day(SPLICE))


def test_a_step_that_is_taken_back_the_next_session_is_a_shock_and_not_a_change() -> None:
    values = noise(4)
    values[SPLICE], values[SPLICE + 1] = 0.115, -0.115
    assert run(STEP, values).alarms == ()
    values[SPLICE + 1] = 0.0
    (alarm,) = run(STEP, values).alarms
    assert (alarm.session, alarm.since) == (day(SPLICE + 1), day(SPLICE))


def test_after_a_change_the_new_level_is_learnt_and_a_second_change_is_flagged() -> None:
    values = noise(5)
    values[80:] += 0.5
    values[SPLICE:] += 0.5
    assert [alarm.since for alarm in run(LEVEL, values).alarms] == [day(80), day(SPLICE)]


def test_a_relation_that_is_often_broken_by_itself_widens_its_limits() -> None:
    values = np.zeros(400)
    values[::12] = np.random.default_rng(6).uniform(-0.15, 0.15, len(values[::12]))
    alarms = run(RELATIONS["vix_link"], values).alarms
    assert len([alarm for alarm in alarms if alarm.session > day(200)]) <= 1


def test_sessions_that_were_not_measured_are_unknown_and_do_not_hide_a_change() -> None:
    values = [Reading(day(i), float(v)) for i, v in enumerate(noise(7))]
    values = [Reading(r.session, None) if i in (SPLICE - 1, SPLICE + 1) else r for i, r in enumerate(values)]
    moved = [
        Reading(r.session, r.value + 0.1) if r.value is not None and r.session >= day(SPLICE) else r for r in values
    ]
    found = watch(LEVEL, "x", moved)
    assert found.judged[SPLICE - 1].score is None
    assert [alarm.since for alarm in found.alarms] == [day(SPLICE)]


def test_nothing_is_judged_before_enough_sessions_are_known() -> None:
    found = run(LEVEL, np.append(noise(8, LEVEL.least - 1), 9.0))
    assert found.alarms == ()
    assert {item.score for item in found.judged} == {None}


def test_an_alarm_splits_a_training_window() -> None:
    values = noise(9)
    values[SPLICE:] += 1.0
    (alarm,) = run(LEVEL, values).alarms
    found = alarm.as_break()
    assert isinstance(found, Break)
    assert found.day == day(SPLICE)
    assert "definition_changed" in found.what


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([LEVEL, STEP]), st.integers(30, 199))
def test_a_truncated_series_gives_the_same_judgements(seed: int, relation: Relation, cut: int) -> None:
    values = noise(seed)
    values[SPLICE:] += 0.3 if relation is LEVEL else 0.0
    whole, part = run(relation, values), run(relation, values[:cut])
    assert part.judged == whole.judged[:cut]
    assert part.alarms == tuple(alarm for alarm in whole.alarms if alarm.session < day(cut))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_a_constant_offset_of_the_whole_series_changes_no_alarm(seed: int, offset: float) -> None:
    values = noise(seed)
    values[SPLICE:] += 0.4
    plain, moved = run(LEVEL, values), run(LEVEL, values + offset)
    assert [alarm.session for alarm in moved.alarms] == [alarm.session for alarm in plain.alarms]


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(60, 190))
def test_readings_learnt_from_but_not_judged_leave_the_rest_as_it_was(seed: int, cut: int) -> None:
    readings = [Reading(day(i), float(v)) for i, v in enumerate(noise(seed))]
    whole = watch(STEP, "x", readings)
    rest = watch(STEP, "x", readings[cut:], before=readings[:cut])
    assert rest.judged == whole.judged[cut:]


def test_honest_noise_raises_less_than_one_false_alarm_a_year() -> None:
    years, alarms = 0.0, 0
    for seed in range(20):
        heavy = np.random.default_rng(seed).standard_t(4, 500) * 0.02
        alarms += len(run(LEVEL, heavy).alarms) + len(run(STEP, heavy).alarms)
        years += 2 * 500 / 248
    assert alarms / years < 1


@pytest.mark.parametrize("name", sorted(RELATIONS))
def test_every_relation_says_what_it_compares_and_names_known_causes(name: str) -> None:
    relation = RELATIONS[name]
    assert relation.name == name
    assert relation.what
    assert relation.causes
    assert 0 < relation.start < relation.jump
    assert (relation.both > 0) == (relation.kind == "step")


def test_fourteen_relations_are_watched() -> None:
    assert len(RELATIONS) == 14
