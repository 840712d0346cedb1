"""Replay recorded or simulated days through the whole system, embedded, as fast as the machine allows.

The clock is virtual: it stands at each collection time while that snapshot is polled, and in between it moves to every
due retry of the bus. So a webhook that fails for ten minutes fails for ten virtual minutes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from quantsentinel.adapters.brokers.recorded import RecordedFeed, Recording, open_recording
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.adapters.embedded.bus import NO_FAULTS, SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.app.audit import seal_session
from quantsentinel.app.listing import DayStatistics, statistics
from quantsentinel.app.platform import Platform
from quantsentinel.app.poll_market import Polled, poll_market
from quantsentinel.app.session_relations import SETTLED
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.distribution import UNCOUNTED
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import read_daily_bars
from quantsentinel.market.breadth import read_breadth
from quantsentinel.market.calendar import IST
from quantsentinel.market.participants import read_participants
from quantsentinel.settings import Settings
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.local import make_state_folder, open_local
from quantsentinel.wiring.sink import LoopbackSink

FEED = "recording"


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """A tenant to seed: `age` before the first snapshot fixes its create time, and with it the dry-run lock."""

    tenant_id: str
    name: str
    capital: int
    age: timedelta = timedelta(days=30)
    knob: int = 100
    paused: bool = False


def standard_tenants(count: int) -> tuple[TenantPlan, ...]:
    """`replay-01` … with capitals of 5, 10, 25 and 50 lakh and knobs of 50 and 100, all past the dry-run lock."""
    capitals = (500_000, 1_000_000, 2_500_000, 5_000_000)
    return tuple(
        TenantPlan(f"replay-{n + 1:02d}", f"Replay {n + 1}", capitals[n % 4], knob=100 if n % 3 else 50)
        for n in range(count)
    )


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    data: tuple[Path, ...]
    tenants: tuple[TenantPlan, ...]
    state: Path
    history: Path | None = None
    participants: Path | None = None
    """Participant open interest of the evenings before, for the dealers' side."""
    breadth: Path | None = None
    """Stocks' closes of the days before."""
    webhook: str = ""
    webhook_secret: str = ""
    """Where signals go; empty starts a verifying sink on loopback."""
    faults: Faults = NO_FAULTS
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after each snapshot and the events it caused."""

    done: int
    total: int
    polled: Polled
    platform: Platform


@dataclass(frozen=True, slots=True)
class ReplayReport:
    statistics: DayStatistics
    sent: int
    duplicates: int
    rejected: int
    latency_ms: Mapping[str, Mapping[str, float]]
    elapsed_s: float
    peak_rss_mb: float
    state: Path

    def as_json(self) -> dict[str, Any]:
        """The document that `qs replay --json` prints."""
        found = self.statistics
        return {
            "snapshots": found.snapshots,
            "cycles": found.cycles,
            "opportunities": found.opportunities,
            "signals": found.signals,
            "refusals_by": found.refusals_by,
            "deliveries": {"sent": 0, "duplicates": self.duplicates, **found.deliveries},
            "notices": found.notices,
            "latency_ms": self.latency_ms,
            "elapsed_s": round(self.elapsed_s, 3),
            "peak_rss_mb": self.peak_rss_mb,
            "decision_digest": found.decision_digest,
            "state": str(self.state),
        }


def replay(request: ReplayRequest, progress: Callable[[Progress], None] = lambda _: None) -> ReplayReport:
    """Runs every snapshot of `data` in time order. The state folder must be new or empty.

    Raises `BadInput` for an unreadable file, an unknown underlying or a state folder in use.
    """
    started = time.perf_counter()
    stage = set_up(request)
    platform = stage.platform
    with LoopbackSink(new_secret()) as sink:
        endpoint = Endpoint("webhook", request.webhook or sink.url, request.webhook_secret or sink.secret)
        seed_tenants(platform, stage.clock, request.tenants, stage.schedule[0][0], endpoint)
        _run(stage, progress)
        found = statistics(platform)
        sent = sum(sink.ids.values()) if not request.webhook else found.deliveries.get("sent", 0)
        return ReplayReport(
            statistics=found,
            sent=sent,
            duplicates=sink.duplicates,
            rejected=sink.rejected,
            latency_ms=platform.timings.summary(),
            elapsed_s=time.perf_counter() - started,
            peak_rss_mb=peak_rss_mb(),
            state=request.state,
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A platform before its first snapshot: on a clock that somebody moves, with what is to be polled when."""

    platform: Platform
    clock: VirtualClock
    schedule: Sequence[tuple[datetime, str]]


