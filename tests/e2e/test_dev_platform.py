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

import httpx
import pytest

from emulators.dev_platform import CHAT_ID, Dev, running
from emulators.function_map import load_map
from emulators.google_emulators import HOW, locate
from emulators.lifetime import ROOT
from emulators.supervisor import Screen, parse_options, tick_forever
from quantsentinel.app import listing
from quantsentinel.app.platform import Platform
from quantsentinel.wiring.google import open_google
from tests.conftest import missing
from tests.e2e.processes import Watched, below, left, rss_mb

pytestmark = [
    pytest.mark.emulators,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc"),
]
DAY_S = 240.0
"""The longest that the day is watched: three accepted polls close the stale-data switch, then signals go out."""
MOST_RSS_MB = 256.0
EMULATORS = 3


# --- A day ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Day:
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
    self_test: Mapping[str, Any]
    started: set[int]
    left: set[int]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    before, logs = below(os.getpid()), tmp_path_factory.mktemp("dev")
    options = parse_options(["--poll-s", "10", "--seconds", str(DAY_S)])
    with running(options, logs) as dev:
        found = _watch(dev)
        started = below(os.getpid()) - before
    return Day(**found, started=started, left=left(started))


def _watch(dev: Dev) -> dict[str, Any]:
    """Ticks until signals have arrived on both channels and nothing is under way, or the time is over."""
    platform, stop, said = open_google(dev.settings), threading.Event(), list[str]()
    ticker = threading.Thread(target=tick_forever, args=(platform, stop, print), daemon=True)
    ticker.start()
    screen, deadline = Screen(dev, platform, said.append), time.monotonic() + DAY_S
    found = _evidence(dev, platform)
    while time.monotonic() < deadline and not _is_settled(found):
        stop.wait(1)
        found = _evidence(dev, platform)
        screen.look()
    stop.set()
    ticker.join()
    return found | {"screen": tuple(said), "self_test": _self_test(dev)}


def _self_test(dev: Dev) -> Any:
    """What the function `self_test` answers about this platform."""
    address = {name: f"http://127.0.0.1:{port}/" for name, port in dev.ports.items()}
    asked = {name: {"revision": "local"} for name in load_map().listening()}
    asked["kill_switch"] = {"revision": "local", "url": f"{address['kill_switch']}health"}
    test = {"run": "after-the-day", "sink_url": address["self_test_sink"], "functions": asked}
    return httpx.post(address["self_test"], json=test, timeout=300).json()


def _is_settled(found: Mapping[str, Any]) -> bool:
    """Every accepted snapshot is decided and served, and every signal has reached its tenants."""
    accepted = sum(line["outcome"] == "accepted" for line in found["snapshots"])
    decided = sum(cycle["state"] == "decided" for cycle in found["cycles"])
    is_served = accepted == decided == found["batches"]
    is_told = 0 < len(found["signals"]) <= found["sink"]["unique"] and len(found["chats"]) > 0
    return is_served and is_told


def _evidence(dev: Dev, platform: Platform) -> dict[str, Any]:
    """Against the flow, so that what is read first has its cause in what is read later."""
    query = platform.documents.query
    workers = {name: max(below(process.pid)) for name, process in dev.processes.items()}
    return {
        "chats": dev.telegram.messages,
        "sink": dev.sink.summary(),
        "signals": tuple(listing.signals(platform)),
        "batches": len(query("batches")),
        "cycles": tuple(document.data for document in query("cycles")),
        "snapshots": tuple(listing.snapshots(platform)),
        "dropped": len(query("dropped")),
        "calls": dev.broker.calls,
        "rss_mb": {name: rss_mb(pid) for name, pid in workers.items()},
        "logs": {name: (dev.logs / f"{name}.log").read_text() for name in load_map().functions},
    }


def test_snapshots_are_polled_over_http_judged_and_accepted(day: Day) -> None:
    outcomes = [line["outcome"] for line in day.snapshots]
    assert outcomes.count("accepted") >= 3
    assert day.snapshots[0]["guard"] == "liveness", "nothing was seen before the first poll to prove it alive"
    assert day.calls["/v2/option/chain 200"] >= len(outcomes)
    assert not any(call.endswith((" 401", " 429")) for call in day.calls)


