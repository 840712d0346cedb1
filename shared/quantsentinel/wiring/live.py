"""`qs run`: the product on a laptop. One process polls, decides and delivers until it is told to stop, and resumes from
its state: what was accepted, issued or still to be delivered is in the SQLite file, not in this process."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.heartbeat import Pulse, pulses
from quantsentinel.app.platform import Platform
from quantsentinel.app.poll_market import Polled, poll_market
from quantsentinel.app.sweep import sweep
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.contracts.events import Tick
from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.ports import Clock, MarketFeed
from quantsentinel.settings import Settings
from quantsentinel.simulator.day import simulate_day
from quantsentinel.stores.snapshots import parse_time
from quantsentinel.wiring.desk import desk_of
from quantsentinel.wiring.google import feeds_of
from quantsentinel.wiring.local import make_state_folder, open_local
from quantsentinel.wiring.margin_broker import standing_broker

FASTEST = 1e5
"""Beyond it a session passes between two polls."""
FIRST = TenantRequest("myself", name="This laptop", capital=Decimal(1_000_000), relation="self")


class ScaledClock:
    """Time that starts at `origin` and runs `speed` times as fast as the wall."""

    def __init__(self, origin: datetime, speed: float) -> None:
        self._origin = origin
        self._speed = speed
        self._started = datetime.now(UTC)

    def now(self) -> datetime:
        return self._origin + (datetime.now(UTC) - self._started) * self._speed


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """`feed` is `upstox`, `simulator` or a recording's path; `speed` above 1 only makes sense for the last two."""

    settings: Settings
    underlyings: tuple[str, ...]
    feed: str
    speed: float = 1.0
    seed: int = 7
    simulated_on: date = date(2025, 8, 29)


@dataclass(frozen=True, slots=True)
class Beat:
    """What one round of polling brought."""

    at: datetime
    polled: tuple[Polled, ...]
    trouble: tuple[str, ...]
    pulses: tuple[Pulse, ...]
    platform: Platform
    over: bool = False
    """Whether the recording is: nothing will come again."""


def run_live(
    request: LiveRequest,
    on_beat: Callable[[Beat], None],
    stop: threading.Event,
    on_open: Callable[[Platform], None] = lambda platform: None,
) -> Platform:
    """Polls, decides and delivers until `stop` is set or a recording is over.

    `on_open` sees the state before the first poll.
    Raises `BadInput` when the feed or the state folder cannot be used at all, or another run holds the folder.
    """
    if not 0 < request.speed <= FASTEST or (request.feed == "upstox" and request.speed != 1):
        fix = f"Live data runs at speed 1; others at any positive speed up to {FASTEST:g}"
        raise BadInput(f"speed {request.speed}", where="run", fix=fix)
    with _alone(request.settings.state):
        platform = _open(request)
        if not platform.tenants.ids():
            add_tenant(platform, FIRST)
        on_open(platform)
        interval = request.settings.poll_interval_s / request.speed
        while not stop.is_set():
            beat = _beat(platform, request.underlyings)
            on_beat(beat)
            _serve_bus(platform, stop, interval)
            if beat.over:
                break
    return platform


def _is_over(platform: Platform, underlyings: tuple[str, ...]) -> bool:
    return all(isinstance(feed, RecordedFeed) and feed.is_over(underlyings) for feed in platform.feeds.values())


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One run at a time polls into a state folder. The system releases the lock however the process ends."""
    make_state_folder(state)
    with (state / "run.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "End the other run first, or name another folder with --state"
            raise BadInput("another run uses this state folder", where=str(state), fix=fix) from None
        yield


def _beat(platform: Platform, underlyings: tuple[str, ...]) -> Beat:
    polled, trouble = [], []
    for underlying in underlyings:
        for feed in platform.feeds:
            try:
                found = poll_market(platform, feed, underlying)
            except Unavailable as error:
                trouble.append(f"{underlying}: {error}")
                continue
            if found is not None:
                polled.append(found)
    sweep(platform, Tick(at=platform.clock.now()))
    _bus(platform).run_due()
    over = _is_over(platform, underlyings)
    return Beat(platform.clock.now(), tuple(polled), tuple(trouble), tuple(pulses(platform)), platform, over)


def _serve_bus(platform: Platform, stop: threading.Event, seconds: float) -> None:
    """Delivers what is due until the next poll."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    while not stop.is_set() and datetime.now(UTC) < until:
        if not _bus(platform).run_due():
            stop.wait(min(0.2, max(0.01, seconds / 5)))


def _bus(platform: Platform) -> SqliteBus:
    assert isinstance(platform.bus, SqliteBus)
    return platform.bus


def _open(request: LiveRequest) -> Platform:
    settings = request.settings.model_copy(update={"feed": request.feed, "underlyings": request.underlyings})
    if request.feed == "upstox":
        clock: Clock = SystemClock()
        platform = open_local(
            settings,
            clock,
            feeds_of(settings, desk_of(settings), clock),
            margin_broker=standing_broker(settings, clock),
        )
        _import_history(platform, settings.history, request.underlyings)
        return platform
    path = _simulated(request) if request.feed == "simulator" else Path(request.feed)
    return _open_recording(settings, path, request)


def _open_recording(settings: Settings, path: Path, request: LiveRequest) -> Platform:
    recording = open_recording(path)
    missing = sorted(set(request.underlyings) - set(recording.underlyings))
    if missing:
        held = ", ".join(recording.underlyings)
        raise BadInput(f"no {', '.join(missing)} in the file", where=str(path), fix=f"It has {held}")
    first = min(recording.schedule(name)[0] for name in request.underlyings)
    before = open_local(settings)
    resumed = {
        name: parse_time(item.data["accepted_at"])
        for name, item in before.snapshots.latest_of(request.underlyings).items()
    }
    clock = ScaledClock(max([first, *resumed.values()]), request.speed)
    feeds: dict[str, MarketFeed] = {"recording": RecordedFeed(recording, clock, after=resumed)}
    platform = open_local(settings, clock, feeds)
    for name in request.underlyings:
        bars = read_daily_bars(settings.history, name) if settings.history else recording.daily_history.get(name, ())
        platform.snapshots.put_daily(name, bars)
    return platform


def _simulated(request: LiveRequest) -> Path:
    """The simulated day of this state folder, made once, so that a resumed run goes on in the same day."""
    names = "-".join(sorted(request.underlyings))
    path = request.settings.state / f"simulated-{request.simulated_on}-{request.seed}-{names}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rules = desk_of(request.settings).rules
        days = {name: simulate_day(name, request.simulated_on, request.seed, rules) for name in request.underlyings}
        snapshots = [snapshot for day in days.values() for snapshot in day.snapshots]
        write_day_file(path, snapshots, {name: day.daily for name, day in days.items()})
    return path


def _import_history(platform: Platform, history: Path | None, underlyings: tuple[str, ...]) -> None:
    for name in underlyings:
        if history is not None:
            platform.snapshots.put_daily(name, read_daily_bars(history, name))
