"""`make emulators` and `make emulators-stop`: what stands afterwards, and that nothing of anybody else ever ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.detached import Known, recorded
from emulators.function_map import load_map
from emulators.google_emulators import HOW, NAMES, locate
from emulators.interrupt import Interrupted
from emulators.inventory import intended
from emulators.loopback import Loopback, Reply, Request
from emulators.provision import provision, provisioner
from emulators.standing import Standing, end, function_ports, healthy, read_standing, start
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.contracts.events import Envelope, parse_push
from quantsentinel.errors import Unavailable
from quantsentinel.ports import Event
from tests.conftest import ROOT, missing
from tests.e2e.processes import PATIENCE_S, Watched, below, left

pytestmark = [
    pytest.mark.emulators,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc"),
]
ON = threading.Event()
"""Never set."""


@pytest.fixture(scope="module", autouse=True)
def _present() -> None:
    if absent := locate().missing:
        missing(", ".join(absent), HOW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One set's folder for the tests that leave a running one as it is."""
    found = tmp_path_factory.mktemp("checkout") / ".emulators"
    yield found
    end(found, ON, print)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Path]:
    """That of a test of its own."""
    yield tmp_path / ".emulators"
    end(tmp_path / ".emulators", ON, print)


def running(folder: Path) -> list[Known]:
    return [who for name in NAMES if (who := recorded(folder / f"{name}.json"))]


def started(folder: Path) -> Standing:
    """The set, started if it is not."""
    return healthy(folder) or start(folder, ON, print)


# --- What stands ------------------------------------------------------------------------------------------------------
def test_everything_of_the_map_stands_and_the_env_file_names_it(folder: Path) -> None:
    found = started(folder)
    assert read_standing(folder) == found
    with provisioner(found.google) as here:
        assert here.standing() == intended(load_map(), found.ports)
    assert set(found.ports) == set(load_map().functions)
    assert len(running(folder)) == 3


def test_a_second_start_finds_them_healthy_and_mends_what_was_changed(folder: Path) -> None:
    found, before, said = started(folder), running(folder), list[str]()
    with provisioner(found.google) as here:
        here.drop_subscription("decide")
    assert start(folder, ON, said.append) == found
    assert said == ["already running and healthy; made anew from the map: subscription decide"]
    assert start(folder, ON, said.append) == found
    assert said[1:] == ["already running and healthy"]
    assert running(folder) == before


def test_what_somebody_else_made_there_stays_and_what_differs_is_made_anew(folder: Path) -> None:
    found = started(folder)
    google, wanted = found.google, intended(load_map(), found.ports)
    moved = intended(load_map(), {**found.ports, "decide": 9})
    with provisioner(google) as here:
        here.topic("of.somebody")
        assert provision(google, moved) == ["subscription decide"]
        assert here.standing().subscriptions == moved.subscriptions
        assert provision(google, wanted) == ["subscription decide"]
        assert here.standing().topics == tuple(sorted([*wanted.topics, "of.somebody"]))


def test_a_push_that_meets_nobody_is_repeated_until_the_function_listens(folder: Path) -> None:
    found, arrived = started(folder), list[Envelope]()

    def taken(request: Request) -> Reply:
        arrived.append(parse_push(request.headers, request.body))
        return Reply(204)

    bus = PubSubBus(found.google.project, emulator_host=found.google.pubsub)
    bus.publish(Event("tick:1", "tick.sweep", {"at": "2025-08-29T04:00:00Z"}))
    bus.close()
    time.sleep(1.0)  # for a first push that fails; nothing tells of one
    server = Loopback(taken, found.ports["sweep"])
    server.start()
    deadline = time.monotonic() + PATIENCE_S
    while not arrived and time.monotonic() < deadline:
        time.sleep(0.1)
    server.stop()
    assert {envelope.event_id for envelope in arrived} == {"tick:1"}


