"""kill -9 at every write boundary of a program on the embedded profile, then start it again and look what is left.

A program is a function `run(folder, start)` that works on the state in `folder` until nothing is left to do; `start`
counts its starts (0 first), so that it can move its clock on. `survey` runs it in forked children: once in peace, then
killed at each boundary and started again. Use it from a process without threads (`python -m …`), never from pytest.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.objects import FolderObjects

Program = Callable[[Path, int], None]
MAX_STARTS = 6


class KillSwitch:
    """Counts the write boundaries of this process, and ends it at number `at` as kill -9 does (0: never).

    Boundaries: inside a transaction just before its commit, after the commit, an object written but not yet in place,
    an object in place. What the bus writes (publish, take, acknowledge) counts like everything else.
    """

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.reached = 0

    def reach(self) -> None:
        self.reached += 1
        if self.reached == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self) -> None:
        """For the rest of this process: every database and every folder of objects."""
        writing, write, link = Database.writing, FolderObjects._write, FolderObjects._link

        @contextmanager
        def killing_writing(database: Database) -> Iterator[Any]:
            with writing(database) as connection:
                yield connection
                self.reach()
            self.reach()

        def killing_write(objects: FolderObjects, path: Path, data: bytes) -> None:
            write(objects, path, data)
            self.reach()

        def killing_link(objects: FolderObjects, key: str, generation: int, data: bytes) -> bool:
            linked = link(objects, key, generation, data)
            self.reach()
            return linked

        Database.writing = killing_writing
        FolderObjects._write = killing_write
        FolderObjects._link = killing_link


@dataclass(frozen=True, slots=True)
class Ending:
    """`kills` are the boundaries at which the successive starts were killed; `starts` how many it took."""

    kills: tuple[int, ...]
    starts: int
    folder: Path


def start_child(run: Program, folder: Path, start: int, kill_at: int) -> tuple[bool, int]:
    """Runs the program in a forked child: whether it was killed, and how many boundaries it passed when it was not.

    Raises `AssertionError` when the child fails by itself: its traceback is on stderr.
    """
    counted = folder / "boundaries"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            switch = KillSwitch(kill_at)
            switch.arm()
            run(folder, start)
            counted.write_text(str(switch.reached), encoding="utf-8")
            code = 0
        finally:
            os._exit(code) if code == 0 else _exit_loudly()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
        return True, 0
    assert os.WEXITSTATUS(status) == 0, f"the program failed after the kills before start {start}"
    return False, int(counted.read_text(encoding="utf-8"))


def _exit_loudly() -> None:
    import traceback

    traceback.print_exc()
    os._exit(1)


def run_to_the_end(run: Program, folder: Path, kills: tuple[int, ...]) -> tuple[Ending, int]:
    """Starts the program, killed at each of `kills` in turn, until it ends by itself; also its last boundary count."""
    folder.mkdir(parents=True)
    for start in range(MAX_STARTS):
        killed, boundaries = start_child(run, folder, start, kills[start] if start < len(kills) else 0)
        if not killed:
            return Ending(kills, start + 1, folder), boundaries
    raise AssertionError(f"still not ended after {MAX_STARTS} starts")


def survey(run: Program, root: Path) -> Iterator[Ending]:
    """First the peaceful run (no kills), then one run killed at each boundary, then one with a second kill each."""
    peaceful, boundaries = run_to_the_end(run, root / "peaceful", ())
    yield peaceful
    for number in range(1, boundaries + 1):
        yield run_to_the_end(run, root / f"once-{number}", (number,))[0]
    for number in range(1, boundaries + 1):
        second = 1 + (7 * number) % max(1, boundaries // 2)
        yield run_to_the_end(run, root / f"twice-{number}", (number, second))[0]
