"""The set of emulators that `make emulators` leaves running, provisioned from the map, and `make emulators-stop` ends.

Everything about it is in one folder of the checkout, so two checkouts never meet:

    .emulators/env            addresses, written last: a set that has one is complete
    .emulators/NAME.json      whom to end (detached.py)
    .emulators/NAME.log
    .emulators/lock           held by whoever starts or ends it
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from emulators.detached import end_recorded, marked, recorded, start_detached, write_record
from emulators.function_map import load_map
from emulators.google_emulators import (
    END_WITHIN_S,
    HOW,
    NAMES,
    Google,
    Programs,
    command,
    google_on,
    locate,
    wait_ready,
)
from emulators.held_port import held_port
from emulators.interrupt import pause
from emulators.inventory import intended
from emulators.lifetime import ROOT
from emulators.provision import provision
from quantsentinel.errors import QuantsentinelError, Unavailable
from quantsentinel.wiring.emulators import ENV_FILE, read_env_file, silent

FOLDER = ROOT / ENV_FILE.parent
PROJECT = "local-quantsentinel"
PORT = "FUNCTION_PORT_"
MARK = "EMULATORS_OF"
"""In the environment of each: whose it is, should the folder with the records be removed under it."""
MADE_BY = "PROVISIONED_BY"
CONTAINERS_HOST = "host.docker.internal"
COMPOSED = Google(PROJECT, "127.0.0.1:8701", "127.0.0.1:8702", "http://127.0.0.1:8703")
"""As emulators/compose.yaml publishes them."""
ATTEMPTS = 3
"""Starts, where a port that was free a moment ago is not any more."""
FIRST_PORT, PORTS_A_CHECKOUT, CHECKOUTS = 10_000, 32, 680
"""Below what kernels give to clients, so that a port without a listener stays without one."""
HEAD = f"""\
# Of the emulators that `make emulators` left running; `make emulators-stop` ends them and removes this file.
# To use them: qs --emulators COMMAND, or in a shell: set -a; . {ENV_FILE}; set +a
"""
Say = Callable[[str], None]
Make = Callable[[Google, Mapping[str, int], threading.Event], list[str]]
"""Makes what the map asks for, with the functions on these ports, and tells what it made."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A complete set: where it is, where its subscriptions push to, and who provisioned it."""

    google: Google
    ports: Mapping[str, int]
    made_by: str

    def lines(self) -> str:
        """The env file's text."""
        pairs = {"QS_PROFILE": "google", "QS_PROJECT": self.google.project, **self.google.environ}
        pairs |= {f"{PORT}{name.upper()}": str(port) for name, port in self.ports.items()}
        pairs[MADE_BY] = self.made_by
        return HEAD + "".join(f"{key}={value}\n" for key, value in pairs.items())


@dataclass(frozen=True, slots=True)
class Way:
    """Of provisioning, by name."""

    name: str
    make: Make


def _by_clients(google: Google, ports: Mapping[str, int], stop: threading.Event) -> list[str]:
    return provision(google, intended(load_map(), ports), stop)


CLIENTS = Way("clients", _by_clients)
"""Google's own clients."""


def _in_containers(google: Google, ports: Mapping[str, int], stop: threading.Event) -> list[str]:
    return provision(google, intended(load_map(), ports, CONTAINERS_HOST), stop)


COMPOSE = Way("compose", _in_containers)
"""The same clients, on emulators whose Pub/Sub runs in a container and knows this machine by another name."""


# --- The folder -------------------------------------------------------------------------------------------------------
def read_standing(folder: Path = FOLDER) -> Standing:
    """Raises `Unavailable` when there is no complete set."""
    found = read_env_file(folder / ENV_FILE.name)
    google = Google(found["GOOGLE_CLOUD_PROJECT"], *(found[f"{name.upper()}_EMULATOR_HOST"] for name in NAMES))
    ports = {key.removeprefix(PORT).lower(): int(value) for key, value in found.items() if key.startswith(PORT)}
    return Standing(google, ports, found[MADE_BY])


def healthy(folder: Path = FOLDER) -> Standing | None:
    """The set, when it is complete, its processes are those that were started, and all of them answer. Whether
    containers are those that were started, Docker knows."""
    try:
        found = read_standing(folder)
    except (QuantsentinelError, KeyError, ValueError):
        return None
    ours = found.made_by == COMPOSE.name or all(recorded(record) for record in _records(folder))
    return found if ours and not silent(found.google.environ) else None


