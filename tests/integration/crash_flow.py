"""A small flow of the real stores, embedded, and its survey: `python -m tests.integration.crash_flow DIR`.

poll (objects, pointer, outbox) → snapshot.taken → decide → cycle.decided → serve (a counter under compare-and-swap,
one signal a cycle) → signal.issued → deliver (a line to the outside world). Prints one JSON line a run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.ports import Create, Delivery, Event, Update, Write
from quantsentinel.stores.inbox import Claim, Inbox, run_once
from quantsentinel.stores.outbox import Outbox
from tests.crash import Ending, survey

START = datetime(2025, 8, 29, 3, 45, tzinfo=UTC)
SNAPSHOTS = 3
BOOK = "tenants/acme/book/current"


class Flow:
    """One process's ports and handlers on the state in `folder`."""

    def __init__(self, folder: Path, start: int) -> None:
        self.clock = VirtualClock(START + timedelta(hours=start))
        database = Database(folder / "state.db", sync="normal")
        self.documents = SqliteDocuments(database, self.clock)
        self.objects = FolderObjects(folder / "objects", sync="normal")
        self.bus = SqliteBus(database, self.clock)
        self.inbox = Inbox(self.documents, self.clock, f"start-{start}")
        self.outbox = Outbox(self.documents, self.bus, self.clock)
        self.outside = folder / "outside.txt"
        self.bus.subscribe("snapshot.taken", "decide", self.decide)
        self.bus.subscribe("cycle.decided", "serve", self.serve)
        self.bus.subscribe("signal.issued", "deliver", self.deliver)

    def poll(self) -> bool:
        """Takes the next snapshot; False when the day is over."""
        pointer = self.documents.get("market/NIFTY")
        number = int(pointer.data["number"]) + 1 if pointer else 0
        if number == SNAPSHOTS:
            return False
        self.objects.put_if_absent(f"raw/{number}.bin", b"raw %d" % number)
        self.objects.put_if_absent(f"snapshots/{number}.bin", b"snapshot %d" % number)
        moved = {"number": number}
        move = Update(pointer.path, moved, pointer.version) if pointer else Create("market/NIFTY", moved)
        self._commit_and_publish([move], [event("snapshot.taken", number)])
        return True

    def decide(self, delivery: Delivery) -> None:
        number = delivery.event.data["number"]
        assert self.objects.get(f"snapshots/{number}.bin") == b"snapshot %d" % number
        writes = [Create(f"cycles/{number}", {"number": number})]
        self._once(delivery, lambda: (writes, [event("cycle.decided", number)]))

    def serve(self, delivery: Delivery) -> None:
        number = delivery.event.data["number"]

        def work() -> tuple[list[Write], list[Event]]:
            book = self.documents.get(BOOK)
            seen = [*book.data["cycles"], number] if book else [number]
            move = Update(BOOK, {"cycles": seen}, book.version) if book else Create(BOOK, {"cycles": seen})
            signal = Create(f"tenants/acme/signals/{number}", {"number": number})
            return [move, signal], [event("signal.issued", number)]

        self._once(delivery, work)

    def deliver(self, delivery: Delivery) -> None:
        number = delivery.event.data["number"]

        def work() -> tuple[list[Write], list[Event]]:
            with self.outside.open("a", encoding="utf-8") as file:
                file.write(f"{delivery.event.id}\n")
            return [Create(f"tenants/acme/deliveries/{number}", {"state": "sent"})], []

        self._once(delivery, work)

    def _once(self, delivery: Delivery, work: Callable[[], tuple[list[Write], list[Event]]]) -> None:
        def claimed(claim: Claim) -> None:
            writes, events = work()
            self._commit_and_publish([*writes, claim.complete_write({})], events)

        run_once(self.inbox, f"{delivery.subscription}:{delivery.event.id}", "hash", claimed)

    def _commit_and_publish(self, writes: Sequence[Write], events: Sequence[Event]) -> None:
        self.documents.commit([*writes, *self.outbox.writes(events)])
        self.outbox.publish(events)

    def settle(self) -> None:
        """Delivers and relays until nothing waits, moving the clock as far as it takes."""
        while True:
            self.bus.drain()
            relayed = self.outbox.sweep(0)
            due = self.bus.next_due()
            if due is None and not relayed:
                return
            self.clock.advance_to(due or self.clock.now())


def event(topic: str, number: int) -> Event:
    return Event(f"{topic}:{number}", topic, {"number": number})


def run(folder: Path, start: int) -> None:
    flow = Flow(folder, start)
    flow.settle()  # what a start before this one left comes first, as its cycle came first
    while flow.poll():
        flow.settle()
        flow.clock.advance(60)
    flow.settle()


def found(ending: Ending) -> dict[str, object]:
    """What a run left, without times and versions."""
    flow = Flow(ending.folder, 99)
    collections = ("market", "cycles", "tenants/acme/book", "tenants/acme/signals", "tenants/acme/deliveries", "outbox")
    documents = {name: [[item.id, item.data] for item in flow.documents.query(name)] for name in collections}
    undone = [item.data["key"] for item in flow.documents.query("inbox") if item.data["status"] != "completed"]
    lines = flow.outside.read_text(encoding="utf-8").splitlines()
    return {
        "kills": ending.kills,
        "starts": ending.starts,
        "documents": documents,
        "inbox_undone": undone,
        "objects": [[item.key, item.generation] for item in flow.objects.list()],
        "waiting": flow.bus.backlog(),
        "dead": len(flow.bus.dead_letters()),
        "outside": sorted(set(lines)),
        "outside_repeats": len(lines) - len(set(lines)),
    }


if __name__ == "__main__":
    for ending in survey(run, Path(sys.argv[1])):
        sys.stdout.write(json.dumps(found(ending)) + "\n")
        sys.stdout.flush()
