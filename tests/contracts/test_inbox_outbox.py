"""Inbox and outbox on every implementation of `Documents`: what they rest on holds on SQLite and on Firestore."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.errors import Conflict, Unavailable
from quantsentinel.ports import Create, Documents, Event, Update
from quantsentinel.stores.inbox import LEASE_S, Claim, Inbox, run_once
from quantsentinel.stores.outbox import Outbox


def test_of_twenty_racing_consumers_one_works(documents: Documents, clock: VirtualClock) -> None:
    def consume(number: int) -> str:
        inbox = Inbox(documents, clock, f"consumer-{number}")

        def work(claim: Claim) -> None:
            documents.commit([Create(f"cycles/{number}", {}), claim.complete_write({"by": number})])

        try:
            return "ran" if run_once(inbox, "decide:c1", "hash", work) else "done"
        except Unavailable:
            return "wait"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(consume, range(20)))
    assert outcomes.count("ran") == 1
    assert len(documents.query("cycles")) == 1


def test_of_ten_racing_thieves_of_an_expired_lease_one_gets_it(documents: Documents, clock: VirtualClock) -> None:
    assert Inbox(documents, clock, "dead").claim("k", "hash") is not None
    clock.advance(LEASE_S + 1)

    def steal(number: int) -> bool:
        try:
            return Inbox(documents, clock, f"thief-{number}").claim("k", "hash") is not None
        except Unavailable:
            return False

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(steal, range(10))).count(True) == 1


def test_state_completion_and_event_are_one_batch(
    documents: Documents, clock: VirtualClock, database: Database
) -> None:
    outbox = Outbox(documents, SqliteBus(database, clock), clock)
    documents.commit([Create("tenants/acme/book/current", {"n": 0})])
    book = documents.get("tenants/acme/book/current")
    assert book is not None
    documents.commit([Update(book.path, {"n": 1}, book.version)])  # somebody else was faster

    def work(claim: Claim) -> None:
        event = Event("signal.issued:s1", "signal.issued", {"n": 1})
        stale = Update(book.path, {"n": 2}, book.version)
        documents.commit([stale, *outbox.writes([event]), claim.complete_write({})])

    with pytest.raises(Conflict, match="book/current"):
        run_once(Inbox(documents, clock, "me"), "serve:c1", "hash", work)
    assert documents.query("outbox") == []
    assert [item.data["status"] for item in documents.query("inbox")] == ["released"]


def test_the_sweep_relays_stragglers_by_age(documents: Documents, clock: VirtualClock, database: Database) -> None:
    bus = SqliteBus(database, clock)
    outbox = Outbox(documents, bus, clock)
    seen: list[Event] = []
    bus.subscribe("t", "s", lambda delivery: seen.append(delivery.event))
    events = [Event(f"t:a/b {number}", "t", {"nested": [[number]]}) for number in range(5)]
    for event in events:
        documents.commit([*outbox.writes([event])])
        clock.advance_to(clock.now() + timedelta(seconds=10))
    assert outbox.sweep(25) == 3
    bus.drain()
    assert seen == events[:3]
    assert len(documents.query("outbox")) == 2
