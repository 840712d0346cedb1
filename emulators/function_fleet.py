"""Functions as processes: each under functions-framework on a port of its own, in the environment that is deployed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulators.interrupt import pause
from emulators.lifetime import ROOT, end_children, start_child
from quantsentinel.errors import Unavailable

SERVE_PYTHON = ROOT / ".venv-serve" / "bin" / "python"
"""What a deployed function has; without it (no `make setup` yet) the functions run in this very environment."""
READY_WITHIN_S = 180.0
END_WITHIN_S = 2.0
"""What a function does not finish by then, nobody acknowledges."""


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
        end_children(list(processes.values()), END_WITHIN_S)


def _started(name: str, start: Start, logs: Path) -> subprocess.Popen[bytes]:
    source = ROOT / "functions" / name / "main.py"
    python = str(SERVE_PYTHON if SERVE_PYTHON.is_file() else sys.executable)
    command = [python, "-m", "emulators.function_process", "--source", str(source), "--target", name]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("QS_")}
    own = logs / name
    own.mkdir()
    # gunicorn puts its control socket there: not into the home folder, where seven of them would meet.
    sized = {"THREADS": str(start.threads), "XDG_RUNTIME_DIR": str(own)}
    listening = ["--port", str(start.port), "--host", "127.0.0.1"]
    return start_child([*command, *listening], logs / f"{name}.log", {**kept, **start.environ, **sized})


def wait_for(
    ports: Mapping[str, int], processes: Mapping[str, subprocess.Popen[bytes]], logs: Path, stop: threading.Event
) -> None:
    """Until every function accepts connections. Raises `Unavailable` with the end of the log of one that does not."""
    deadline = time.monotonic() + READY_WITHIN_S
    for name, port in ports.items():
        while not _accepts(port):
            if time.monotonic() > deadline or processes[name].poll() is not None:
                tail = (logs / f"{name}.log").read_text(errors="replace")[-2000:]
                raise Unavailable(f"function {name} did not start: {tail}", where="make dev")
            pause(stop, 0.1)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