@contextmanager
def locked(folder: Path, stop: threading.Event, say: Say) -> Iterator[None]:
    """One at a time in a checkout; the kernel lets go of a lock whose holder ended, however that was."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waiting:
                    say("waiting for another start or end of the same emulators")
                waiting = True
                pause(stop, 0.1)
            else:
                break
        yield


# --- Start and end ----------------------------------------------------------------------------------------------------
def start(folder: Path, stop: threading.Event, say: Say, way: Way = CLIENTS) -> Standing:
    """The running set when it is well, brought up to the map; otherwise a new one in place of what is left of it.

    Raises `Unavailable` that says what did not start, `Interrupted` when `stop` is set; then nothing of it is left.
    """
    programs = locate()
    if programs.missing:
        raise Unavailable(f"{', '.join(programs.missing)} not found", where="make emulators", fix=HOW)
    with locked(folder, stop, say):
        there = healthy(folder)
        if there and way.name in (there.made_by, CLIENTS.name):
            return _kept(there, folder, stop, say)
        if there:
            fix = "Run `make emulators-stop` first: what they hold is lost with them"
            raise Unavailable(f"a set that {there.made_by} provisioned is running", where="make emulators", fix=fix)
        if _ended(folder):
            say("ended what was left of an earlier set")
        return _new(folder, programs, way, stop)


def adopt(folder: Path, google: Google, stop: threading.Event, say: Say) -> Standing:
    """Provisions emulators that Docker started, and writes their env file; any number of times.

    Raises `Unavailable` when one does not answer, or a set of this checkout's own is running.
    """
    if dead := silent(google.environ):
        fix = "docker compose -f emulators/compose.yaml up --wait"
        raise Unavailable(f"no answer from {', '.join(dead)}", where="make emulators COMPOSE=1", fix=fix)
    with locked(folder, stop, say):
        there = healthy(folder)
        if there and there.made_by != COMPOSE.name:
            fix = "Run `make emulators-stop` first: what they hold is lost with them"
            raise Unavailable("a set without containers is running", where="make emulators COMPOSE=1", fix=fix)
        found = Standing(
            google, function_ports(folder, load_map().functions, there.ports if there else {}), COMPOSE.name
        )
        COMPOSE.make(google, found.ports, stop)
        _write(folder, found)
        return found


def end(folder: Path, stop: threading.Event, say: Say) -> None:
    """Ends the processes of this checkout's set, no other, and removes the env file."""
    ended, there = 0, None
    if folder.is_dir() or marked(MARK, str(folder.resolve())):
        with locked(folder, stop, say):
            there, ended = healthy(folder), _ended(folder)
    if there and there.made_by == COMPOSE.name:
        say("forgotten; the containers go on until docker compose -f emulators/compose.yaml down")
    else:
        say(f"ended {ended} emulators" if ended else "no emulators of this checkout are running")


def _kept(there: Standing, folder: Path, stop: threading.Event, say: Say) -> Standing:
    found = replace(there, ports=function_ports(folder, load_map().functions, there.ports))
    way = {each.name: each for each in (CLIENTS, COMPOSE)}.get(there.made_by)
    made = way.make(there.google, found.ports, stop) if way else []
    _write(folder, found)
    say("already running and healthy" + (f"; made anew from the map: {', '.join(made)}" if made else ""))
    return found


def _new(folder: Path, programs: Programs, way: Way, stop: threading.Event) -> Standing:
    for attempt in range(1, ATTEMPTS + 1):
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            google = _launched(folder, programs, processes, stop)
            ports = function_ports(folder, load_map().functions, {})
            way.make(google, ports, stop)
            found = Standing(google, ports, way.name)
            _write(folder, found)
        except BaseException as error:
            # Whoever came not yet so far as to be on record is known here.
            for process in processes.values():
                process.kill()
                process.wait()
            _ended(folder)
            if attempt == ATTEMPTS or not (isinstance(error, Unavailable) and "in use" in error.what):
                raise
        else:
            return found
    raise AssertionError("the last attempt returns or raises")


def _launched(
    folder: Path, programs: Programs, processes: dict[str, subprocess.Popen[bytes]], stop: threading.Event
) -> Google:
    """The three, answering; each is put into `processes` as soon as it exists."""
    with ExitStack() as stack:
        ports = {name: stack.enter_context(held_port()) for name in NAMES}
        for name, port in ports.items():
            pause(stop)
            line = command(name, programs, port)
            environ = {**os.environ, MARK: str(folder.resolve())}
            processes[name] = start_detached(line, folder / f"{name}.json", folder / f"{name}.log", environ)
        for name, port in ports.items():
            wait_ready(port, processes[name], folder / f"{name}.log", stop)
        return google_on(PROJECT, ports)


def _ended(folder: Path) -> int:
    """The env file goes first: what it names is from now on not to be relied on."""
    (folder / ENV_FILE.name).unlink(missing_ok=True)
    for who in marked(MARK, str(folder.resolve())):
        if who not in [recorded(record) for record in _records(folder)]:
            write_record(who, folder / f"stray-{who.pid}.json")
    return len(end_recorded(list(folder.glob("*.json")), END_WITHIN_S))


def _records(folder: Path) -> list[Path]:
    return [folder / f"{name}.json" for name in NAMES]


def _write(folder: Path, found: Standing) -> None:
    draft = folder / f"{ENV_FILE.name}.new"
    draft.write_text(found.lines(), encoding="utf-8")
    draft.replace(folder / ENV_FILE.name)


# --- Where the functions of a checkout listen -------------------------------------------------------------------------
def function_ports(folder: Path, names: Iterable[str], kept: Mapping[str, int]) -> dict[str, int]:
    """Those of `kept`, and for every other function a free one out of a range that the folder's path picks.

    Nothing needs to listen there yet: a push that meets nobody is repeated by the subscription's own rules. Raises
    `Unavailable` when the range is used up.
    """
    wanted = list(names)
    ports = {name: kept[name] for name in wanted if name in kept}
    first = FIRST_PORT + PORTS_A_CHECKOUT * (zlib.crc32(str(folder.resolve()).encode()) % CHECKOUTS)
    free = (port for port in range(first, first + PORTS_A_CHECKOUT) if port not in kept.values() and _is_free(port))
    for name in wanted:
        if name not in ports:
            port = next(free, None)
            if port is None:
                last = first + PORTS_A_CHECKOUT - 1
                raise Unavailable(f"no free port left for function {name}", where=f"ports {first} to {last}")
            ports[name] = port
    return {name: ports[name] for name in wanted}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
