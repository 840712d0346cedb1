"""Firestore emulator, Pub/Sub emulator and fake-gcs-server on free ports of this machine: for tests and `make dev`.

with started() as google:
    google.firestore     # host:port
    google.pubsub        # host:port
    google.storage       # http://host:port
    google.environ       # the same as the variables that Google's own clients read
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from emulators.held_port import held_port
from emulators.interrupt import pause
from emulators.lifetime import ROOT, end_children, start_child
from quantsentinel.errors import Unavailable

TOOLS = ROOT / ".tools" / "bin"
HOW = "run `make emulators-installed` (emulators/install.sh), which says what it cannot install by itself"
READY_WITHIN_S = 180.0
END_WITHIN_S = 5.0
NAMES = ("firestore", "pubsub", "storage")


@dataclass(frozen=True, slots=True)
class Google:
    """Where the three run."""

    project: str
    firestore: str
    pubsub: str
    storage: str

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "FIRESTORE_EMULATOR_HOST": self.firestore,
            "PUBSUB_EMULATOR_HOST": self.pubsub,
            "STORAGE_EMULATOR_HOST": self.storage,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }


@dataclass(frozen=True, slots=True)
class Programs:
    """What was found; None where it is missing."""

    java: Path | None
    firestore_jar: Path | None
    pubsub_jar: Path | None
    fake_gcs_server: Path | None

    @property
    def missing(self) -> tuple[str, ...]:
        named = {
            "java": self.java,
            "Firestore emulator": self.firestore_jar,
            "Pub/Sub emulator": self.pubsub_jar,
            "fake-gcs-server": self.fake_gcs_server,
        }
        return tuple(name for name, path in named.items() if path is None)


def locate() -> Programs:
    """Looks on the PATH, under the gcloud SDK's `platform` folder and in this project's `.tools/bin`."""
    java = shutil.which("java")
    server = shutil.which("fake-gcs-server", path=os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")]))
    return Programs(
        java=Path(java) if java else None,
        firestore_jar=_in_sdk("cloud-firestore-emulator/cloud-firestore-emulator.jar"),
        pubsub_jar=_in_sdk("pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"),
        fake_gcs_server=Path(server) if server else None,
    )


def _in_sdk(pattern: str) -> Path | None:
    gcloud = shutil.which("gcloud")
    folders = [Path(gcloud).resolve().parents[1]] if gcloud else []
    folders += [Path("/usr/lib/google-cloud-sdk"), Path("~/google-cloud-sdk").expanduser()]
    for folder in folders:
        found = sorted((folder / "platform").glob(pattern))
        if found:
            return found[-1]
    return None


@contextmanager
def started(
    project: str = "local-quantsentinel", *, log_folder: Path | None = None, stop: threading.Event | None = None
) -> Iterator[Google]:
    """The three, ready; they end with the block, and with this process however it ends (on Linux).

    Raises `Unavailable` that names what is missing, or what did not start and the end of its log; `Interrupted` when
    `stop` is set while they start.
    """
    programs = locate()
    if programs.missing:
        raise Unavailable(f"{', '.join(programs.missing)} not found", where="emulators", fix=HOW)
    with ExitStack() as stack:
        logs = log_folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emulators-")))
        ports = {name: stack.enter_context(held_port()) for name in NAMES}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(lambda: end_children(list(processes.values()), END_WITHIN_S))
        for name, port in ports.items():
            processes[name] = start_child(command(name, programs, port), _log(name, logs))
        for name, port in ports.items():
            wait_ready(port, processes[name], _log(name, logs), stop or threading.Event())
        yield google_on(project, ports)


def google_on(project: str, ports: Mapping[str, int]) -> Google:
    """The three on these ports of the loopback interface."""
    hosts = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    return Google(project, hosts["firestore"], hosts["pubsub"], f"http://{hosts['storage']}")


def command(name: str, programs: Programs, port: int) -> list[str]:
    """How the program of that name is started on a port of the loopback interface."""
    heap = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    if name == "firestore":
        main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
        java = [str(programs.java), *heap, "-Duser.language=en", "-cp", str(programs.firestore_jar), main]
        return [*java, "start", "--host", "127.0.0.1", "--port", str(port)]
    if name == "pubsub":
        return [str(programs.java), *heap, "-jar", str(programs.pubsub_jar), "--host=127.0.0.1", f"--port={port}"]
    address = f"127.0.0.1:{port}"
    server = [str(programs.fake_gcs_server), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1"]
    return [*server, "-port", str(port), "-public-host", address, "-external-url", f"http://{address}"]


def wait_ready(port: int, process: subprocess.Popen[bytes], log: Path, stop: threading.Event) -> None:
    """Any answer will do: fake-gcs-server says 404 of its root, the others 200. Raises `Unavailable`, `Interrupted`."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        except httpx.HTTPError:
            pause(stop, 0.1)
        else:
            return
    how = f"did not answer within {READY_WITHIN_S:.0f} s" if process.returncode is None else "ended by itself"
    tail = log.read_text(errors="replace")[-2000:]
    raise Unavailable(f"{log.stem} {how}: {tail}", where="emulators", fix=HOW)


def _log(name: str, logs: Path) -> Path:
    return logs / f"{name}.log"
