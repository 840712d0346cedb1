"""A state that has lived through a few minutes of a simulated session, and one event for every function."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from emulators.fake_telegram import FakeTelegram
from emulators.replay_server import ReplayServer
from quantsentinel import entry
from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.app.kills import kill_on
from quantsentinel.app.platform import Platform
from quantsentinel.app.poll_market import ingest
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.contracts.events import SignalIssued, Tick
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.ports import Event
from quantsentinel.simulator.day import simulate_day
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.local import STATE_FILE
from quantsentinel.wiring.replay import ReplayRequest, replay, standard_tenants
from tests.functions.pushes import answer, raw_push

BOT_TOKEN = "123456:test-bot"
UPSTOX_TOKEN = "analytics-token-of-the-test"
CHAT_ID = "700001"
REPLAYED = 6
TENANTS = ("replay-01", "replay-02")
CHAIN = ("decide", "fan_out", "serve_tenants")
"""From an accepted snapshot to signals; each function's event is published by the one before."""


@dataclass(frozen=True)
class Lived:
    """`day` holds one snapshot more than `state` has seen."""

    state: Path
    day: Path


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Six snapshots of a simulated day replayed for two tenants; signals were issued and delivered."""
    folder = tmp_path_factory.mktemp("lived")
    day = simulate_day("NIFTY", date(2025, 8, 29), 11, load_rules())
    snapshots, daily = day.snapshots[30 : 31 + REPLAYED], {"NIFTY": day.daily}
    write_day_file(folder / "seen.parquet", snapshots[:REPLAYED], daily)
    write_day_file(folder / "day.parquet", snapshots, daily)
    plans = standard_tenants(len(TENANTS))
    report = replay(ReplayRequest((folder / "seen.parquet",), plans, folder / "state"))
    assert report.statistics.signals["created"] > 0, "the functions under test need a signal to deliver"
    return Lived(folder / "state", folder / "day.parquet")


class World:
    """One test's copy of that state, with the clock of the functions at the newest snapshot."""

    def __init__(self, lived: Lived, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.state = folder / "state"
        shutil.copytree(lived.state, self.state)
        self.day = lived.day
        self._patch = patch
        recording = open_recording(lived.day)
        self.newest = recording.raw("NIFTY", len(recording.schedule("NIFTY")) - 1)
        self.set(QS_PROFILE="embedded", QS_STATE=str(self.state), QS_SYNC="normal")
        self.set(QS_UNDERLYINGS="NIFTY", QS_POLL_INTERVAL_S="60")  # one poll a beat
        self.move_clock(timedelta(0))

    def set(self, **variables: str) -> None:
        """Environment of the functions; the next request reads it."""
        for name, value in variables.items():
            self._patch.setenv(name, value)
        entry.platform.cache_clear()

    def move_clock(self, after_newest: timedelta) -> None:
        offset = self.newest.collected_at + after_newest - datetime.now(UTC)
        self.set(QS_CLOCK_OFFSET_S=str(offset.total_seconds()))

    @property
    def platform(self) -> Platform:
        """The state through a platform that is no function's."""
        return entry.platform("test")

    def dump(self) -> dict[str, list[str]]:
        """Every row of the state file: documents with their versions, subscriptions, messages, dead letters."""
        with sqlite3.connect(self.state / STATE_FILE) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                # The names come from the database itself.
                table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))
                for table in tables
            }

    def published_to(self, name: str) -> Event:
        """The newest event that waits for function `name`."""
        with sqlite3.connect(self.state / STATE_FILE) as connection:
            sql = "SELECT event FROM messages WHERE subscription = ? ORDER BY seq DESC LIMIT 1"
            found = connection.execute(sql, (name,)).fetchone()
        assert found is not None, f"nothing was published to {name}"
        return Event(**json.loads(found[0]))

    def event_for(self, name: str) -> Event:
        """An event that function `name` has not seen, made by running the functions before it."""
        if name == "deliver":
            return self._signal_for_a_new_chat()
        if name == "announce":
            kill_on(self.platform, f"tenant:{TENANTS[0]}", who="risk desk", why="a drill")
            return self.published_to(name)
        if name not in CHAIN:
            return Tick(at=self.platform.clock.now()).to_event()
        polled = ingest(self.platform, self.newest)
        assert polled.accepted, polled
        for before in CHAIN[: CHAIN.index(name)]:
            event = self.published_to(before)
            assert answer(before, raw_push(event.id, event.data)) == 204
        return self.published_to(name)

    def _signal_for_a_new_chat(self) -> Event:
        """A signal of the replay whose tenant has linked a chat since, so that one delivery is still to be made."""
        tenants = self.platform.tenants
        stored = [data for tenant in TENANTS for data in tenants.store(tenant).signals()]
        data = next(item for item in stored if item["state"] == "created")
        set_tenant(self.platform, TenantRequest(data["tenant_id"], endpoints=(Endpoint("telegram", CHAT_ID),)))
        fields = {name: data[name] for name in ("tenant_id", "signal_id", "sequence", "state", "valid_until")}
        return SignalIssued(**fields).to_event()


@pytest.fixture
def world(lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield World(lived, tmp_path, monkeypatch)
    entry.platform.cache_clear()


@pytest.fixture
def telegram(world: World) -> Iterator[FakeTelegram]:
    with FakeTelegram(BOT_TOKEN) as bot:
        world.set(QS_TELEGRAM_URL=bot.url, QS_TELEGRAM_TOKEN=BOT_TOKEN)
        yield bot


@pytest.fixture
def broker(world: World) -> Iterator[ReplayServer]:
    """Upstox, as the functions reach it."""
    clock: Callable[[], datetime] = lambda: world.platform.clock.now()  # noqa: E731  # reads the clock set last
    with ReplayServer([world.day], load_rules(), token=UPSTOX_TOKEN, now=clock) as server:
        world.set(QS_FEED="upstox", QS_UPSTOX_URL=server.url, QS_UPSTOX_TOKEN=UPSTOX_TOKEN)
        yield server
