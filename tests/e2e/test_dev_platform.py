"""`make dev` as a person runs it: real functions behind push subscriptions, and nothing left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulators.dev_platform import CHAT_ID, ROOT, Dev, functions, running
from emulators.google_emulators import HOW, locate
from emulators.supervisor import Screen, parse_options, tick_forever
from quantsentinel.app import listing
from quantsentinel.app.platform import Platform
from quantsentinel.wiring.google import open_google
from tests.conftest import missing

pytestmark = [
    pytest.mark.emulators,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc"),
]
DAY_S = 80.0
"""The longest that the day is watched: three accepted polls close the stale-data switch, then signals go out."""
MOST_RSS_MB = 256.0
END_WITHIN_S = 60.0
EMULATORS = 3


# --- Processes --------------------------------------------------------------------------------------------------------
def _parents() -> dict[int, int]:
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


def _below(root: int) -> set[int]:
    """Every living descendant of a process."""
    parents, found, new = _parents(), {root}, {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found - {root}


def _rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _left(pids: set[int], within_s: float) -> set[int]:
    """Those that are still alive when the time is over."""
    deadline = time.monotonic() + within_s
    while (alive := pids & set(_parents())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


# --- A day ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Watched:
    """What a bounded day came to, read while everything was up; `left` are processes that outlived it."""

    snapshots: tuple[Mapping[str, Any], ...]
    cycles: tuple[Mapping[str, Any], ...]
    batches: int
    signals: tuple[Mapping[str, Any], ...]
    dropped: int
    sink: Mapping[str, Any]
    chats: tuple[Any, ...]
    screen: tuple[str, ...]
    calls: Mapping[str, int]
    rss_mb: Mapping[str, float]
    logs: Mapping[str, str]
    started: set[int]
    left: set[int]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    before, logs = _below(os.getpid()), tmp_path_factory.mktemp("dev")
    options = parse_options(["--poll-s", "10", "--seconds", str(DAY_S)])
    with running(options, logs) as dev:
        found = _watch(dev)
        started = _below(os.getpid()) - before
    return Watched(**found, started=started, left=_left(started, 1.0))


def _watch(dev: Dev) -> dict[str, Any]:
    """Ticks until signals have arrived on both channels, or the time is over."""
    platform, stop, said = open_google(dev.settings), threading.Event(), list[str]()
    ticker = threading.Thread(target=tick_forever, args=(platform, stop), daemon=True)
    ticker.start()
    screen, deadline = Screen(dev, platform, said.append), time.monotonic() + DAY_S
    while time.monotonic() < deadline and not (dev.telegram.messages and _is_settled(dev, platform)):
        screen.look()
        stop.wait(1)
    stop.set()
    ticker.join()
    screen.look()
    return _evidence(dev, platform) | {"screen": tuple(said)}


def _is_settled(dev: Dev, platform: Platform) -> bool:
    """Every committed signal has reached its tenant's webhook."""
    return 0 < len(listing.signals(platform)) <= dev.sink.summary()["unique"]


def _evidence(dev: Dev, platform: Platform) -> dict[str, Any]:
    workers = {name: max(_below(process.pid)) for name, process in dev.processes.items()}
    return {
        "snapshots": tuple(listing.snapshots(platform)),
        "cycles": tuple(document.data for document in platform.documents.query("cycles")),
        "batches": len(platform.documents.query("batches")),
        "signals": tuple(listing.signals(platform)),
        "dropped": len(platform.documents.query("dropped")),
        "sink": dev.sink.summary(),
        "chats": dev.telegram.messages,
        "calls": dev.broker.calls,
        "rss_mb": {name: _rss_mb(pid) for name, pid in workers.items()},
        "logs": {name: (dev.logs / f"{name}.log").read_text() for name in functions()},
    }


