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
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from emulators.lifetime import end_with_parent
from quantsentinel.errors import Unavailable

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools" / "bin"
HOW = "run `make emulators` (emulators/install.sh), which says what it cannot install by itself"
READY_WITHIN_S = 60.0
STARTS = 3
"""A free port may be taken between finding and binding it."""


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
    folders += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    for folder in folders:
        found = sorted((folder / "platform").glob(pattern))
        if found:
            return found[-1]
    return None


@contextmanager
def started(project: str = "local-quantsentinel", *, log_folder: Path | None = None) -> Iterator[Google]:
    """The three, ready; they end with the block, and with this process however it ends (on Linux).

    Raises `Unavailable` that names what is missing, or what did not start and the end of its log.
    """
    programs = locate()
    if programs.missing:
        raise Unavailable(f"{', '.join(programs.missing)} not found", where="emulators", fix=HOW)
    with ExitStack() as stack:
        logs = log_folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emulators-")))
        ports = {
            name: stack.enter_context(_running(name, programs, logs)) for name in ("firestore", "pubsub", "storage")
        }
        for name, port in ports.items():
            _wait_ready(name, port, logs)
        hosts = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        yield Google(project, hosts["firestore"], hosts["pubsub"], f"http://{hosts['storage']}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


@contextmanager
def _running(name: str, programs: Programs, logs: Path) -> Iterator[int]:
    """One program as a child of its own process group; yields its port."""
    for _ in range(STARTS):
        port = free_port()
        with _log(name, logs).open("wb") as log:
            process = subprocess.Popen(
                command(name, programs, port),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        time.sleep(0.2)
        if process.poll() is None:
            break
    try:
        yield port
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_ready(name: str, port: int, logs: Path) -> None:
    path = "/storage/v1/b?project=ready" if name == "storage" else "/"
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    tail = _log(name, logs).read_text(errors="replace")[-2000:]
    raise Unavailable(f"{name} did not answer within {READY_WITHIN_S:.0f} s: {tail}", where="emulators", fix=HOW)


def _log(name: str, logs: Path) -> Path:
    return logs / f"{name}.log"


# --- What Terraform makes in production -------------------------------------------------------------------------------
def create_bucket(google: Google, name: str) -> None:
    """With versioning; one that exists is fine."""
    body = {"name": name, "versioning": {"enabled": True}}
    answer = httpx.post(f"{google.storage}/storage/v1/b", params={"project": google.project}, json=body, timeout=10)
    _accept(answer, f"bucket {name}")


def create_topic(google: Google, topic: str) -> None:
    """One that exists is fine."""
    name = f"projects/{google.project}/topics/{topic}"
    _accept(httpx.put(f"http://{google.pubsub}/v1/{name}", json={}, timeout=10), name)


def create_push_subscription(
    google: Google, topic: str, name: str, endpoint: str, *, min_back_off_s: int = 10, ack_deadline_s: int = 60
) -> None:
    """Pushes every message of `topic` to `endpoint`; one that exists is fine."""
    path = f"projects/{google.project}/subscriptions/{name}"
    body = {
        "topic": f"projects/{google.project}/topics/{topic}",
        "pushConfig": {"pushEndpoint": endpoint},
        "ackDeadlineSeconds": ack_deadline_s,
        "retryPolicy": {"minimumBackoff": f"{min_back_off_s}s", "maximumBackoff": "600s"},
    }
    _accept(httpx.put(f"http://{google.pubsub}/v1/{path}", json=body, timeout=10), path)


def clear_documents(google: Google, database: str = "(default)") -> None:
    path = f"emulator/v1/projects/{google.project}/databases/{database}/documents"
    _accept(httpx.delete(f"http://{google.firestore}/{path}", timeout=10), path)


def _accept(answer: httpx.Response, what: str) -> None:
    if answer.status_code != 409 and answer.is_error:
        raise Unavailable(f"{answer.status_code} {answer.text[:300]}", where=what)
