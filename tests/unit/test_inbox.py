"""The inbox: twice handled equals once, whoever dies when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.errors import BadInput, Broken, Conflict, Unavailable
from quantsentinel.ports import Create, Put
from quantsentinel.stores.inbox import LEASE_S, Claim, Inbox, run_once


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2025, 8, 29, 3, 45, tzinfo=UTC))


@pytest.fixture
def documents(tmp_path: Path, clock: VirtualClock) -> SqliteDocuments:
    return SqliteDocuments(Database(tmp_path / "state.db", sync="normal"), clock)


@pytest.fixture
def inbox(documents: SqliteDocuments, clock: VirtualClock) -> Inbox:
    return Inbox(documents, clock, "first")


def only_entry(documents: SqliteDocuments) -> dict[str, object]:
    [entry] = documents.query("inbox")
    return dict(entry.data)


def test_work_runs_once_however_often_the_event_comes(documents: SqliteDocuments, inbox: Inbox) -> None:
    runs: list[int] = []

    def work(claim: Claim) -> None:
        runs.append(claim.attempt)
        documents.commit([Create("cycles/c1", {}), claim.complete_write({"cycle": "c1"})])

    assert [run_once(inbox, "decide:c1", "hash", work) for _ in range(3)] == [True, False, False]
    assert runs == [1]
    assert only_entry(documents)["result"] == {"cycle": "c1"}


def test_work_that_commits_nothing_is_completed_too(documents: SqliteDocuments, inbox: Inbox) -> None:
    assert run_once(inbox, "decide:c1", "hash", lambda claim: None) is True
    assert only_entry(documents)["status"] == "completed"
    assert inbox.claim("decide:c1", "hash") is None


def test_two_keys_do_not_touch_each_other(inbox: Inbox) -> None:
    assert inbox.claim("decide:c1", "hash").key == "decide:c1"
    assert inbox.claim("decide:c2", "hash").key == "decide:c2"


def test_a_live_lease_makes_others_wait_and_an_expired_one_is_taken_over(
    documents: SqliteDocuments, clock: VirtualClock, inbox: Inbox
) -> None:
    other = Inbox(documents, clock, "second")
    assert inbox.claim("k", "hash") is not None
    clock.advance(LEASE_S - 0.001)
    with pytest.raises(Unavailable, match="first"):
        other.claim("k", "hash")
    clock.advance(0.001)
    taken = other.claim("k", "hash")
    assert taken.attempt == 2
    assert only_entry(documents)["owner"] == "second"


def test_a_slow_handler_keeps_the_longer_lease_that_it_asked_for(
    documents: SqliteDocuments, clock: VirtualClock, inbox: Inbox
) -> None:
    assert inbox.claim("k", "hash", 60.0) is not None
    clock.advance(59.999)
    with pytest.raises(Unavailable, match="first"):
        Inbox(documents, clock, "second").claim("k", "hash")
    clock.advance(0.001)
    assert Inbox(documents, clock, "second").claim("k", "hash", 60.0).attempt == 2


def test_who_lost_the_lease_loses_its_whole_batch(
    documents: SqliteDocuments, clock: VirtualClock, inbox: Inbox
) -> None:
    slow = inbox.claim("k", "hash")
    clock.advance(LEASE_S + 1)
    quick = Inbox(documents, clock, "second").claim("k", "hash")
    with pytest.raises(Conflict):
        documents.commit([Put("books/b", {"by": "slow"}), slow.complete_write({})])
    assert documents.get("books/b") is None
    documents.commit([Put("books/b", {"by": "quick"}), quick.complete_write({})])
    with pytest.raises(Conflict):
        documents.commit([Put("books/b", {"by": "slow"}), slow.complete_write({})])
    assert documents.get("books/b").data == {"by": "quick"}


def test_a_failure_gives_the_lease_up_so_that_the_next_delivery_need_not_wait(
    documents: SqliteDocuments, inbox: Inbox
) -> None:
    def fail(claim: Claim) -> None:
        raise BadInput(f"attempt {claim.attempt}")

    for attempt in (1, 2, 3):
        with pytest.raises(BadInput, match=f"attempt {attempt}"):
            run_once(inbox, "k", "hash", fail)
    assert only_entry(documents)["status"] == "released"
    assert run_once(inbox, "k", "hash", lambda claim: None) is True


def test_a_failure_after_completion_leaves_it_completed(documents: SqliteDocuments, inbox: Inbox) -> None:
    def publish_fails(claim: Claim) -> None:
        documents.commit([claim.complete_write({"n": 1})])
        raise Unavailable("the bus is away")

    with pytest.raises(Unavailable, match="bus is away"):
        run_once(inbox, "k", "hash", publish_fails)
    assert only_entry(documents)["status"] == "completed"
    assert run_once(inbox, "k", "hash", publish_fails) is False


def test_one_identity_with_two_payloads_is_broken(inbox: Inbox) -> None:
    run_once(inbox, "k", "hash-1", lambda claim: None)
    with pytest.raises(Broken, match=r"hash-2.*hash-1"):
        inbox.claim("k", "hash-2")


def test_of_twenty_racing_consumers_one_works(documents: SqliteDocuments, clock: VirtualClock) -> None:
    runs: list[int] = []

    def consume(number: int) -> str:
        inbox = Inbox(documents, clock, f"consumer-{number}")
        try:
            return "ran" if run_once(inbox, "k", "hash", lambda claim: runs.append(number)) else "done"
        except Unavailable:
            return "wait"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(consume, range(20)))
    assert outcomes.count("ran") == 1
    assert len(runs) == 1


def test_an_entry_says_when_it_may_go(documents: SqliteDocuments, inbox: Inbox) -> None:
    inbox.claim("k", "hash")
    assert only_entry(documents)["expire_at"] == "2025-09-05T03:45:00.000000+00:00"
