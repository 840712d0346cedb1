"""The whole flow on short simulated days, one snapshot at a time, with a webhook sink that fails on demand.

with flow(tmp_path, day_file(tmp_path, NIFTY, range(6))) as running:
    running.play(3)
    kill_on(running.platform, "master", who="...", why="...")
    running.finish()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from emulators.webhook_sink import Received, Script, WebhookSink
from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.adapters.embedded.bus import NO_FAULTS, SqliteBus
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.app.listing import decision_rows, signals
from quantsentinel.app.platform import Platform
from quantsentinel.app.poll_market import Polled
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.ports import BrokerMargin, Json
from quantsentinel.settings import Settings
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import SimulatedDay, simulate_day
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.wiring.local import open_local
from quantsentinel.wiring.replay import (
    FEED,
    ReplayRequest,
    Stage,
    TenantPlan,
    drain,
    merged_schedule,
    play,
    set_up,
)

DAY = date(2025, 8, 29)
SEEDS = {"NIFTY": 7, "BANKNIFTY": 9}
"""Days on which short structures are offered from the first snapshots on."""
NIFTY = ("NIFTY",)
BOTH = ("BANKNIFTY", "NIFTY")
ACME = TenantPlan("acme", "Acme", 1_000_000)
ZEN = TenantPlan("zen-capital", "Zen Capital", 5_000_000)


GAP = 0.03
CALM = 0.5


@cache
def simulated(underlying: str, level_factor: float = 1.0, interval_s: float = 60.0) -> SimulatedDay:
    """A day whose index begins at the usual level times `level_factor`, with a snapshot every `interval_s`."""
    usual = default_config(underlying)
    config = replace(usual, level=usual.level * level_factor, interval_s=interval_s)
    return simulate_day(underlying, DAY, SEEDS[underlying], load_rules(), config)


def calm(bars: Sequence[DailyBar]) -> tuple[DailyBar, ...]:
    """The same days with moves `CALM` times as large and the same last close: options are dear against them, so that
    short structures are offered whatever the forecast is made of."""
    last = bars[-1].close

    def near(price: float) -> float:
        return last * (price / last) ** CALM

    return tuple(DailyBar(bar.day, near(bar.open), near(bar.high), near(bar.low), near(bar.close)) for bar in bars)


def few_expiries(snapshot: Snapshot, count: int) -> Snapshot:
    """The first `count` expiries of a snapshot: a smaller chain for tests that make many market passes."""
    chains = snapshot.chains()[:count]
    rows = int(snapshot.offsets[count])
    keep = slice(0, rows, 2), slice(1, rows, 2)
    call, put = ({name: column[side] for name, column in snapshot.columns.items()} for side in keep)
    return Snapshot.build(
        underlying=snapshot.underlying,
        source=snapshot.source,
        capability=snapshot.capability,
        slices={chain.expiry: chain.slice for chain in chains},
        expiry=snapshot.expiry[:rows:2],
        strike=snapshot.strike[:rows:2],
        call=call,
        put=put,
        spot=snapshot.spot,
        notes=snapshot.notes,
    )


def with_interest_of(usual: Snapshot, moved: Snapshot) -> Snapshot:
    """`moved` with what was traded and held of each contract in `usual`: a gap moves prices, not open interest."""
    columns = {name: column.copy() for name, column in moved.columns.items()}
    keys = {key: row for row, key in enumerate(zip(usual.expiry, usual.strike, usual.is_call, strict=True))}
    for row, key in enumerate(zip(moved.expiry, moved.strike, moved.is_call, strict=True)):
        if key in keys:
            for name in ("oi", "oi_change", "volume"):
                columns[name][row] = usual.columns[name][keys[key]]
    return replace(moved, columns=columns)


def day_file(
    folder: Path,
    names: Sequence[str],
    indices: Sequence[int],
    *,
    expiries: int = 4,
    history: bool = True,
    gap_from: int | None = None,
    interval_s: float = 60.0,
) -> Path:
    """The chosen snapshots (from 09:15:30 on, a minute apart by default) of a simulated day, with daily bars before it.

    From snapshot `gap_from` on the index stands 3 % higher, which stops every short structure near the money.
    """

    def snapshot(name: str, index: int) -> Snapshot:
        usual = few_expiries(simulated(name, 1.0, interval_s).snapshots[index], expiries)
        if gap_from is None or index < gap_from:
            return usual
        moved = few_expiries(simulated(name, 1 + GAP, interval_s).snapshots[index], expiries)
        return with_interest_of(usual, moved)

    daily: Mapping[str, tuple[DailyBar, ...]] = {name: calm(simulated(name).daily) for name in names} if history else {}
    path = (
        folder / f"{'-'.join(names)}-{indices[0]}-{len(indices)}-{expiries}-{history}-{gap_from}-{interval_s:g}.parquet"
    )
    write_day_file(path, [snapshot(name, index) for name in names for index in indices], daily)
    return path


@dataclass
class Flow:
    """A running day. `played` are the polls so far."""

    stage: Stage
    sink: WebhookSink
    state: Path
    data: Path
    played: list[Polled] = field(default_factory=list)

    @property
    def platform(self) -> Platform:
        return self.stage.platform

    @property
    def clock(self) -> VirtualClock:
        return self.stage.clock

    def play(self, count: int | None = None) -> list[Polled]:
        """The next `count` snapshots, by default all that are left."""
        left = self.stage.schedule[len(self.played) :]
        polled = [play(self.stage, *item) for item in (left if count is None else left[:count])]
        found = [item for item in polled if item is not None]
        self.played += found
        return found

    def finish(self) -> Flow:
        self.play()
        drain(self.platform, self.clock, self.clock.now() + timedelta(hours=24))
        return self

    def restarted(self, margin_broker: BrokerMargin | None = None, **named: Any) -> Flow:
        """Another process on the same state: new connections, empty caches, the same time, other settings."""
        clock = VirtualClock(self.clock.now())
        recording = open_recording(self.data)
        feed = RecordedFeed(recording, clock)
        for name in recording.underlyings:
            feed.poll(name)
        settings = Settings(state=self.state, sync="normal", **named)
        platform = open_local(settings, clock, {FEED: feed}, margin_broker=margin_broker)
        return replace(self, stage=Stage(platform, clock, merged_schedule(recording)), played=list(self.played))

    def signals(self, state: str = "") -> list[Json]:
        return [item for item in signals(self.platform) if state in ("", item["state"])]

    def rows(self, tenant: str) -> list[Json]:
        return [row for row in decision_rows(self.platform) if row["tenant"] == tenant]

    def accepted(self) -> list[Received]:
        return [one for one in self.sink.deliveries if 200 <= one.status < 300]

    def bus(self) -> SqliteBus:
        assert isinstance(self.platform.bus, SqliteBus)
        return self.platform.bus


@contextmanager
def flow(
    state: Path,
    data: Path,
    tenants: Sequence[TenantPlan] = (ACME,),
    faults: Faults = NO_FAULTS,
    script: Script | None = None,
) -> Iterator[Flow]:
    """A day ready to be played into `state`; each tenant's webhook is the sink's path `/<tenant id>`.

    The sink's script runs on the day's virtual clock.
    """
    secret = new_secret()
    stage = set_up(ReplayRequest(data=(data,), tenants=tuple(tenants), state=state, faults=faults))
    with WebhookSink([secret], clock=stage.clock.now) as sink:
        start = stage.schedule[0][0]
        for plan in sorted(tenants, key=lambda item: item.age, reverse=True):
            endpoint = Endpoint("webhook", f"{sink.url}/{plan.tenant_id}", secret)
            stage.clock.advance_to(start - plan.age)
            _seed(stage.platform, plan, endpoint)
        stage.clock.advance_to(start)
        sink.play(script or Script())
        yield Flow(stage, sink, state, data)


def _seed(platform: Platform, plan: TenantPlan, endpoint: Endpoint) -> None:
    request = TenantRequest(
        plan.tenant_id,
        plan.name,
        Decimal(plan.capital),
        status="paused" if plan.paused else "active",
        limits={"knob": plan.knob},
        endpoints=(endpoint,),
        relation="self",
    )
    add_tenant(platform, request)
