"""Batches that race, arrive before their predecessor, or arrive late."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app.decide import decide
from quantsentinel.app.fan_out import fan_out
from quantsentinel.app.platform import Recent
from quantsentinel.app.poll_market import poll_market
from quantsentinel.app.serve_tenants import serve_tenants
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.audit.chain import verify
from quantsentinel.contracts.events import CycleDecided, SnapshotTaken, TenantBatch
from quantsentinel.errors import BadInput, StaleData, Unavailable
from quantsentinel.market.snapshot import Slice
from quantsentinel.ports import Document, Documents, Event, Put, Where, Write
from quantsentinel.wiring.replay import FEED
from tests.flow import BOTH, NIFTY, ZEN, Flow, day_file, flow

START = datetime(2025, 1, 1, tzinfo=UTC)
PATIENCE_S = 180.0


class Held:
    """Documents whose first write of a book by each thread waits until every thread has come that far."""

    def __init__(self, inner: Documents, book_path: str, parties: int) -> None:
        self._inner, self._book_path = inner, book_path
        self._barrier = threading.Barrier(parties, timeout=PATIENCE_S)
        self._seen = threading.local()
        self.attempts: list[str] = []

    def get(self, path: str) -> Document | None:
        return self._inner.get(path)

    def get_many(self, paths: Sequence[str]) -> dict[str, Document]:
        return self._inner.get_many(paths)

    def query(self, collection: str, where: Sequence[Where] = (), **how: object) -> list[Document]:
        return self._inner.query(collection, where, **how)

    def commit(self, writes: Sequence[Write]) -> None:
        if any(write.path == self._book_path for write in writes):
            self.attempts.append(threading.current_thread().name)
            if not hasattr(self._seen, "waited"):
                self._seen.waited = True
                self._barrier.wait()
        self._inner.commit(writes)


class Torn:
    """Documents that lose power before one path is written."""

    def __init__(self, inner: Documents, path: str) -> None:
        self._inner, self._path = inner, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, writes: Sequence[Write]) -> None:
        if any(write.path == self._path for write in writes):
            raise Unavailable("the process died")
        self._inner.commit(writes)


class Shelf:
    """A bus that delivers nothing: what was published is taken from it by hand."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        self.events += events

    def last(self, message: type[Any]) -> Any:
        return message.model_validate([event.data for event in self.events if event.topic == message.topic][-1])


class ByHand:
    """A day of which every hop is made by hand."""

    def __init__(self, running: Flow) -> None:
        self.running, self.clock, self.shelf = running, running.clock, Shelf()
        self.platform = replace(running.platform, bus=self.shelf)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def snapshot(self, underlying: str) -> SnapshotTaken:
        """Polls at the next collection time."""
        moments = [at for at, name in self.running.stage.schedule if name == underlying and at > self._last(underlying)]
        self.clock.advance_to(moments[0])
        polled = poll_market(self.platform, FEED, underlying)
        assert polled is not None
        assert polled.accepted
        self.running.played.append(polled)
        return self.shelf.last(SnapshotTaken)

    def cycle(self, underlying: str) -> CycleDecided:
        decide(self.platform, self.snapshot(underlying))
        return self.shelf.last(CycleDecided)

    def batch(self, underlying: str) -> TenantBatch:
        fan_out(self.platform, self.cycle(underlying))
        return self.shelf.last(TenantBatch)

    def _last(self, underlying: str) -> datetime:
        return max((item.at for item in self.running.played if item.underlying == underlying), default=START)


@contextmanager
def by_hand(
    tmp_path: Path, names: Sequence[str], indices: Sequence[int], gap_from: int | None = None
) -> Iterator[ByHand]:
    with flow(tmp_path / "state", day_file(tmp_path, names, indices, gap_from=gap_from), (ZEN,)) as running:
        yield ByHand(running)


# --- two underlyings, one book ---
def test_of_two_underlyings_decided_concurrently_exactly_one_takes_the_last_room(tmp_path: Path) -> None:
    with by_hand(tmp_path, BOTH, range(1)) as day:
        set_tenant(day.platform, TenantRequest(ZEN.tenant_id, limits={"max_positions": 1}))
        batches = [day.batch(name) for name in BOTH]
        held = Held(day.platform.documents, f"tenants/{ZEN.tenant_id}/book/current", parties=2)
        platforms = [replace(day.platform, documents=held, owner=name, recent=Recent(4)) for name in BOTH]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(serve_tenants, *pair) for pair in zip(platforms, batches, strict=True)]:
                done.result(timeout=PATIENCE_S)
        store = day.platform.tenants.store(ZEN.tenant_id)
        created = day.running.signals("created")
        rows = {row["underlying"]: row for row in day.running.rows(ZEN.tenant_id)}
        assert len(held.attempts) == 3, "both wrote from the same book, and the one that lost wrote again"
        assert len(created) == len(store.book()[0].positions) == 1
        loser = next(rows[name] for name in BOTH if name != created[0]["underlying"])
        assert loser["signals"] == []
        assert "policy.positions" in {refusal["first"]["guard"] for refusal in loser["refusals"]}
        assert verify(store.audit_records()) is None


@pytest.mark.parametrize("name", BOTH)
def test_each_of_the_two_underlyings_alone_takes_that_room(tmp_path: Path, name: str) -> None:
    with by_hand(tmp_path, BOTH, range(1)) as day:
        set_tenant(day.platform, TenantRequest(ZEN.tenant_id, limits={"max_positions": 1}))
        serve_tenants(day.platform, day.batch(name))
        assert [item["underlying"] for item in day.running.signals("created")] == [name]


