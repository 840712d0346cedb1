"""Which processes a process has started, which of them are left, and what one of them says that did not end in time."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 240.0
"""What a loaded machine may take; all that is well takes far less."""


def parents() -> dict[int, int]:
    """pid -> parent of every process that is alive."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def below(root: int) -> set[int]:
    """Every living descendant of a process."""
    alive, found, new = parents(), {root}, {root}
    while new:
        new = {pid for pid, parent in alive.items() if parent in new} - found
        found |= new
    return found - {root}


def left(pids: set[int], within_s: float = 20.0) -> set[int]:
    """Those that are still alive when the time is over; the kernel needs a moment for a killed one."""
    deadline = time.monotonic() + within_s
    while (alive := pids & set(parents())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def rss_mb(pid: int) -> float:
    """The most that it ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


@dataclass(frozen=True)
class Watched:
    """A process that writes everything it says into a file. SIGUSR1 makes it say what each of its threads does."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_for(self, start: str) -> None:
        """Until a line starts like this. Fails with all that it said when it ends before, or says nothing like it."""
        deadline = time.monotonic() + PATIENCE_S
        while not any(line.startswith(start) for line in self.said.splitlines()):
            assert self.process.poll() is None, f"ended with {self.process.returncode} before {start!r}: {self.said}"
            assert time.monotonic() < deadline, f"no {start!r} within {PATIENCE_S:g} s: {self._with_stacks()}"
            time.sleep(0.01)

    def code(self) -> int:
        """Its exit code. Fails with all that it said, and its stacks, when it does not end."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended within {PATIENCE_S:g} s: {self._with_stacks()}") from None

    def _with_stacks(self) -> str:
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(2)
        return self.said
