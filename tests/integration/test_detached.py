"""A detached process outlives its starter, is known by more than its number, and nobody else is ever ended for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from emulators.detached import Known, end_recorded, known, recorded, start_detached
from tests.conftest import ROOT
from tests.e2e.processes import PATIENCE_S, left

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a starter's end ends nobody")
SLEEP = ["/bin/sleep", "600"]
STARTER = """
import sys, time
from pathlib import Path
from emulators.detached import start_detached
folder = Path(sys.argv[1])
print(start_detached(["/bin/sleep", "600"], folder / "one.json", folder / "one.log").pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Whoever is on record there is ended after the test."""
    yield tmp_path
    end_recorded(list(tmp_path.glob("*.json")), within_s=1)


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(folder: Path, name: str = "one") -> Known:
    start_detached(SLEEP, folder / f"{name}.json", folder / f"{name}.log")
    until(lambda: recorded(folder / f"{name}.json"))
    found = recorded(folder / f"{name}.json")
    assert found is not None
    return found


def test_it_is_on_record_in_a_session_of_its_own_and_outlives_a_killed_starter(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        starter.kill()
        starter.wait()
    found = recorded(folder / "one.json")
    assert found is not None
    assert found.pid == pid == os.getsid(pid)


def test_a_starter_that_is_killed_at_once_leaves_nobody_who_is_not_on_record(folder: Path) -> None:
    for wait_s in (0.0, 0.02, 0.1, 0.3):
        with subprocess.Popen(
            [sys.executable, "-c", STARTER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as starter:
            assert starter.stdout is not None
            pid = int(starter.stdout.readline())
            time.sleep(wait_s)
            starter.kill()
        until(lambda pid=pid: recorded(folder / "one.json") or known(pid) is None)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        end_recorded([folder / "one.json"], within_s=5)
        assert not left({pid})


def test_ending_takes_exactly_those_on_record(folder: Path) -> None:
    one, two, other = started(folder, "one"), started(folder, "two"), started(folder, "other")
    assert end_recorded([folder / "one.json", folder / "two.json"], within_s=5) == [one, two]
    assert not left({one.pid, two.pid})
    assert known(other.pid) == other
    assert [path.name for path in folder.glob("*.json")] == ["other.json"]


def test_a_number_that_is_a_stranger_s_by_now_is_left_alone_and_forgotten(folder: Path) -> None:
    stranger = started(folder, "stranger")
    record = folder / "one.json"
    record.write_text(json.dumps(asdict(Known(stranger.pid, "an earlier boot 17"))), encoding="utf-8")
    assert recorded(record) is None
    assert end_recorded([record], within_s=5) == []
    assert known(stranger.pid) == stranger
    assert not record.exists()


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"pid": "x", "started": 1}'])
def test_a_torn_record_names_nobody(folder: Path, text: str) -> None:
    (folder / "one.json").write_text(text, encoding="utf-8")
    assert end_recorded([folder / "one.json"], within_s=5) == []
    assert not (folder / "one.json").exists()


def test_one_that_ignores_being_asked_is_killed(folder: Path) -> None:
    stubborn = ["/bin/bash", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]
    start_detached(stubborn, folder / "one.json", folder / "one.log")
    until(lambda: (folder / "one.log").read_text() == "ready\n")
    (found,) = end_recorded([folder / "one.json"], within_s=0.2)
    assert not left({found.pid})


def test_what_the_program_says_is_in_its_log_and_a_missing_program_is_said_there(folder: Path) -> None:
    process = start_detached(["/no/such/program"], folder / "one.json", folder / "one.log")
    assert process.wait(PATIENCE_S) != 0
    assert "/no/such/program" in (folder / "one.log").read_text()
    assert recorded(folder / "one.json") is None


def test_who_has_another_parent_than_its_starter_does_not_go_on(folder: Path) -> None:
    code = "import os, sys; from pathlib import Path; from emulators.detached import become; "
    code += "become(os.getpid(), Path(sys.argv[1]), ['/bin/sleep', '600'])"
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder / "one.json")], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "ended meanwhile" in run.stderr
    assert not (folder / "one.json").exists()