# --- predecessors ---
def test_a_batch_waits_until_the_one_before_it_is_applied(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(2)) as day:
        first = day.batch("NIFTY")
        day.advance(30)
        second = day.batch("NIFTY")
        assert second.after == (first.batch_id,)
        with pytest.raises(Unavailable, match=first.batch_id):
            serve_tenants(day.platform, second)
        assert day.running.rows(ZEN.tenant_id) == []
        serve_tenants(day.platform, first)
        serve_tenants(day.platform, second)
        assert [row["cycle"] for row in day.running.rows(ZEN.tenant_id)] == [
            first.cycle.cycle_id,
            second.cycle.cycle_id,
        ]


def test_a_predecessor_past_its_age_limit_counts_as_applied(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(2)) as day:
        first, second = day.batch("NIFTY"), day.batch("NIFTY")
        limit = day.platform.desk.policy.age.max_handling_s
        day.clock.advance_to(first.cycle.decided_at + timedelta(seconds=limit))
        with pytest.raises(Unavailable):
            serve_tenants(day.platform, second)
        day.advance(0.001)
        serve_tenants(day.platform, second)
        assert [row["cycle"] for row in day.running.rows(ZEN.tenant_id)] == [second.cycle.cycle_id]


def test_a_batch_that_died_before_its_record_is_not_applied_again_after_the_next_one(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(2)) as day:
        first = day.batch("NIFTY")
        whole = day.platform
        day.platform = replace(whole, documents=Torn(whole.documents, f"batches/{first.batch_id}"))
        with pytest.raises(Unavailable, match="died"):
            serve_tenants(day.platform, first)
        day.platform = whole
        second = day.batch("NIFTY")
        day.clock.advance_to(first.cycle.decided_at + timedelta(seconds=90))
        serve_tenants(day.platform, second)
        rows, signals = day.running.rows(ZEN.tenant_id), day.running.signals()
        assert signals
        serve_tenants(day.platform, first)
        assert [row["cycle"] for row in rows] == [second.cycle.cycle_id]
        assert len(day.running.rows(ZEN.tenant_id)) == 2
        assert day.running.signals() == signals


def test_a_cycle_that_was_dropped_is_not_waited_for(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(2)) as day:
        first, second = day.batch("NIFTY"), day.batch("NIFTY")
        dropped = Put(f"cycles/{first.cycle.cycle_id}", {"state": "dropped", "what": "no rule"})
        day.platform.documents.commit([dropped])
        serve_tenants(day.platform, second)
        assert [row["cycle"] for row in day.running.rows(ZEN.tenant_id)] == [second.cycle.cycle_id]


def test_a_snapshot_that_the_rules_do_not_cover_is_dropped_and_its_cycle_says_so(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        platform, cycle = day.platform, day.batch("NIFTY").cycle
        snapshot, history = platform.snapshot(cycle.snapshot_key), platform.history(cycle.history_key)
        at = datetime(2025, 8, 27, 5, 0, tzinfo=UTC)  # a holiday
        closed = replace(snapshot, slices=tuple(Slice(part.expiry, at, at) for part in snapshot.slices))
        taken = SnapshotTaken(
            cycle_id="cyc-holiday", underlying="NIFTY", session=at.date(), accepted_at=platform.clock.now(),
            snapshot_key=platform.snapshots.put_snapshot(closed),
            history_key=platform.snapshots.put_history(replace(history, session=at.date())),
        )  # fmt: skip
        with pytest.raises(BadInput, match="not a trading day"):
            decide(platform, taken)
        cycle_document = platform.documents.get("cycles/cyc-holiday")
        assert cycle_document is not None
        assert cycle_document.data["state"] == "dropped"


def test_a_batch_handled_twice_is_handled_once(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        batch = day.batch("NIFTY")
        serve_tenants(day.platform, batch)
        before = [*day.running.signals(), *day.running.rows(ZEN.tenant_id)], len(day.shelf.events)
        serve_tenants(day.platform, batch)
        assert before == ([*day.running.signals(), *day.running.rows(ZEN.tenant_id)], len(day.shelf.events))


# --- too late ---
@pytest.mark.parametrize(("delay_s", "entries"), [(60.0, True), (60.001, False)])
def test_a_batch_handled_more_than_a_minute_after_its_decision_enters_nothing(
    tmp_path: Path, delay_s: float, entries: bool
) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        batch = day.batch("NIFTY")
        day.advance(delay_s)
        serve_tenants(day.platform, batch)
        refused = [refusal["first"] for refusal in day.running.rows(ZEN.tenant_id)[0]["refusals"]]
        assert bool(day.running.signals("created")) is entries
        assert ("late" in {first["guard"] for first in refused}) is not entries


def test_a_late_batch_still_closes_what_is_over(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(3), gap_from=1) as day:
        serve_tenants(day.platform, day.batch("NIFTY"))
        entered = day.running.signals("created")
        for _ in range(2):
            batch = day.batch("NIFTY")
            day.advance(61)
            serve_tenants(day.platform, batch)
        assert entered
        assert day.running.signals("closed")
        assert day.running.signals("created") == entered


def test_a_snapshot_decided_too_late_is_recorded_and_makes_no_cycle(tmp_path: Path) -> None:
    with by_hand(tmp_path, NIFTY, range(1)) as day:
        taken = day.snapshot("NIFTY")
        day.advance(61)
        with pytest.raises(StaleData, match="61 s ago, limit 60 s"):
            decide(day.platform, taken)
        document = day.platform.documents.get(f"cycles/{taken.cycle_id}")
        assert document is not None
        assert (document.data["state"], document.data["measured"], document.data["limit"]) == ("late", 61.0, 60.0)
        assert not [event for event in day.shelf.events if event.topic == CycleDecided.topic]
        decide(day.platform, taken)
        assert not [event for event in day.shelf.events if event.topic == CycleDecided.topic]
