"""Functions as processes: each under functions-framework on a port of its own, in the environment that is deployed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emulators.lifetime import end_with_parent
from quantsentinel.errors import Unavailable

ROOT = Path(__file__).resolve().parents[1]
SERVE_PYTHON = ROOT / ".venv-serve" / "bin" / "python"
"""What a deployed function has; without it (no `make setup` yet) the functions run in this very environment."""
READY_WITHIN_S = 60.0
END_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """How one function starts; `threads` is as many as Cloud Run sends it requests at once."""

    port: int
    environ: Mapping[str, str]
    threads: int


@contextmanager
def function_processes(starts: Mapping[str, Start], logs: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Each function in its own process, its log and control socket in `logs`; they end together."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, start in starts.items():
            processes[name] = _started(name, start, logs)
        yield processes
    finally:
        _end(list(processes.values()))


def _started(name: str, start: Start, logs: Path) -> subprocess.Popen[bytes]:
    source = ROOT / "functions" / name / "main.py"
    python = str(SERVE_PYTHON if SERVE_PYTHON.is_file() else sys.executable)
    command = [python, "-m", "emulators.function_process", "--source", str(source), "--target", name]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("QS_")}
    own = logs / name
    own.mkdir()
    # gunicorn puts its control socket there: not into the home folder, where seven of them would meet.
    sized = {"THREADS": str(start.threads), "XDG_RUNTIME_DIR": str(own)}
    with (logs / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--port", str(start.port), "--host", "127.0.0.1"],
            cwd=ROOT,
            env={**kept, **start.environ, **sized},
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """The functions and their workers, each a session of its own. What they did not finish, nobody acknowledged."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        deadline = time.monotonic() + END_WITHIN_S
        while time.monotonic() < deadline and any(process.poll() is None for process in processes):
            time.sleep(0.05)
    for process in processes:
        process.wait()


def wait_for(ports: Mapping[str, int], processes: Mapping[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Until every function accepts connections. Raises `Unavailable` with the end of the log of one that does not."""
    deadline = time.monotonic() + READY_WITHIN_S
    for name, port in ports.items():
        while not _accepts(port):
            if time.monotonic() > deadline or processes[name].poll() is not None:
                tail = (logs / f"{name}.log").read_text(errors="replace")[-2000:]
                raise Unavailable(f"function {name} did not start: {tail}", where="make dev")
            time.sleep(0.1)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