def test_every_accepted_snapshot_becomes_one_decided_cycle_for_every_tenant(day: Day) -> None:
    accepted = sum(line["outcome"] == "accepted" for line in day.snapshots)
    assert [cycle["state"] for cycle in day.cycles] == ["decided"] * accepted
    assert day.batches == accepted
    assert day.dropped == 0


def test_signals_reach_the_webhook_once_each_and_signed(day: Day) -> None:
    assert day.sink["accepted"] >= 1
    assert day.sink["unverified"] == day.sink["duplicates"] == 0
    issued = {f"{item['signal_id']}.{item['sequence']}" for item in day.signals}
    assert {item["id"] for item in day.sink["deliveries"]} <= issued


def test_signals_reach_the_chat_once_each_and_on_paper(day: Day) -> None:
    texts = [message.plain for message in day.chats]
    assert texts
    assert len(set(texts)) == len(texts)
    assert {message.chat_id for message in day.chats} == {CHAT_ID}
    assert all("PAPER" in text for text in texts)
    assert {item["mode"] for item in day.signals} == {"paper"}


def test_the_self_test_finds_every_function_and_its_signal_arrives(day: Day) -> None:
    assert (day.self_test["passed"], day.self_test["findings"]) == (True, [])
    assert day.self_test["revisions"] == {name: {"local": 1} for name in (*load_map().listening(), "kill_switch")}


def test_the_screen_shows_what_arrived(day: Day) -> None:
    kinds = {text.split()[0] for text in day.screen}
    assert kinds == {"snapshot", "cycle", "webhook", "telegram"}


def test_no_function_logged_anything_worse_than_a_notice(day: Day) -> None:
    for name, text in day.logs.items():
        assert "Traceback" not in text, f"{name}: {text[-2000:]}"
        assert not any(f'"severity": "{word}"' in text for word in ("WARNING", "ERROR", "CRITICAL")), name


def test_every_function_stays_within_its_memory(day: Day) -> None:
    assert set(day.rss_mb) == set(load_map().functions)
    for name, used in day.rss_mb.items():
        assert used <= min(MOST_RSS_MB, load_map().functions[name].memory_mb), f"{name} peaked at {used:.0f} MB"


def test_nothing_outlives_the_platform(day: Day) -> None:
    assert len(day.started) >= EMULATORS + 2 * len(load_map().functions), "each function is a master and a worker"
    assert not day.left


# --- How it ends ------------------------------------------------------------------------------------------------------
@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Watched]:
    """`make dev`'s process in a group of its own; its logs go where they are cleaned up also after kill -9."""
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    command = [sys.executable, "-m", "emulators.supervisor", "--poll-s", "20", "--seconds", "900"]
    (tmp_path / "logs").mkdir()
    environ = {**os.environ, "TMPDIR": str(tmp_path / "logs")}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield Watched(process, tmp_path / "said")
    finally:
        process.kill()
        process.wait()


def _to_process(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)


def _to_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize(
    ("moment", "interrupt"),
    [("starting", _to_group), ("ready", _to_process), ("snapshot", _to_process), ("snapshot", _to_group)],
)
def test_one_interrupt_ends_everything(
    supervisor: Watched, moment: str, interrupt: Callable[[subprocess.Popen[bytes]], None], tmp_path: Path
) -> None:
    supervisor.wait_for(moment)
    started = below(supervisor.process.pid)
    assert moment == "starting" or len(started) >= EMULATORS + 2 * len(load_map().functions)
    interrupt(supervisor.process)
    assert supervisor.code() == 0, supervisor.said
    assert supervisor.said.endswith("ended\n"), supervisor.said
    assert "Traceback" not in supervisor.said, supervisor.said
    assert not list((tmp_path / "logs").iterdir())
    assert not left(started)


def test_killing_the_supervisor_leaves_nothing_behind(supervisor: Watched) -> None:
    supervisor.wait_for("snapshot")
    started = below(supervisor.process.pid)
    assert len(started) >= EMULATORS + 2 * len(load_map().functions)
    supervisor.process.kill()
    assert not left(started)
