"""A changed definition is seen on the evening of its session, stops entries, and is told once."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.kills import kill_off, kill_on, kills
from quantsentinel.app.platform import Platform
from quantsentinel.app.session_relations import WHO
from quantsentinel.errors import Broken
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Delete
from quantsentinel.stores.relations import RelationStore
from tests.conftest import ROOT
from tests.relation_days import beat, days, evening, opened, remember, snapshots, store, trade

KNOWN = 22
CHANGED = days(KNOWN + 1)[-1]


@pytest.fixture
def past(tmp_path: Path) -> tuple[Platform, VirtualClock]:
    """Twenty-two honest sessions: the last two were measured, the others are on file."""
    platform, clock = opened(tmp_path)
    remember(platform, days(KNOWN)[:-2])
    for day in days(KNOWN)[-2:]:
        trade(platform, clock, day)
    assert not kills(platform)
    return platform, clock


def documents(platform: Platform) -> dict[str, str]:
    """What stands under the names that the watch writes, with versions."""
    found = [item for name in ("relations", "alarms", "kills") for item in platform.documents.query(name)]
    return {item.path: item.version for item in found}


def relations(platform: Platform) -> RelationStore:
    return RelationStore(platform.documents)


def test_twenty_five_honest_sessions_are_read_once_each_and_raise_nothing(tmp_path: Path) -> None:
    platform, clock = opened(tmp_path)
    for day in days(25):
        trade(platform, clock, day)
    readings = relations(platform).readings("NIFTY")
    assert [item.session for item in readings] == list(days(25))
    assert {item.snapshots for item in readings} == {2}
    assert all({"vendor_iv", "oi_unit", "oi_total"} <= set(item.measured["nse_site"]) for item in readings)
    assert not kills(platform)
    assert not relations(platform).alarms()


@pytest.mark.parametrize(
    ("column", "factor", "relation", "cause"),
    [
        ("vendor_iv", 100.0, "vendor_iv", "×100 (per cent for fraction)"),
        ("vendor_iv", 0.8309, "vendor_iv", "√(252/365)"),
        ("oi", 1 / 75, "oi_unit", "×1/75 (lots for units)"),
    ],
)
def test_a_changed_definition_is_an_alarm_and_a_kill_switch_that_says_what_changed(
    past: tuple[Platform, VirtualClock], column: str, factor: float, relation: str, cause: str
) -> None:
    platform, clock = past
    trade(platform, clock, CHANGED, **{column: factor})
    raised = {item.alarm.relation: item for item in relations(platform).alarms()}
    alarm = raised[relation].alarm
    assert (alarm.since, alarm.session, alarm.cause) == (CHANGED, CHANGED, cause)
    (switch,) = kills(platform)
    assert (switch.scope, switch.who, switch.until) == ("symbol:NIFTY", WHO, None)
    told = f"definition_changed: {relation} of nse_site NIFTY moved by {alarm.measured:+.4f} log ratio"
    assert f"{told}, limit {alarm.limit:.4f}, since {CHANGED}, looks like {cause}" in switch.why
    assert all(item.is_open([switch]) for item in raised.values())


def test_the_beats_after_the_first_change_nothing(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    trade(platform, clock, CHANGED, vendor_iv=100.0)
    before = documents(platform)
    assert any(path.startswith("alarms/") for path in before)
    for minutes in (0, 1, 60, 15 * 60):
        beat(platform, clock, evening(CHANGED) + timedelta(minutes=minutes))
    assert documents(platform) == before


def test_an_alarm_that_somebody_acknowledged_does_not_come_again(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    trade(platform, clock, CHANGED, vendor_iv=100.0)
    (raised,) = relations(platform).alarms()
    assert kill_off(platform, "symbol:NIFTY", who="risk desk", ack="looked at it").released
    assert not raised.is_open(kills(platform))
    for day in days(25)[KNOWN + 1 :]:
        trade(platform, clock, day, vendor_iv=100.0)
    # Even when the reading itself is lost and made again.
    platform.documents.commit([Delete(f"relations/NIFTY.{days(25)[-1]}"), Delete(f"relations/NIFTY.{CHANGED}")])
    beat(platform, clock, evening(days(25)[-1]) + timedelta(minutes=1))
    assert [item.alarm.name for item in relations(platform).alarms()] == [raised.alarm.name]
    assert not kills(platform)


def test_fewer_sessions_than_the_detector_needs_raise_nothing(tmp_path: Path) -> None:
    platform, clock = opened(tmp_path)
    remember(platform, days(18))
    trade(platform, clock, days(19)[-1], vendor_iv=100.0)
    assert len(relations(platform).readings("NIFTY")) == 19
    assert not relations(platform).alarms()


def test_nothing_is_read_while_the_session_is_open_or_just_over(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    store(platform, snapshots(CHANGED, vendor_iv=100.0))
    before = documents(platform)
    for at in (time(9), time(12), time(15, 30), time(15, 34, 59)):
        clock.advance_to(datetime.combine(CHANGED, at, IST))
        platform.documents.commit([Delete("market/NIFTY")]) if at == time(12) else None
        beat(platform, clock, datetime.combine(CHANGED, at, IST))
    assert documents(platform) == before


def test_an_evening_that_was_missed_is_read_the_next_morning(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    store(platform, snapshots(CHANGED, vendor_iv=100.0))
    beat(platform, clock, datetime.combine(days(KNOWN + 2)[-1], time(8), IST))
    assert [item.alarm.since for item in relations(platform).alarms()] == [CHANGED]
    assert kills(platform)


def test_a_switch_that_a_person_holds_keeps_its_words_and_loses_its_end(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    until = evening(CHANGED) + timedelta(days=1)
    kill_on(platform, "symbol:NIFTY", who="risk desk", why="results day", until=until)
    trade(platform, clock, CHANGED, vendor_iv=100.0)
    (switch,) = kills(platform)
    assert (switch.who, switch.until) == (f"risk desk, {WHO}", None)
    assert switch.why.startswith("results day; definition_changed: vendor_iv")


def test_a_switch_whose_time_is_over_is_replaced(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    kill_on(platform, "symbol:NIFTY", who="risk desk", why="lunch", until=clock.now() + timedelta(minutes=5))
    trade(platform, clock, CHANGED, vendor_iv=100.0)
    (switch,) = kills(platform)
    assert (switch.who, switch.why.startswith("definition_changed")) == (WHO, True)


def test_one_damaged_object_keeps_no_other_underlying_from_being_read(past: tuple[Platform, VirtualClock]) -> None:
    platform, clock = past
    store(platform, snapshots(CHANGED, underlying="BANKNIFTY"))
    one, other = platform.snapshots.accepted_on("BANKNIFTY", CHANGED)
    platform.objects.put(one, platform.objects.get(other) or b"")
    store(platform, snapshots(CHANGED, vendor_iv=100.0))
    with pytest.raises(Broken, match="digest"):
        beat(platform, clock, evening(CHANGED))
    assert [state.scope for state in kills(platform)] == ["symbol:NIFTY"]
    assert not relations(platform).readings("BANKNIFTY")


def test_a_kill_between_any_two_writes_loses_neither_the_alarm_nor_its_switch(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.relations_crash", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    runs: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    peaceful = runs[0]
    assert peaceful["kills"] == []
    assert peaceful["switches"] == ["symbol:BANKNIFTY", "symbol:NIFTY"]
    assert {name.split()[0] for name in peaceful["alarms"]} == {"BANKNIFTY", "NIFTY"}
    steps = ("reading, alarm and switch", "the announcement is published", "it leaves the outbox")
    sealed = ("the seal is claimed", "and done: without tenants there is no root")
    writes = 2 * len(steps) + len(sealed)
    assert sum(len(run["kills"]) == 1 for run in runs) == 2 * writes, "a boundary before and after each"
    for run in runs:
        assert all(run[name] == peaceful[name] for name in ("readings", "alarms", "switches")), run["kills"]
