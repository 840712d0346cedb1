"""Children that do not outlive their parent, also when that ends by kill -9 (on Linux; elsewhere nothing happens)."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KILL_WITHIN_S = 5.0
_PR_SET_PDEATHSIG = 1
# Looked up before any fork: between fork and exec a child of a process with threads must not load anything.
_libc = ctypes.CDLL(None)
_children: set[subprocess.Popen[bytes]] = set()


def end_with_parent() -> None:
    """Called in the child: from now on the kernel kills it when the thread that started it ends."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def outlive_parent() -> None:
    """Takes the wish back."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, 0)


def start_child(command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches only us; what it prints goes to `log`."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    _children.add(child)
    return child


def end_children(children: Sequence[subprocess.Popen[bytes]], within_s: float) -> None:
    """Asks these and what they started to end, kills what has not by then, and returns when nothing of it runs."""
    # The number of one that ended long ago may be a stranger's by now; what it had started, the kernel has ended.
    left = [child for child in children if child.poll() is None]
    for number, patience_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, KILL_WITHIN_S)):
        for child in left:
            _send(child, number)
        deadline = time.monotonic() + patience_s
        while (left := [child for child in left if _runs(child)]) and time.monotonic() < deadline:
            time.sleep(0.05)
    for child in children:
        child.wait(KILL_WITHIN_S)
        _children.discard(child)


def kill_children() -> None:
    """All that were started and not ended, at once and without waiting: for a process that is about to end."""
    for child in tuple(_children):
        if child.poll() is None:
            _send(child, signal.SIGKILL)


def _send(child: subprocess.Popen[bytes], number: int) -> None:
    """To its group: a function is a master and workers."""
    with suppress(ProcessLookupError, PermissionError):  # PermissionError is what macOS says of a group of zombies
        os.killpg(child.pid, number)


def _runs(child: subprocess.Popen[bytes]) -> bool:
    """It, or anything that it left in its group: a worker's last write must not meet a folder being removed."""
    if child.poll() is None:
        return True
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