def set_up(request: ReplayRequest) -> Stage:
    """Opens the data and claims the state folder; the clock stands where the oldest tenant is to be added."""
    recording = open_recording(*request.data)
    schedule = merged_schedule(recording)
    if not schedule:
        raise BadInput("no snapshot in the data", where=", ".join(map(str, request.data)))
    _claim_state(request.state)
    clock = VirtualClock(schedule[0][0] - max((plan.age for plan in request.tenants), default=timedelta(0)))
    changes = {"state": request.state, "sync": "normal", "own_accounts": UNCOUNTED}
    settings = request.settings.model_copy(update=changes)
    platform = open_local(settings, clock, {FEED: RecordedFeed(recording, clock)}, request.faults)
    _seed_history(platform, request.history, recording)
    if request.participants is not None:
        platform.snapshots.put_participants(read_participants(request.participants))
    if request.breadth is not None:
        platform.snapshots.put_breadth(read_breadth(request.breadth))
    return Stage(platform, clock, schedule)


def merged_schedule(recording: Recording) -> list[tuple[datetime, str]]:
    """(collection time, underlying) of every snapshot, by time, then underlying."""
    return sorted((at, name) for name in recording.underlyings for at in recording.schedule(name))


def _run(stage: Stage, progress: Callable[[Progress], None]) -> None:
    for number, (at, underlying) in enumerate(stage.schedule):
        polled = play(stage, at, underlying)
        if polled is not None:
            progress(Progress(number + 1, len(stage.schedule), polled, stage.platform))
    drain(stage.platform, stage.clock, until=stage.clock.now() + timedelta(hours=24))
    _seal(stage)


def _seal(stage: Stage) -> None:
    """What the heartbeat does after the last session's close, so that an export of the replay has its root."""
    try:
        session = stage.platform.desk.rules.session(stage.schedule[-1][0].astimezone(IST).date())
    except RuleGap:
        return
    if session is not None:
        stage.clock.advance_to(max(stage.clock.now(), session.close + SETTLED))
        seal_session(stage.platform)


def play(stage: Stage, at: datetime, underlying: str) -> Polled | None:
    """What was due before `at`, then the snapshot collected at `at` and everything that it causes at once."""
    drain(stage.platform, stage.clock, until=at)
    stage.clock.advance_to(at)
    polled = poll_market(stage.platform, FEED, underlying)
    drain(stage.platform, stage.clock, until=stage.clock.now())
    return polled


def drain(platform: Platform, clock: VirtualClock, until: datetime) -> None:
    """Delivers everything that is due by `until`, moving the clock to each due time."""
    bus = platform.bus
    assert isinstance(bus, SqliteBus)
    while (due := bus.next_due()) is not None and due <= until:
        clock.advance_to(due)
        bus.run_due()


def seed_tenants(
    platform: Platform, clock: VirtualClock, plans: Iterable[TenantPlan], start: datetime, endpoint: Endpoint
) -> None:
    """Adds the tenants, oldest first, each at its own create time: the database's clock anchors the dry-run lock."""
    for plan in sorted(plans, key=lambda item: item.age, reverse=True):
        clock.advance_to(start - plan.age)
        request = TenantRequest(
            tenant_id=plan.tenant_id,
            name=plan.name,
            capital=Decimal(plan.capital),
            status="paused" if plan.paused else "active",
            limits={"knob": plan.knob},
            endpoints=(endpoint,),
            relation="self",
        )
        add_tenant(platform, request)
    clock.advance_to(start)


def _seed_history(platform: Platform, history: Path | None, recording: Recording) -> None:
    """Daily bars from `history`, else from the recording itself; none is fine: the volatility view abstains."""
    for name in recording.underlyings:
        bars = read_daily_bars(history, name) if history else recording.daily_history.get(name, ())
        if bars:
            platform.snapshots.put_daily(name, bars)


def _claim_state(state: Path) -> None:
    make_state_folder(state)
    if any(state.iterdir()):
        raise BadInput(
            "the state folder is not empty", where=str(state), fix="A replay starts fresh: name a new folder"
        )


def new_state_folder() -> Path:
    """A new folder for one replay, and its name noted for the commands that read the last one."""
    Path(".qs/replays").mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=".qs/replays"))


def drop_if_empty(folder: Path) -> None:
    """Removes a state folder that a refused replay left without a file in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def peak_rss_mb() -> float:
    """Peak resident memory of this process. On Linux from `VmHWM`: `ru_maxrss` starts at the parent's value."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(item for item in status.read_text(encoding="ascii").splitlines() if item.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
