"""A program that listens for an interrupt ends at it: in order where it looks, and anyway where it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.processes import PATIENCE_S, Watched, left

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc")
Start = Callable[[str], Watched]

LOOKS = """
import time
from emulators.interrupt import Interrupted, listen, pause
stop, turns = listen(), 0
print("ready", flush=True)
try:
    while True:
        turns += 1
        pause(stop)
except Interrupted:
    time.sleep(0.2)
    print("ended", flush=True)
"""
DEAF = """
import sys, threading
from pathlib import Path
from emulators.interrupt import listen
from emulators.lifetime import start_child
def deaf():
    threading.Event().wait()
listen(patience_s=0.5)
print("child", start_child(["sleep", "600"], Path(sys.argv[1])).pid, flush=True)
deaf()
"""
CLINGS = """
import time
from emulators.interrupt import listen
class Clinging:
    def __del__(self, wait=time.sleep):
        wait(600)
kept, stop = Clinging(), listen(patience_s=0.5)
print("ready", flush=True)
stop.wait()
"""
OURSELVES = """
import time
from emulators.interrupt import listen
print("ready", flush=True)
listen(patience_s=0.5).set()
time.sleep(600)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(code: str) -> Watched:
        with (tmp_path / "said").open("wb") as said:
            command = [sys.executable, "-c", code, str(tmp_path / "child.log")]
            started.append(subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT))
        return Watched(started[-1], tmp_path / "said")

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_any_number_of_interrupts_raise_nothing_and_are_seen_where_the_program_looks(
    start: Start, number: signal.Signals
) -> None:
    program = start(LOOKS)
    program.wait_for("ready")
    deadline = time.monotonic() + PATIENCE_S
    while program.process.poll() is None and time.monotonic() < deadline:
        program.process.send_signal(number)
        time.sleep(0.001)
    assert program.code() == 0, program.said
    assert program.said == "ready\nended\n"


def test_a_program_that_does_not_end_says_where_it_is_and_is_ended_with_its_children(start: Start) -> None:
    program = start(DEAF)
    program.wait_for("child")
    child = int(program.said.split()[1])
    program.process.send_signal(signal.SIGINT)
    assert program.code() == 1
    assert "not ended 0.5 s after it was asked for" in program.said
    assert "in deaf" in program.said
    assert not left({child})


def test_an_interpreter_that_hangs_while_it_finalises_is_ended_too(start: Start) -> None:
    program = start(CLINGS)
    program.wait_for("ready")
    program.process.send_signal(signal.SIGINT)
    assert program.code() == 1
    assert "in __del__" in program.said


def test_an_end_that_the_program_itself_asked_for_is_as_certain(start: Start) -> None:
    program = start(OURSELVES)
    assert program.code() == 1
    assert "not ended 0.5 s after it was asked for" in program.said


def test_a_program_says_what_it_is_doing_when_asked_and_goes_on(start: Start) -> None:
    program = start(LOOKS)
    program.wait_for("ready")
    os.kill(program.process.pid, signal.SIGUSR1)
    program.wait_for("Current thread")
    program.process.send_signal(signal.SIGINT)
    assert program.code() == 0, program.said
    assert program.said.endswith("ended\n")