def test_snapshots_are_polled_over_http_judged_and_accepted(watched: Watched) -> None:
    outcomes = [line["outcome"] for line in watched.snapshots]
    assert outcomes.count("accepted") >= 3
    assert watched.snapshots[0]["guard"] == "liveness", "nothing was seen before the first poll to prove it alive"
    assert watched.calls["/v2/option/chain 200"] >= len(outcomes)
    assert not any(call.endswith((" 401", " 429")) for call in watched.calls)


def test_every_accepted_snapshot_becomes_one_decided_cycle_for_every_tenant(watched: Watched) -> None:
    accepted = sum(line["outcome"] == "accepted" for line in watched.snapshots)
    assert [cycle["state"] for cycle in watched.cycles] == ["decided"] * len(watched.cycles)
    # The newest may still be under way.
    assert accepted - 1 <= watched.batches <= len(watched.cycles) <= accepted
    assert watched.dropped == 0


def test_signals_reach_the_webhook_once_each_and_signed(watched: Watched) -> None:
    assert watched.sink["accepted"] >= 1
    assert watched.sink["unverified"] == watched.sink["duplicates"] == 0
    issued = {f"{item['signal_id']}.{item['sequence']}" for item in watched.signals}
    assert {item["id"] for item in watched.sink["deliveries"]} <= issued


def test_signals_reach_the_chat_once_each_and_on_paper(watched: Watched) -> None:
    texts = [message.plain for message in watched.chats]
    assert texts
    assert len(set(texts)) == len(texts)
    assert {message.chat_id for message in watched.chats} == {CHAT_ID}
    assert all("PAPER" in text for text in texts)
    assert {item["mode"] for item in watched.signals} == {"paper"}


def test_the_screen_shows_what_arrived(watched: Watched) -> None:
    kinds = {text.split()[0] for text in watched.screen}
    assert kinds == {"snapshot", "cycle", "webhook", "telegram"}


def test_no_function_logged_anything_worse_than_a_notice(watched: Watched) -> None:
    for name, text in watched.logs.items():
        assert "Traceback" not in text, f"{name}: {text[-2000:]}"
        assert not any(f'"severity": "{word}"' in text for word in ("WARNING", "ERROR", "CRITICAL")), name


def test_every_function_stays_within_its_memory(watched: Watched) -> None:
    assert set(watched.rss_mb) == set(functions())
    for name, used in watched.rss_mb.items():
        assert used <= min(MOST_RSS_MB, functions()[name]["memory_mb"]), f"{name} peaked at {used:.0f} MB"


def test_nothing_outlives_the_platform(watched: Watched) -> None:
    assert len(watched.started) >= EMULATORS + 2 * len(functions()), "each function is a master and a worker"
    assert not watched.left


# --- How it ends ------------------------------------------------------------------------------------------------------
@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make dev`'s process in a group of its own, ready; its logs go where they are cleaned up also after kill -9."""
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    command = [sys.executable, "-m", "emulators.supervisor", "--poll-s", "20", "--seconds", "120"]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("snapshot"):
                break
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _to_process(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def _to_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("interrupt", [_to_process, _to_group])
def test_one_interrupt_ends_everything(
    supervisor: subprocess.Popen[str], interrupt: Callable[[subprocess.Popen[str]], None], tmp_path: Path
) -> None:
    started = _below(supervisor.pid)
    assert len(started) >= EMULATORS + 2 * len(functions())
    interrupt(supervisor)
    assert supervisor.wait(END_WITHIN_S) == 0
    assert supervisor.stdout is not None
    assert supervisor.stdout.read().endswith("ended\n")
    assert not list(tmp_path.iterdir())
    assert not _left(started, 1.0)


def test_killing_the_supervisor_leaves_nothing_behind(supervisor: subprocess.Popen[str]) -> None:
    started = _below(supervisor.pid)
    assert len(started) >= EMULATORS + 2 * len(functions())
    supervisor.kill()
    assert not _left(started, 5.0)
