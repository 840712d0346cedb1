"""Infrastructure that is not there is `Unavailable`, at once and without a retry of the adapter's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions

from emulators.held_port import held_port
from quantsentinel.adapters.embedded.clock import SystemClock, VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.adapters.google.connection import NotAllowed, translated
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.adapters.google.objects import GcsObjects
from quantsentinel.adapters.google.publisher import MAX_MESSAGES, batches, message_of
from quantsentinel.errors import Broken, Conflict, QuantsentinelError, Unavailable
from quantsentinel.ports import Event, Put


def firestore(host: str) -> None:
    FirestoreDocuments("local-away", emulator_host=host).commit([Put("a/b", {})])


def firestore_query(host: str) -> None:
    FirestoreDocuments("local-away", emulator_host=host).query("a")


def firestore_get(host: str) -> None:
    FirestoreDocuments("local-away", emulator_host=host).get("a/b")


def bucket_put(host: str) -> None:
    GcsObjects("local-away", "away-bucket", emulator_url=f"http://{host}").put_if_absent("a", b"x")


def bucket_get(host: str) -> None:
    GcsObjects("local-away", "away-bucket", emulator_url=f"http://{host}").get("a")


def bucket_list(host: str) -> None:
    GcsObjects("local-away", "away-bucket", emulator_url=f"http://{host}").list()


def pubsub(host: str) -> None:
    PubSubBus("local-away", emulator_host=host).publish(Event("t:1", "t", {}))


@pytest.mark.parametrize(
    "call", [firestore, firestore_query, firestore_get, bucket_put, bucket_get, bucket_list, pubsub]
)
def test_a_google_service_out_of_reach_is_unavailable_at_its_first_refusal(call: Callable[[str], None]) -> None:
    with held_port() as port, pytest.raises(Unavailable) as error:
        call(f"127.0.0.1:{port}")
    assert not isinstance(error.value, Conflict)
    refused = (exceptions.ServiceUnavailable, requests.ConnectionError)
    assert isinstance(error.value.__cause__, refused), "one that was tried again would end at its deadline"


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (exceptions.AlreadyExists("x"), Conflict),
        (exceptions.FailedPrecondition("x"), Conflict),
        (exceptions.Aborted("x"), Conflict),
        (exceptions.PreconditionFailed("x"), Conflict),
        (exceptions.InvalidArgument("x"), Broken),
        (exceptions.PermissionDenied("x"), NotAllowed),
        (exceptions.ServiceUnavailable("x"), Unavailable),
        (exceptions.DeadlineExceeded("x"), Unavailable),
        (exceptions.ResourceExhausted("x"), Unavailable),
        (exceptions.InternalServerError("x"), Unavailable),
    ],
)
def test_google_s_errors_become_the_branch_that_sets_the_policy(
    raised: Exception, meant: type[QuantsentinelError]
) -> None:
    with pytest.raises(QuantsentinelError) as error, translated("here"):
        raise raised
    assert type(error.value) is meant
    assert error.value.where == "here"


def test_a_state_file_locked_for_too_long_is_unavailable(tmp_path: Path) -> None:
    holding = Database(tmp_path / "state.db", sync="normal")
    waiting = SqliteDocuments(Database(tmp_path / "state.db", sync="normal", busy_timeout_s=0.05), SystemClock())
    with holding.writing(), pytest.raises(Unavailable, match="locked"):
        waiting.commit([Put("a/b", {})])
    waiting.commit([Put("a/b", {})])


def test_an_object_that_cannot_be_stored_is_unavailable(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects")
    (tmp_path / "objects" / "taken").write_bytes(b"a file where a folder has to be")
    with pytest.raises(Unavailable, match="taken"):
        objects.put("taken/x.bin", b"x")


def test_a_request_holds_at_most_a_thousand_messages_and_nine_megabytes() -> None:
    small = [message_of(Event(f"t:{number}", "t", {"n": number})) for number in range(2 * MAX_MESSAGES + 1)]
    assert [len(batch) for batch in batches(small)] == [MAX_MESSAGES, MAX_MESSAGES, 1]
    large = [message_of(Event(f"t:{number}", "t", {"text": "x" * 4_000_000})) for number in range(5)]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]
    assert batches([]) == []


def test_a_system_clock_is_wall_time_in_utc_plus_its_offset() -> None:
    before = datetime.now(UTC)
    now = SystemClock(3600.0).now()
    assert before <= now - timedelta(hours=1) <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_a_virtual_clock_stands_still_and_never_goes_back() -> None:
    start = datetime(2025, 8, 29, 9, 15, tzinfo=UTC)
    clock = VirtualClock(start)
    clock.advance_to(start - timedelta(hours=1))
    assert clock.now() == start
    clock.advance(1.5)
    assert clock.now() - start == timedelta(seconds=1.5)
    with pytest.raises(Broken):
        clock.advance(-1)
    with pytest.raises(Broken):
        clock.advance_to(datetime(2025, 8, 29))
