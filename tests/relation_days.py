"""Short sessions of an honest chain in a state of its own, for tests of what is read after their close.

platform, clock = opened(folder)
for day in days(21): trade(platform, clock, day)
trade(platform, clock, day, vendor_iv=100.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.heartbeat import heartbeat
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import Tick
from quantsentinel.market.calendar import IST
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.ports import Put
from quantsentinel.settings import Settings
from quantsentinel.stores.relations import RelationStore, SessionReading
from quantsentinel.wiring.local import open_local
from tests.chains import LOT, chain, rules

FIRST = date(2025, 7, 21)
EVENING = time(15, 40)
LOTS = {"NIFTY": LOT, "BANKNIFTY": 35.0}


@cache
def days(count: int) -> tuple[date, ...]:
    """The sessions from `FIRST` on."""
    return tuple(session.day for session in rules().sessions(FIRST, date(2025, 8, 29)))[:count]


def opened(folder: Path, at: datetime | None = None) -> tuple[Platform, VirtualClock]:
    clock = VirtualClock(at or datetime.combine(FIRST, time(9), IST).astimezone(UTC))
    return open_local(Settings(state=folder, sync="normal"), clock), clock


def snapshots(day: date, count: int = 2, underlying: str = "NIFTY", **factors: float) -> list[Snapshot]:
    """Half an hour apart, whole lots that differ; `factors` multiply a column, as a changed definition does."""
    found = []
    for number in range(count):
        at = datetime.combine(day, time(10), IST) + number * timedelta(minutes=30)
        listed = [expiry for expiry in rules().expiries(underlying, day) if (expiry - day).days >= 7]
        forward = 54_000.0 if underlying == "BANKNIFTY" else 24_500.0
        made = chain(at=at, expiries=listed[:2], underlying=underlying, forward=forward)
        random = np.random.default_rng((day.toordinal(), number))
        lots = random.integers(1, 4000, len(made)) * LOTS[underlying]
        columns = {**made.columns, "oi": lots}
        columns |= {name: columns[name] * factor for name, factor in factors.items()}
        found.append(replace(made, columns=columns))
    return found


def store(platform: Platform, made: Sequence[Snapshot]) -> None:
    """As if they had been polled and accepted."""
    for snapshot in made:
        platform.snapshots.put_snapshot(snapshot)
    last = made[-1]
    pointer = {"source": last.source, "accepted_at": last.received_at.isoformat()}
    platform.documents.commit([Put(f"market/{last.underlying}", pointer)])


def beat(platform: Platform, clock: VirtualClock, at: datetime) -> None:
    """The scheduler's beat of the function."""
    clock.advance_to(at)
    heartbeat(platform, Tick(at=clock.now()))


def evening(day: date) -> datetime:
    return datetime.combine(day, EVENING, IST)


def trade(platform: Platform, clock: VirtualClock, day: date, **factors: float) -> None:
    """One NIFTY session and the beat after its close."""
    store(platform, snapshots(day, **factors))
    beat(platform, clock, evening(day))


def remember(platform: Platform, sessions: Sequence[date], underlying: str = "NIFTY") -> None:
    """Readings of honest sessions, written as the evenings of the past would have."""
    relations = RelationStore(platform.documents)
    random = np.random.default_rng(5)
    total = math.log(164 * 2000 * LOTS[underlying])
    for day in sessions:
        noise = random.normal(0.0, 0.004, 2)
        measured = {"vendor_iv": float(noise[0]), "oi_unit": 0.0, "oi_total": total + float(noise[1])}
        reading = SessionReading(underlying, day, 12, {"nse_site": measured})
        platform.documents.commit([relations.create_reading(reading)])
