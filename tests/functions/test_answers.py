"""What every function of the map, under functions-framework, answers to the bus and leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from emulators.fake_telegram import FakeTelegram
from emulators.function_map import load_map
from emulators.held_port import held_port
from emulators.replay_server import Faults, ReplayServer
from quantsentinel import entry
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app import listing
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import digest
from quantsentinel.ports import Event, Put
from quantsentinel.stores.inbox import Inbox
from quantsentinel.stores.outbox import Outbox
from tests.functions.conftest import CHAIN, World
from tests.functions.pushes import FORMS, answer, raw_push

NAMES = tuple(load_map().listening())
ONCE = (*CHAIN, "deliver", "announce")
"""Those that keep a claim in the inbox; a beat may come twice and does no harm twice."""

EFFECTS: dict[str, Callable[[Platform], int]] = {
    "poll_market": lambda platform: len(listing.snapshots(platform)),
    "decide": lambda platform: len(platform.documents.query("cycles")),
    "fan_out": lambda platform: len(platform.documents.query("fan_outs")),
    "serve_tenants": lambda platform: len(platform.documents.query("batches")),
    "deliver": lambda platform: sum(item["channel"] == "telegram" for item in _deliveries(platform)),
    "announce": lambda platform: len(platform.documents.query("announcements")),
    "sweep": lambda platform: -len(platform.documents.query("outbox")),
    "heartbeat": lambda platform: len(platform.documents.query("heartbeats")),
}
"""A number that grows by one when the function has done its work."""


def _deliveries(platform: Platform) -> list[dict[str, object]]:
    found = [platform.tenants.store(tenant).deliveries() for tenant in platform.tenants.ids()]
    return [dict(data) for deliveries in found for data in deliveries]


def _lost_event(world: World) -> None:
    """An event that was committed and never published."""
    before = VirtualClock(world.platform.clock.now() - timedelta(minutes=2))
    platform = world.platform
    writes = Outbox(platform.documents, platform.bus, before).writes([Event("lost:1", "cycle.decided", {})])
    platform.documents.commit(writes)


@pytest.fixture
def whole(world: World, telegram: FakeTelegram, broker: ReplayServer) -> World:
    """With a broker, a Bot API and something to sweep."""
    _lost_event(world)
    return world


def test_the_map_names_eight_functions_that_listen_and_each_has_an_effect_here() -> None:
    assert len(NAMES) == 8
    assert set(EFFECTS) == set(NAMES)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_every_function_does_its_work_in_whatever_form_the_event_arrives(whole: World, name: str, form: str) -> None:
    event = whole.event_for(name)
    before = EFFECTS[name](whole.platform)
    assert answer(name, FORMS[form](event.id, event.data)) == 204
    assert EFFECTS[name](whole.platform) == before + 1


@pytest.mark.parametrize("name", ONCE)
def test_an_event_that_is_pushed_again_changes_nothing(whole: World, telegram: FakeTelegram, name: str) -> None:
    event = whole.event_for(name)
    assert answer(name, raw_push(event.id, event.data, "first")) == 204
    state, sent = whole.dump(), len(telegram.messages)
    for form in FORMS.values():
        assert answer(name, form(event.id, event.data, "published again under another id")) == 204
    assert whole.dump() == state
    assert len(telegram.messages) == sent == (1 if name == "deliver" else 0)


JUNK = {
    "nothing": b"",
    "no JSON": b"\x00\xff not json",
    "a list": b"[]",
    "no message": b'{"subscription": "s"}',
    "data that is not base64": b'{"message": {"data": "%%%"}}',
    "data that is not JSON": b'{"message": {"data": "bm90IGpzb24="}}',
    "a body nested too deeply": b'{"message":' * 100_000,
    "attributes that are a list": b'{"message": {"attributes": [1], "data": "e30="}}',
    "a CloudEvent without data": b'{"specversion": "1.0", "id": "1", "data": 5}',
    "a time that is none": b'{"message": {"data": "e30=", "publishTime": "yesterday"}}',
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("name", NAMES)
def test_a_body_that_is_no_push_is_dropped_and_logged_and_nothing_else_happens(
    world: World, name: str, junk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = world.dump()
    entry.platform.cache_clear()
    assert answer(name, ({"content-type": "application/json"}, JUNK[junk])) == 204
    assert entry.platform.cache_info().currsize == 0, "junk does not even open the state"
    assert world.dump() == before
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["severity"] == "WARNING"
    assert line["message"].startswith("dropped: ")
    assert line["logging.googleapis.com/labels"] == {"function": name}


@pytest.mark.parametrize("name", NAMES)
def test_an_event_of_the_wrong_shape_is_acknowledged_once_it_is_written_down(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"surprise": [[1, 2], [3]], "at": "not a time"}
    for _ in range(2):
        assert answer(name, raw_push("evt-of-elsewhere", data)) == 204
    (record,) = [document.data for document in world.platform.documents.query("dropped")]
    assert (record["function"], record["event_id"]) == (name, "evt-of-elsewhere")
    assert json.loads(record["data"])["surprise"] == data["surprise"]
    assert "surprise" in record["what"]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["severity"] == "WARNING"


@pytest.mark.parametrize("name", CHAIN)
def test_an_event_that_somebody_else_is_handling_is_asked_for_again(world: World, name: str) -> None:
    event = world.event_for(name)
    before = EFFECTS[name](world.platform)
    key, seen = _inbox_entry(name, event)
    platform = world.platform
    claim = Inbox(platform.documents, platform.clock, "another instance").claim(key, seen)
    assert claim is not None
    assert answer(name, raw_push(event.id, event.data)) == 503
    assert EFFECTS[name](world.platform) == before
    platform.documents.commit([claim.release_write(platform.clock.now())])
    assert answer(name, raw_push(event.id, event.data)) == 204
    assert EFFECTS[name](world.platform) == before + 1


def _inbox_entry(name: str, event: Event) -> tuple[str, str]:
    """The key under which the function claims the event, and what it compares to know that it is the same."""
    if name == "serve_tenants":
        batch = f"{event.data['cycle']['cycle_id']}.{event.data['batch']}"
        return f"batch:{batch}", digest([batch, tuple(event.data["tenants"])])
    return f"{name}:{event.data['cycle_id']}", event.id


def test_a_broker_that_is_down_makes_the_beat_come_again(whole: World, broker: ReplayServer) -> None:
    event = whole.event_for("poll_market")
    broker.break_down(Faults(status=500))
    assert answer("poll_market", raw_push(event.id, event.data)) == 503
    broker.break_down(Faults())
    assert answer("poll_market", raw_push(event.id, event.data)) == 204
    assert broker.calls["/v2/option/chain 200"] > 0


def test_a_channel_that_asks_for_patience_makes_the_signal_come_again(whole: World, telegram: FakeTelegram) -> None:
    event = whole.event_for("deliver")
    telegram.throttle(30)
    assert answer("deliver", raw_push(event.id, event.data)) == 503
    assert [item["state"] for item in _deliveries(whole.platform) if item["channel"] == "telegram"] == ["retrying"]
    assert not telegram.messages


@pytest.mark.parametrize("name", CHAIN)
def test_nothing_is_acknowledged_while_the_store_is_away(world: World, name: str) -> None:
    event = world.event_for(name)
    with held_port() as port:
        away = f"127.0.0.1:{port}"
        world.set(FIRESTORE_EMULATOR_HOST=away, PUBSUB_EMULATOR_HOST=away, STORAGE_EMULATOR_HOST=f"http://{away}")
        world.set(QS_PROFILE="google", QS_PROJECT="local-away")
        assert answer(name, raw_push(event.id, event.data)) == 503
        assert answer(name, raw_push("evt-of-elsewhere", {"surprise": 1})) == 503, "dropped before it is written down"


def test_an_event_that_is_too_old_is_acknowledged_and_decides_nothing(world: World) -> None:
    event = world.event_for("decide")
    world.move_clock(timedelta(minutes=3))
    assert answer("decide", raw_push(event.id, event.data)) == 204
    late = world.platform.documents.get(f"cycles/{event.data['cycle_id']}")
    assert late is not None
    assert late.data["state"] == "late"


def test_a_view_that_differs_from_the_decided_one_is_never_acknowledged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    event = world.event_for("serve_tenants")
    before = EFFECTS["serve_tenants"](world.platform)
    data = {**event.data, "cycle": {**event.data["cycle"], "view_digest": "sha256:other"}}
    assert answer("serve_tenants", raw_push(event.id, data)) == 500
    assert EFFECTS["serve_tenants"](world.platform) == before
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["severity"] == "CRITICAL"


def test_an_exception_that_nobody_foresaw_is_never_acknowledged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    event = world.event_for("fan_out")
    previous = f"fan_outs/{event.data['previous']['cycle_id']}"
    world.platform.documents.commit([Put(previous, {"batches": "no number"})])
    assert answer("fan_out", raw_push(event.id, event.data)) == 500
    assert not world.platform.documents.get(f"fan_outs/{event.data['cycle_id']}")
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["severity"] == "ERROR"
    assert "ValueError" in line["message"]