def test_a_function_in_front_of_them_hears_its_topic_and_writes_to_their_database(folder: Path, tmp_path: Path) -> None:
    google = started(folder).google
    bus, documents = (
        PubSubBus(google.project, emulator_host=google.pubsub),
        FirestoreDocuments(google.project, emulator_host=google.firestore),
    )
    bus.publish(Event("no-cycle:1", "cycle.decided", {"not": "a cycle"}))
    line = [sys.executable, "-m", "emulators.local_function", "fan_out", str(folder)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(line, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
    function, deadline = Watched(process, tmp_path / "said"), time.monotonic() + PATIENCE_S
    try:
        while not (dropped := documents.query("dropped")):
            assert process.poll() is None, function.said
            assert time.monotonic() < deadline, function.said
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)
        bus.close()
        documents.close()
    assert [(each.data["function"], each.data["event_id"]) for each in dropped] == [("fan_out", "no-cycle:1")]


def test_a_function_that_is_not_in_the_map_is_refused_with_those_that_are(folder: Path) -> None:
    started(folder)
    line = [sys.executable, "-m", "emulators.local_function", "fanout", str(folder)]
    run = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "no function 'fanout' in the map" in run.stderr
    assert "fan_out" in run.stderr


# --- How it begins and ends -------------------------------------------------------------------------------------------
def test_two_checkouts_stand_side_by_side_and_each_ends_its_own(folder: Path, another: Path) -> None:
    mine, theirs = started(folder), start(another, ON, print)
    assert not set(mine.ports.values()) & set(theirs.ports.values())
    assert not set(mine.google.environ.values()) & {
        theirs.google.pubsub,
        theirs.google.firestore,
        theirs.google.storage,
    }
    gone = {who.pid for who in running(another)}
    end(another, ON, print)
    assert not left(gone)
    assert not (another / "env").exists()
    assert healthy(folder) == mine


def test_a_half_dead_set_is_ended_and_started_anew(another: Path) -> None:
    said = list[str]()
    start(another, ON, said.append)
    before = running(another)
    os.kill(before[1].pid, signal.SIGKILL)
    assert not left({before[1].pid})
    assert healthy(another) is None
    start(another, ON, said.append)
    assert said == ["ended what was left of an earlier set"]
    assert not left({who.pid for who in before})
    assert len(running(another)) == 3


def test_a_set_whose_folder_was_removed_under_it_is_found_and_ended(another: Path) -> None:
    start(another, ON, print)
    gone, said = {who.pid for who in running(another)}, list[str]()
    shutil.rmtree(another)
    end(another, ON, said.append)
    assert said == ["ended 3 emulators"]
    assert not left(gone)


def test_an_end_without_a_set_says_so_and_changes_nothing(tmp_path: Path) -> None:
    said = list[str]()
    end(tmp_path / "none", ON, said.append)
    assert said == ["no emulators of this checkout are running"]
    assert not (tmp_path / "none").exists()


def test_one_who_waits_for_the_other_can_be_interrupted(folder: Path) -> None:
    found, stop, said = started(folder), threading.Event(), list[str]()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(Interrupted):
            end(folder, stop, said.append)
    assert said == ["waiting for another start or end of the same emulators"]
    assert healthy(folder) == found


# --- Its process ------------------------------------------------------------------------------------------------------
def command(folder: Path, **environ: str) -> Watched:
    line = [sys.executable, "-m", "emulators.standing_command", "start", "--folder", str(folder)]
    with (folder.parent / "said").open("wb") as said:
        process = subprocess.Popen(
            line, cwd=ROOT, env={**os.environ, **environ}, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Watched(process, folder.parent / "said")


def until_one_runs(folder: Path, starter: Watched) -> set[int]:
    deadline = time.monotonic() + PATIENCE_S
    while not running(folder):
        assert time.monotonic() < deadline
        assert starter.process.poll() is None, starter.said
        time.sleep(0.01)
    return below(starter.process.pid)


def test_ctrl_c_half_way_leaves_nothing(another: Path) -> None:
    starter = command(another)
    begun = until_one_runs(another, starter)
    os.killpg(starter.process.pid, signal.SIGINT)
    assert starter.code() == 130, starter.said
    assert "interrupted" in starter.said
    assert not left(begun)
    assert not running(another)
    assert not (another / "env").exists()


def test_a_start_that_was_killed_half_way_is_cleaned_up_by_the_next(another: Path) -> None:
    starter = command(another)
    begun = until_one_runs(another, starter)
    starter.process.kill()
    starter.process.wait()
    assert healthy(another) is None
    start(another, ON, print)
    now = {who.pid for who in running(another)}
    assert len(now) == 3
    assert not left(begun - now)


def test_no_home_is_needed(another: Path) -> None:
    starter = command(another, HOME="/proc/nowhere")
    assert starter.code() == 0, starter.said
    assert len(running(another)) == 3


# --- Ports ------------------------------------------------------------------------------------------------------------
def test_ports_are_a_checkout_s_own_stay_and_avoid_what_is_taken(tmp_path: Path) -> None:
    first = function_ports(tmp_path, ["one", "two"], {})
    assert function_ports(tmp_path, ["one", "two"], {}) == first
    assert all(1024 < port < 32768 for port in first.values())
    server = Loopback(lambda request: Reply(204), first["one"])
    server.start()
    moved = function_ports(tmp_path, ["one", "two"], {})
    kept = function_ports(tmp_path, ["one", "two", "three"], first)
    server.stop()
    assert first["one"] not in moved.values()
    assert {name: kept[name] for name in first} == first
    assert len(set(kept.values())) == 3


def test_a_range_that_is_used_up_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no free port left for function f32"):
        function_ports(tmp_path, [f"f{number}" for number in range(33)], {})
