"""The map of functions says what the functions really do: topics, threads, secrets; and nothing happens at import."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import pytest
from functions_framework import create_app

from emulators.fake_telegram import FakeTelegram
from emulators.function_map import load_map
from emulators.lifetime import ROOT
from emulators.replay_server import ReplayServer
from quantsentinel import entry
from quantsentinel.app import listing
from quantsentinel.settings import SECRET_FIELDS
from quantsentinel.wiring.handlers import FUNCTIONS
from quantsentinel.wiring.local import STATE_FILE
from tests.functions.conftest import CHAIN, World
from tests.functions.pushes import answer, raw_push, scheduled_push

KNOWN = load_map()
MAP = KNOWN.functions
PUSHED = KNOWN.listening()
ASKS_ALL = "self_test"
"""It asks every function on the topic that the function works on."""


def test_the_map_and_the_handlers_name_the_same_functions_and_topics() -> None:
    assert len(PUSHED) == len(FUNCTIONS) >= 8
    assert {name: KNOWN.topic(name) for name in PUSHED} == {item.name: item.topic for item in FUNCTIONS}


def test_every_topic_has_one_reader_and_a_writer() -> None:
    read = KNOWN.topics()
    written = {topic for name, row in MAP.items() if name != ASKS_ALL for topic in row.publishes}
    scheduled = {trigger.topic for trigger in KNOWN.scheduled().values()}
    assert len(read) == len(set(read)) == len(PUSHED)
    assert written | scheduled == set(read)
    assert not written & scheduled
    assert set(MAP[ASKS_ALL].publishes) == set(read)


def test_every_function_that_turns_a_switch_by_itself_may_announce_it() -> None:
    announcing = {name for name, row in MAP.items() if "kill.changed" in row.publishes} - {ASKS_ALL}
    assert announcing == {"poll_market", "serve_tenants", "heartbeat", "announce", "sweep"}


def test_the_poller_that_waits_inside_its_minute_takes_one_beat_at_a_time_and_has_time_for_it() -> None:
    assert MAP["poll_market"].concurrency == 1
    assert MAP["poll_market"].timeout_s > 60


def test_every_secret_of_the_map_is_a_secret_of_the_settings() -> None:
    assert {about.setting for about in KNOWN.secrets.values()} <= set(SECRET_FIELDS)
    readers = (*MAP.values(), *KNOWN.jobs.values())
    granted = {secret for row in readers for secret in row.permissions.secrets}
    assert granted == set(KNOWN.secrets), "a secret that nobody reads is not kept"


@pytest.mark.parametrize("name", PUSHED)
def test_a_function_publishes_the_topics_that_the_map_grants_it_and_no_other(
    world: World, telegram: FakeTelegram, broker: ReplayServer, name: str
) -> None:
    event = world.event_for(name)
    before = _topics(world)
    assert answer(name, raw_push(event.id, event.data)) == 204
    published = {topic for seq, topic in _topics(world).items() if seq not in before}
    assert published <= set(MAP[name].publishes)
    if name in CHAIN[:2]:
        assert published == set(MAP[name].publishes)


def _topics(world: World) -> dict[int, str]:
    with sqlite3.connect(world.state / STATE_FILE) as connection:
        rows = connection.execute("SELECT seq, event FROM messages").fetchall()
    return {seq: json.loads(event)["topic"] for seq, event in rows}


@pytest.mark.parametrize("name", MAP)
def test_nothing_is_opened_before_the_first_request(world: World, name: str) -> None:
    world.set(QS_STATE=str(world.state / "not" / "there" / "yet"))
    create_app(name, str(ROOT / "functions" / name / "main.py")).test_client()
    assert entry.platform.cache_info().currsize == 0
    assert not (world.state / "not").exists()


def test_only_the_poller_needs_the_brokers_token(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.set(QS_FEED="upstox")
    beat, taken = world.event_for("heartbeat"), world.event_for("decide")
    assert answer("decide", raw_push(taken.id, taken.data)) == 204
    assert answer("poll_market", raw_push(beat.id, beat.data)) == 500
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["severity"] == "CRITICAL"
    assert "QS_UPSTOX_TOKEN" in line["message"]


def test_a_beat_of_the_scheduler_is_as_old_as_its_publication(world: World, broker: ReplayServer) -> None:
    before = len(listing.snapshots(world.platform))
    old = world.platform.clock.now() - timedelta(minutes=2)
    assert answer("poll_market", scheduled_push(old.isoformat())) == 204
    assert not broker.calls
    assert answer("poll_market", scheduled_push(world.platform.clock.now().isoformat())) == 204
    assert len(listing.snapshots(world.platform)) == before + 1
