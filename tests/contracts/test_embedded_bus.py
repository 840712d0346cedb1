"""What only the embedded bus has to show: its own back-off, dead letters, faults, and consumers that die."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import SystemClock, VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.adapters.embedded.message_table import MessageTable, microseconds
from quantsentinel.errors import BadInput, Conflict, RateLimited, Unavailable
from quantsentinel.ports import Delivery, Event
from tests.contracts.conftest import START

PATIENCE_S = 180.0


def event(number: int = 1) -> Event:
    return Event(f"t:{number}", "t", {"n": number})


def attempts_of(bus: SqliteBus, clock: VirtualClock, failure: Exception, count: int) -> list[float]:
    """Seconds after the start of each of the first `count` attempts, all failing."""
    times: list[float] = []

    def fail(delivery: Delivery) -> None:
        assert delivery.attempt == len(times) + 1
        times.append((clock.now() - START).total_seconds())
        raise failure

    bus.subscribe("t", "s", fail)
    bus.publish(event())
    while len(times) < count and (due := bus.next_due()):
        clock.advance_to(due)
        bus.drain()
    return times


@pytest.mark.parametrize("failure", [Unavailable("x"), Conflict("x"), ValueError("a bug")])
def test_failures_back_off_from_ten_seconds_doubling_to_six_hundred(
    database: Database, clock: VirtualClock, failure: Exception
) -> None:
    times = attempts_of(SqliteBus(database, clock), clock, failure, 10)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == [10, 20, 40, 80, 160, 320, 600, 600, 600]


@pytest.mark.parametrize(("asked", "granted"), [(3.0, 10.0), (45.0, 45.0), (1e9, 600.0)])
def test_a_rate_limit_is_respected_between_ten_and_six_hundred_seconds(
    database: Database, clock: VirtualClock, asked: float, granted: float
) -> None:
    times = attempts_of(SqliteBus(database, clock), clock, RateLimited("x", retry_after_s=asked), 2)
    assert times == [0, granted]


def test_after_a_hundred_attempts_a_message_is_a_dead_letter_and_can_be_redriven(
    database: Database, clock: VirtualClock
) -> None:
    bus = SqliteBus(database, clock)
    assert len(attempts_of(bus, clock, Unavailable("away"), 200)) == 100
    assert bus.next_due() is None
    assert bus.backlog() == {}
    [letter] = bus.dead_letters()
    assert (letter.event, letter.attempt, letter.last_error) == (event(), 100, "Unavailable: away")
    seen: list[Delivery] = []
    bus.subscribe("t", "s", seen.append)
    assert bus.redrive(letter) is True
    assert bus.redrive(letter) is False
    bus.drain()
    assert [(item.event.id, item.attempt) for item in seen] == [("t:1", 1)]
    assert bus.dead_letters() == []


def test_messages_go_by_due_time_then_by_publication(database: Database, clock: VirtualClock) -> None:
    bus, seen = SqliteBus(database, clock), []
    bus.subscribe("t", "b", lambda delivery: seen.append((delivery.event.id, "b")))
    bus.subscribe("t", "a", lambda delivery: seen.append((delivery.event.id, "a")))
    bus.publish_all([event(2), event(1)])
    assert bus.run_due(3) == 3
    assert seen == [("t:2", "a"), ("t:2", "b"), ("t:1", "a")]
    assert bus.drain() == 1


def test_what_a_handler_publishes_is_delivered_in_the_same_run(database: Database, clock: VirtualClock) -> None:
    bus, seen = SqliteBus(database, clock), []
    bus.subscribe("t", "s", lambda delivery: bus.publish(Event("u:1", "u", delivery.event.data)))
    bus.subscribe("u", "v", lambda delivery: seen.append(delivery.event.id))
    bus.publish(event())
    assert bus.drain() == 2
    assert seen == ["u:1"]


def test_an_interrupt_gives_the_message_back_as_it_was(database: Database, clock: VirtualClock) -> None:
    bus, attempts = SqliteBus(database, clock), []

    def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) == 1:
            raise KeyboardInterrupt

    bus.subscribe("t", "s", handler)
    bus.publish(event())
    with pytest.raises(KeyboardInterrupt):
        bus.drain()
    assert bus.drain() == 1
    assert attempts == [1, 1]


def test_a_dead_consumer_s_message_is_free_at_once_and_a_living_one_s_is_not(
    tmp_path: Path, clock: VirtualClock
) -> None:
    first, second = (Database(tmp_path / "state.db", sync="normal") for _ in range(2))
    dying, living = SqliteBus(first, clock), SqliteBus(second, clock)
    seen: list[int] = []
    dying.subscribe("t", "s", lambda delivery: None)
    living.subscribe("t", "s", lambda delivery: seen.append(delivery.attempt))
    living.publish(event())
    taken = MessageTable(first).take(["s"], microseconds(clock.now()), dying._holder.name)
    assert taken is not None
    assert living.drain() == 0, "held by a consumer that is there"
    assert living.next_due() is None
    dying.close()  # what the kernel does to its lock when the process is killed
    assert living.next_due() == START
    assert living.drain() == 1
    assert seen == [2]


def test_a_message_that_kills_its_process_every_time_becomes_a_dead_letter(tmp_path: Path, clock: VirtualClock) -> None:
    database = Database(tmp_path / "state.db", sync="normal")
    bus = SqliteBus(database, clock)
    bus.subscribe("t", "s", lambda delivery: None)
    bus.publish(event())
    table = MessageTable(database)
    for _ in range(100):
        table.take(["s"], microseconds(clock.now()), "killed")
        table.release_all("killed")
    assert bus.drain() == 1
    assert [letter.last_error for letter in bus.dead_letters()] == ["the process ended during the handler"]


def test_a_command_that_only_publishes_reaches_the_process_that_listens(tmp_path: Path, clock: VirtualClock) -> None:
    listening = SqliteBus(Database(tmp_path / "state.db", sync="normal"), clock)
    seen: list[Delivery] = []
    listening.subscribe("t", "s", seen.append)
    SqliteBus(Database(tmp_path / "state.db", sync="normal"), clock).publish(event())
    assert listening.drain() == 1


# --- faults -----------------------------------------------------------------------------------------------------------
def order_under(folder: Path, faults: Faults) -> list[str]:
    """Ids in the order in which fifty events arrive, until none waits."""
    clock = VirtualClock(START)
    bus = SqliteBus(Database(folder / "state.db", sync="normal"), clock, faults=faults)
    seen: list[str] = []
    bus.subscribe("t", "s", lambda delivery: seen.append(delivery.event.id))
    bus.publish_all([event(number) for number in range(50)])
    while due := bus.next_due():
        clock.advance_to(due)
        bus.drain()
    return seen


FAULTS = {
    "duplicate": Faults(duplicate=0.5, seed=1),
    "delay": Faults(delay_s=30, seed=1),
    "reorder": Faults(reorder=0.7, seed=1),
    "drop_ack": Faults(drop_ack=0.5, seed=1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_does_what_it_says_the_same_way_every_time_and_loses_nothing(tmp_path: Path, name: str) -> None:
    sent = [f"t:{number}" for number in range(50)]
    first = order_under(tmp_path / "first", FAULTS[name])
    assert first == order_under(tmp_path / "second", FAULTS[name])
    assert set(first) == set(sent)
    assert (len(first) > 50) == (name in ("duplicate", "drop_ack"))
    assert first != sent
    assert order_under(tmp_path / "none", Faults(seed=1)) == sent


def test_faults_outside_their_range_are_bad_input() -> None:
    for wrong in ({"duplicate": 1.1}, {"drop_ack": -0.1}, {"delay_s": -1}):
        with pytest.raises(BadInput):
            Faults(**wrong)


# --- threads ----------------------------------------------------------------------------------------------------------
def test_serving_threads_share_a_subscription_and_each_message_is_handled_once(tmp_path: Path) -> None:
    bus = SqliteBus(Database(tmp_path / "state.db", sync="normal"), SystemClock())
    stop, lock, seen = threading.Event(), threading.Lock(), []
    together = threading.Barrier(4, timeout=PATIENCE_S)

    def handler(delivery: Delivery) -> None:
        if delivery.event.data["n"] < 4:
            together.wait()  # passes only when four workers are in the handler at once
        with lock:
            seen.append(delivery.event.id)
            if len(seen) == 60:
                stop.set()

    bus.subscribe("t", "s", handler, workers=4)
    bus.publish_all([event(number) for number in range(60)])
    watchdog = threading.Timer(PATIENCE_S, stop.set)
    watchdog.start()
    bus.serve(stop)
    watchdog.cancel()
    assert sorted(seen) == sorted(f"t:{number}" for number in range(60))
    assert bus.backlog() == {}


def test_a_served_bus_wakes_for_what_is_published_later(tmp_path: Path) -> None:
    bus = SqliteBus(Database(tmp_path / "state.db", sync="normal"), SystemClock())
    stop, seen = threading.Event(), []

    def handler(delivery: Delivery) -> None:
        seen.append(delivery.event.id)
        stop.set()

    bus.subscribe("t", "s", handler)
    server = threading.Thread(target=bus.serve, args=(stop,))
    server.start()
    bus.publish(event(7))
    server.join(PATIENCE_S)
    assert not server.is_alive()
    assert seen == ["t:7"]


def test_serving_without_a_subscription_is_bad_input(database: Database, clock: VirtualClock) -> None:
    with pytest.raises(BadInput):
        SqliteBus(database, clock).serve(threading.Event())


def test_due_times_are_exact_to_the_microsecond(database: Database, clock: VirtualClock) -> None:
    clock.advance(0.123457)
    bus = SqliteBus(database, clock)
    bus.subscribe("t", "s", lambda delivery: None)
    bus.publish(event())
    assert bus.next_due() == START + timedelta(microseconds=123_457)


def test_consumers_that_ended_leave_no_file_behind(tmp_path: Path, clock: VirtualClock) -> None:
    first = SqliteBus(Database(tmp_path / "state.db", sync="normal"), clock)
    name = first._holder.name
    first._holder._file.close()  # what the kernel does when the process is killed: the lock goes, the file stays
    consumers = tmp_path / "state.db.consumers"
    assert [path.name for path in consumers.iterdir()] == [name]
    second = SqliteBus(Database(tmp_path / "state.db", sync="normal"), clock)
    assert [path.name for path in consumers.iterdir()] == [second._holder.name]
    second.close()
    assert list(consumers.iterdir()) == []
