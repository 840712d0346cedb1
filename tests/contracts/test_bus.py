"""What every implementation of `Bus` promises: at least once, to every subscription, again after a failure.

Pub/Sub pushes to a local HTTP server that answers as a function does: 204 acknowledges, 503 asks again.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from emulators.google_emulators import Google
from emulators.inventory import Subscribed
from emulators.loopback import Loopback, Reply, Request
from emulators.provision import provisioner
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.contracts.events import parse_push
from quantsentinel.errors import Unavailable
from quantsentinel.ports import Bus, Delivery, Event, Handler
from tests.contracts.conftest import IMPLEMENTATIONS

_prefixes = (f"t{number}." for number in itertools.count())
WITHIN_S = 180.0
IMPATIENT = Subscribed("", "", 60, 3600, never_expires=True, min_backoff_s=1, max_backoff_s=600)


class Embedded:
    """Subscriptions are handlers; waiting moves the clock to the next due time."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.bus: Bus = SqliteBus(database, clock)
        self._bus, self._clock = self.bus, clock

    def subscribe(self, topic: str, name: str, handler: Handler) -> None:
        self._bus.subscribe(topic, name, handler)

    def run_until(self, done: Callable[[], bool]) -> None:
        while not done():
            due = self._bus.next_due()
            assert due is not None, "nothing waits, and it is not done"
            self._clock.advance_to(due)
            self._bus.run_due(1)

    def close(self) -> None:
        self._bus.close()


class PubSub:
    """Every subscription pushes to one loopback server, which answers for the handler of its path."""

    def __init__(self, google: Google) -> None:
        self._google, self._prefix = google, next(_prefixes)
        self.bus: Bus = PubSubBus(google.project, topic_prefix=self._prefix, emulator_host=google.pubsub)
        self._handlers: dict[str, Handler] = {}
        self._server = Loopback(self._push)
        self._server.start()
        with provisioner(google) as here:
            for topic in ("snapshot.taken", "cycle.decided"):
                here.topic(self._prefix + topic)

    def subscribe(self, topic: str, name: str, handler: Handler) -> None:
        self._handlers[f"/{name}"] = handler
        wanted = replace(IMPATIENT, name=self._prefix + name, topic=self._prefix + topic)
        with provisioner(self._google) as here:
            here.subscription(replace(wanted, push_endpoint=f"{self._server.url}/{name}"))

    def _push(self, request: Request) -> Reply:
        envelope = parse_push(request.headers, request.body)
        event = Event(envelope.event_id, envelope.attributes["topic"], envelope.data, envelope.attributes)
        try:
            self._handlers[request.path](Delivery(event, envelope.attempt, request.path[1:]))
        except Unavailable:
            return Reply(503)
        return Reply(204)

    def run_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not done():
            assert time.monotonic() < deadline, f"not done within {WITHIN_S} s"
            time.sleep(0.02)

    def close(self) -> None:
        self._server.stop()
        self.bus.close()


@pytest.fixture(params=IMPLEMENTATIONS)
def side(
    request: pytest.FixtureRequest, database: Database, clock: VirtualClock, ran: dict[str, set[str]]
) -> Iterator[Embedded | PubSub]:
    if request.param == "embedded":
        found: Embedded | PubSub = Embedded(database, clock)
    else:
        found = PubSub(request.getfixturevalue("google_emulators"))
    ran["bus"].add(request.param)
    yield found
    found.close()


class Inboxes:
    """What arrived, by subscription; `refuse` is how many deliveries fail first."""

    def __init__(self, refuse: int = 0) -> None:
        self.seen: list[Delivery] = []
        self._refuse = refuse
        self._lock = threading.Lock()

    def __call__(self, delivery: Delivery) -> None:
        with self._lock:
            self.seen.append(delivery)
            if len(self.seen) <= self._refuse:
                raise Unavailable("not yet", where="test")

    def ids(self, name: str | None = None) -> list[str]:
        return sorted(item.event.id for item in self.seen if name in (None, item.subscription))


def event(number: int, topic: str = "snapshot.taken") -> Event:
    return Event(
        f"{topic}:{number}", topic, {"n": number, "text": "₹", "nested": [[1.5], None]}, {"traceparent": "00-ab"}
    )


def test_an_event_arrives_with_its_id_data_and_attributes(side: Embedded | PubSub) -> None:
    inboxes = Inboxes()
    side.subscribe("snapshot.taken", "decide", inboxes)
    side.bus.publish(event(1))
    side.run_until(lambda: bool(inboxes.seen))
    arrived = inboxes.seen[0].event
    assert (arrived.id, arrived.topic) == ("snapshot.taken:1", "snapshot.taken")
    assert arrived.data == {"n": 1, "text": "₹", "nested": [[1.5], None]}
    assert arrived.attributes["traceparent"] == "00-ab"
    assert inboxes.seen[0].subscription == "decide"


def test_every_subscription_of_the_topic_gets_every_event_and_no_other_does(side: Embedded | PubSub) -> None:
    inboxes = Inboxes()
    side.subscribe("snapshot.taken", "decide", inboxes)
    side.subscribe("snapshot.taken", "archive", inboxes)
    side.subscribe("cycle.decided", "fan-out", inboxes)
    side.bus.publish_all([event(number) for number in range(20)] + [event(99, "cycle.decided")])
    side.run_until(lambda: len(inboxes.seen) >= 41)
    everything = sorted(f"snapshot.taken:{number}" for number in range(20))
    assert sorted(set(inboxes.ids("decide"))) == everything
    assert sorted(set(inboxes.ids("archive"))) == everything
    assert set(inboxes.ids("fan-out")) == {"cycle.decided:99"}


def test_a_handler_that_is_unavailable_is_asked_again_until_it_succeeds(side: Embedded | PubSub) -> None:
    inboxes = Inboxes(refuse=2)
    side.subscribe("snapshot.taken", "decide", inboxes)
    side.bus.publish(event(1))
    side.run_until(lambda: len(inboxes.seen) >= 3)
    assert set(inboxes.ids()) == {"snapshot.taken:1"}


def test_publishing_an_event_twice_delivers_it_at_least_twice_under_one_id(side: Embedded | PubSub) -> None:
    inboxes = Inboxes()
    side.subscribe("snapshot.taken", "decide", inboxes)
    side.bus.publish(event(1))
    side.bus.publish(event(1))
    side.run_until(lambda: len(inboxes.seen) >= 2)
    assert set(inboxes.ids()) == {"snapshot.taken:1"}


def test_an_acknowledged_event_stays_away(side: Embedded | PubSub) -> None:
    inboxes = Inboxes()
    side.subscribe("snapshot.taken", "decide", inboxes)
    side.bus.publish(event(1))
    side.run_until(lambda: bool(inboxes.seen))
    side.bus.publish(event(2))
    side.run_until(lambda: len(inboxes.seen) >= 2)
    assert inboxes.ids() == ["snapshot.taken:1", "snapshot.taken:2"]


@pytest.mark.emulators
def test_a_topic_that_does_not_exist_is_unavailable_on_pubsub(google_emulators: Google) -> None:
    bus = PubSubBus(google_emulators.project, emulator_host=google_emulators.pubsub)
    with pytest.raises(Unavailable, match="no\\.such"):
        bus.publish(Event("x:1", "no.such", {}))
    bus.close()


@pytest.mark.emulators
def test_both_implementations_of_bus_ran(ran: dict[str, set[str]], google_emulators: object) -> None:
    assert ran["bus"] == {"embedded", "google"}
