"""Least privilege, measured: what each function did in a run is what the map grants it, no less and no more."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from emulators.fake_telegram import FakeTelegram
from emulators.function_map import load_map
from emulators.held_port import held_port
from emulators.replay_server import ReplayServer
from quantsentinel import entry
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.health import health
from quantsentinel.app.kills import kill_on
from quantsentinel.app.models import registry_of
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.cli.main import run_command
from quantsentinel.errors import Unavailable
from quantsentinel.ports import Delivery, Event, Put
from quantsentinel.stores.outbox import Outbox
from quantsentinel.wiring.handlers import FUNCTIONS
from tests.fit_days import made_up
from tests.functions.conftest import World
from tests.functions.deployment import client, deployed, pumped, sink, wanted
from tests.functions.pushes import answer, raw_push
from tests.functions.test_kill_switch import ASHA, desk
from tests.functions.test_kill_switch import act as switch
from tests.functions.test_rotate_token import Scene, asked, scene, token
from tests.functions.uses import Recorder, granted, watch

__all__ = ["asked", "deployed", "desk", "scene", "sink"]
KNOWN = load_map()
SPOILT = "spoilt"


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    watch(found, monkeypatch)
    return found


def beat(world: World, name: str) -> int:
    event = world.event_for(name)
    return answer(name, raw_push(event.id, event.data))


def deliver_all(world: World) -> None:
    """What was published reaches its functions as pushes, and what those publish in turn."""
    bus = world.platform.bus
    assert isinstance(bus, SqliteBus)

    def handler(name: str):  # type: ignore[no-untyped-def]  # a closure over the name
        def run(delivery: Delivery) -> None:
            event = delivery.event
            if answer(name, raw_push(event.id, event.data)) >= 300:
                raise Unavailable("again later", where=name)

        return run

    for function in FUNCTIONS:
        bus.subscribe(function.topic, function.name, handler(function.name))
    bus.run_due(200)


# --- A day with everything in it ---
def poll_and_decide(recorder: Recorder, world: World) -> None:
    """An accepted chain, decided and served; one tenant's book cannot be read. Then a poll of the broker itself: its
    chain is a minute older than the clock, and refused."""
    spoil_a_tenant(world)
    recorder.under("poll_market", world.event_for, "decide")
    deliver_all(world)
    assert beat(world, "poll_market") == 204


def spoil_a_tenant(world: World) -> None:
    """Beside one that holds nothing yet."""
    for name in (SPOILT, "fresh"):
        add_tenant(world.platform, TenantRequest(name, name, Decimal(5_000_000), relation="self"))
    path = world.platform.tenants.store(SPOILT).book_path
    world.platform.documents.commit([Put(path, {"schema": "of another time"})])


def tell(world: World) -> None:
    """A signal to a chat, and a switch that everybody hears of."""
    assert beat(world, "deliver") == 204
    kill_on(world.platform, "master", who="risk desk", why="a drill")
    deliver_all(world)


def relay(world: World) -> None:
    """One event of every topic was committed and never published."""
    platform = world.platform
    before = VirtualClock(platform.clock.now() - timedelta(minutes=5))
    topics = [function.topic for function in FUNCTIONS if not function.topic.startswith("tick.")]
    events = [Event(f"lost:{topic}", topic, {}) for topic in topics]
    platform.documents.commit(Outbox(platform.documents, platform.bus, before).writes(events))
    assert beat(world, "sweep") == 204


def lose_the_broker(world: World) -> None:
    with held_port() as port:
        world.set(QS_UPSTOX_URL=f"http://127.0.0.1:{port}")
        for _ in range(world.platform.desk.policy.switches.outage_failures):
            beat(world, "poll_market")


def beat_late(world: World) -> None:
    """Within the session, long after the last chain; then after the close."""
    for later in (timedelta(minutes=15), timedelta(hours=8)):
        world.move_clock(later)
        beat(world, "heartbeat")


def test_the_functions_of_the_bus_use_what_they_are_granted_and_nothing_else(
    recorder: Recorder, world: World, telegram: FakeTelegram, broker: ReplayServer
) -> None:
    poll_and_decide(recorder, world)
    for scene_of_the_day in (tell, relay, lose_the_broker, beat_late):
        scene_of_the_day(world)
    compare(recorder, set(KNOWN.listening()))
    entry.platform.cache_clear()


# --- The functions over HTTP ---
def test_the_kill_switch_uses_what_it_is_granted_and_nothing_else(recorder: Recorder, desk: World) -> None:
    assert switch("on", "master", ASHA, reason="drill")[0] == 200
    compare(recorder, {"kill_switch"})
    recorder.used["kill_switch"].add("publish kill.changed")
    with pytest.raises(AssertionError, match=r"kill_switch: does what the map does not grant: \['publish kill"):
        compare(recorder, {"kill_switch"})
    recorder.used["kill_switch"] = {"read documents", "write documents"}
    with pytest.raises(AssertionError, match=r"kill_switch: is granted what it never does: \['secret kill-switch"):
        compare(recorder, {"kill_switch"})


def test_the_rotation_uses_what_it_is_granted_and_nothing_else(recorder: Recorder, asked: Scene) -> None:
    assert asked.upstox.approve(token()) == 200
    compare(recorder, {"rotate_token"})


def test_the_self_test_and_its_sink_use_what_they_are_granted_and_nothing_else(
    recorder: Recorder, deployed: World, sink: str
) -> None:
    body = wanted(tuple(KNOWN.listening()), sink).model_dump(mode="json")
    with pumped(deployed):
        said = client("self_test").post("/", json=body)
    assert said.json["passed"], said.json
    compare(recorder, {"self_test", "self_test_sink"})


# --- Jobs ---
def test_the_check_of_a_restore_uses_what_it_is_granted_and_nothing_else(recorder: Recorder, world: World) -> None:
    """Its objects of `audit` too: a session that is over has been sealed."""
    world.move_clock(timedelta(hours=8))
    beat(world, "heartbeat")
    arguments = KNOWN.jobs["check_restore"].command[1:]
    recorder.under("check_restore", run_command, [*arguments, "--state", str(world.state)])
    compare(recorder, {"check_restore"})


def test_the_check_of_a_deployment_uses_what_it_is_granted_and_nothing_else(recorder: Recorder, world: World) -> None:
    """Of what it asks, the state; topics and secrets are asked of Google, which the map grants nobody."""
    world.move_clock(timedelta(hours=8))
    beat(world, "heartbeat")
    recorder.under("check_deployment", lambda: list(health(world.platform, write=False)))
    compare(recorder, {"check_deployment"})


def test_the_refit_uses_what_it_is_granted_and_nothing_else(recorder: Recorder, world: World) -> None:
    registry_of(world.platform).put_history(made_up(), world.platform.clock.now())
    arguments = KNOWN.jobs["retrain"].command[1:]
    arguments = [name for name in arguments if name != "--due"]  # the made-up series ends before the packaged parts
    assert recorder.under("retrain", run_command, [*arguments, "--state", str(world.state)]) == 0
    compare(recorder, {"retrain"})


def test_every_function_and_job_of_the_map_is_compared() -> None:
    assert set(KNOWN.jobs) == {"check_restore", "check_deployment", "retrain"}
    over_http = {"kill_switch", "rotate_token", "self_test", "self_test_sink"}
    assert set(KNOWN.functions) == set(KNOWN.listening()) | over_http


def compare(recorder: Recorder, names: set[str]) -> None:
    for name in sorted(names):
        used, (may, must) = recorder.used[name], granted(KNOWN, name)
        assert used <= may, f"{name}: does what the map does not grant: {sorted(used - may)}"
        assert must <= used, f"{name}: is granted what it never does: {sorted(must - used)}"
