"""Processes that outlive who started them, each known by a record: its number and when the kernel started it.

A number alone is soon a stranger's. The record is written by the process itself before it becomes the program, and
until then it ends with its starter: no moment exists in which something runs that no record names (on Linux).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from emulators.lifetime import ROOT, end_with_parent, outlive_parent

KILL_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Known:
    """One process of one boot of the machine; `started` is in the kernel's own words."""

    pid: int
    started: str


def start_detached(
    command: Sequence[str], record: Path, log: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """The program in a session of its own: neither Ctrl-C nor a closed terminal reaches it."""
    wrapper = [sys.executable, "-m", "emulators.detached", str(os.getpid()), str(record), *command]
    with log.open("wb") as output:
        return subprocess.Popen(
            wrapper,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def become(starter: int, record: Path, command: Sequence[str]) -> None:
    """In the new process: written down first, then on its own, then the program."""
    end_with_parent()
    if os.getppid() != starter:
        sys.exit("who started this ended meanwhile")
    own = known(os.getpid())
    if own is None:
        sys.exit("the kernel does not tell when this process began")
    write_record(own, record)
    outlive_parent()
    try:
        os.execv(command[0], list(command))  # noqa: S606 (no shell is wanted; the path is the program's own)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def write_record(who: Known, record: Path) -> None:
    """Whole or not at all."""
    draft = record.with_suffix(f".{who.pid}")
    draft.write_text(json.dumps(asdict(who)), encoding="utf-8")
    draft.replace(record)


def known(pid: int) -> Known | None:
    """The process of that number as it is now; None when there is none, or only what is left of one."""
    if sys.platform != "linux":
        return _known_to_ps(pid)
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else Known(pid, f"{boot} {rest[18]}")


def _known_to_ps(pid: int) -> Known | None:
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return Known(pid, answer.stdout.strip()) if answer.stdout.strip() else None


def recorded(record: Path) -> Known | None:
    """Who the record names, when that very process runs."""
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        named = Known(int(said["pid"]), str(said["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return named if known(named.pid) == named else None


def marked(variable: str, value: str) -> list[Known]:
    """Our own processes that were started with this in their environment, also where a record is lost (on Linux)."""
    entry = f"{variable}={value}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if entry in path.read_bytes().split(b"\0") and (who := known(int(path.parent.name))):
                found.append(who)
    return found


def end_recorded(records: Sequence[Path], within_s: float) -> list[Known]:
    """Ends the processes that the records name, none other, and removes each record; who was ended.

    A record stays until its process is gone: whoever comes after an end that was killed half-way finishes it.
    """
    found = {record: who for record in records if (who := recorded(record))}
    for number, patience_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, KILL_WITHIN_S)):
        for who in found.values():
            _send(who, number)
        deadline = time.monotonic() + patience_s
        while any(_runs(who) for who in found.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
    for record in records:
        if record not in found or not _runs(found[record]):
            record.unlink(missing_ok=True)
    return list(found.values())


def _runs(who: Known) -> bool:
    with suppress(ChildProcessError):  # of its starter it is a child, and stays as a zombie until it is asked for
        os.waitpid(who.pid, os.WNOHANG)
    return known(who.pid) == who


def _send(who: Known, number: signal.Signals) -> None:
    """To exactly this one: between look and signal its number could become another's, a descriptor of it cannot."""
    with suppress(ProcessLookupError):
        if not hasattr(os, "pidfd_open"):
            if known(who.pid) == who:
                os.kill(who.pid, number)
            return
        descriptor = os.pidfd_open(who.pid)
        try:
            if known(who.pid) == who and not select.select([descriptor], [], [], 0)[0]:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    become(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
