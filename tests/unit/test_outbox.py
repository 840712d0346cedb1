"""The outbox: what was committed is published, at the latest by the sweep; nothing that was not committed is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.errors import Conflict, Unavailable
from quantsentinel.ports import Create, Event
from quantsentinel.stores.outbox import Outbox


class Local:
    """One state file with a subscriber that notes what comes."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(datetime(2025, 8, 29, 3, 45, tzinfo=UTC))
        database = Database(folder / "state.db", sync="normal")
        self.documents = SqliteDocuments(database, self.clock)
        self.bus = SqliteBus(database, self.clock)
        self.outbox = Outbox(self.documents, self.bus, self.clock)
        self.seen: list[Event] = []
        self.bus.subscribe("t", "s", lambda delivery: self.seen.append(delivery.event))

    def arrived(self) -> list[str]:
        self.bus.drain()
        return [event.id for event in self.seen]


class AwayBus:
    """A bus out of reach."""

    def publish(self, event: Event) -> None:
        raise Unavailable("away")

    def publish_all(self, events: Sequence[Event]) -> None:
        raise Unavailable("away")


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(tmp_path)


def event(number: int) -> Event:
    return Event(f"signal.issued:acme/{number}.1", "t", {"n": number}, {"traceparent": "00-ab"})


def test_an_event_is_published_after_the_commit_and_leaves_nothing_behind(local: Local) -> None:
    events = [event(1), event(2)]
    local.documents.commit([Create("cycles/c", {}), *local.outbox.writes(events)])
    assert local.arrived() == []
    local.outbox.publish(events)
    assert local.arrived() == [event(1).id, event(2).id]
    assert local.documents.query("outbox") == []


def test_a_batch_that_fails_publishes_nothing_ever(local: Local) -> None:
    local.documents.commit([Create("cycles/c", {})])
    with pytest.raises(Conflict):
        local.documents.commit([Create("cycles/c", {}), *local.outbox.writes([event(1)])])
    local.clock.advance(3600)
    assert local.outbox.sweep(0) == 0
    assert local.arrived() == []


def test_the_sweep_relays_what_a_crash_left_once_it_is_old_enough(local: Local) -> None:
    local.documents.commit([*local.outbox.writes([event(1)])])
    local.clock.advance(29.999)
    assert local.outbox.sweep(30) == 0
    local.clock.advance(0.001)
    assert local.outbox.sweep(30) == 1
    assert local.outbox.sweep(30) == 0
    assert local.arrived() == [event(1).id]
    assert local.seen == [event(1)], "data and attributes survive the outbox"


def test_the_sweep_takes_the_oldest_first_and_the_rest_next_time(local: Local) -> None:
    for number in range(5):
        local.documents.commit([*local.outbox.writes([event(9 - number)])])
        local.clock.advance(0.5)
    assert [local.outbox.sweep(0, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert local.arrived() == [event(9 - number).id for number in range(5)]


def test_an_event_stays_in_the_outbox_while_the_bus_is_away(local: Local) -> None:
    away = Outbox(local.documents, AwayBus(), local.clock)
    local.documents.commit([*away.writes([event(1)])])
    with pytest.raises(Unavailable):
        away.publish([event(1)])
    with pytest.raises(Unavailable):
        away.sweep(0)
    assert len(local.documents.query("outbox")) == 1
    assert local.outbox.sweep(0) == 1
    assert local.arrived() == [event(1).id]


def test_events_that_are_kept_together_are_one_entry_and_come_one_by_one(local: Local) -> None:
    events = [event(1), event(2), event(3)]
    for part in (events, events[:1], []):
        entries = local.outbox.together(part)
        assert len(entries) == min(len(part), 1)
        local.documents.commit([*entries, *local.outbox.writes([event(4)])])
        local.outbox.publish([event(4)], together=part)
        assert local.documents.query("outbox") == []
    assert Counter(local.arrived()) == Counter([*(one.id for one in events), events[0].id, *[event(4).id] * 3])


def test_the_sweep_relays_events_that_were_kept_together(local: Local) -> None:
    events = [event(1), event(2)]
    local.documents.commit(local.outbox.together(events))
    assert local.outbox.sweep(0) == 1
    assert local.arrived() == [one.id for one in events]
    assert local.seen == events
    assert local.documents.query("outbox") == []


def test_the_same_event_cannot_be_committed_twice_while_it_waits(local: Local) -> None:
    local.documents.commit([*local.outbox.writes([event(1)])])
    with pytest.raises(Conflict):
        local.documents.commit([*local.outbox.writes([event(1)])])


def test_more_events_than_one_batch_holds_are_published_and_removed(local: Local) -> None:
    events = [event(number) for number in range(600)]
    for part in (events[:400], events[400:]):
        local.documents.commit([*local.outbox.writes(part)])
    local.outbox.publish(events)
    assert len(set(local.arrived())) == 600
    assert local.documents.query("outbox") == []
