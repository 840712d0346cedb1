"""What every benchmark is made of: one row a figure, timers, and the market data that it is measured on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.market.bars import DailyBar, read_daily_bars
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.day import simulate_day

DAY, SEED = date(2025, 8, 29), 7
ROOT = Path(__file__).resolve().parents[1]
MARKETDATA = Path(os.environ.get("QS_MARKETDATA", ROOT.parent / "shared/marketdata"))
REAL = MARKETDATA / f"chains/nse_1min_2025-08/NIFTY_option_chain_1min_{DAY:%Y%m%d}.parquet"
DAILY = MARKETDATA / "daily/nifty_2016_2026"
MINUTES = 306
"""Snapshots of the recorded day; as many are simulated where it is not at hand."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another library doing the same work in the same run; `min_ratio` where it must be beaten by that factor."""

    name: str
    figure: float
    min_ratio: float | None = None


def row(name: str, ours: float, unit: str, budget: float | None = None, **also: Any) -> dict[str, Any]:
    """One figure as `qs bench` reads it; `also` may hold a `peer` (`Peer`) and a `note`."""
    peer: Peer | None = also.get("peer")
    return {
        "name": name,
        "unit": unit,
        "ours": round(ours, 4),
        "budget": budget,
        "peer_name": peer.name if peer else "",
        "peer": round(peer.figure, 4) if peer else None,
        "min_ratio": peer.min_ratio if peer else None,
        "note": also.get("note", ""),
    }


def wall_ms(work: Callable[[], object], times: int = 15) -> float:
    """The median of several runs after one to warm up."""
    return _median_ms(work, times, time.perf_counter)


def cpu_ms(work: Callable[[], object], times: int = 15) -> float:
    """As `wall_ms` in the process's CPU time: what a busy machine does not change."""
    return _median_ms(work, times, time.process_time)


def _median_ms(work: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    work()
    taken = []
    for _ in range(times):
        started = clock()
        work()
        taken.append(1000 * (clock() - started))
    return median(taken)


@dataclass(frozen=True, eq=False)
class Day:
    """A NIFTY day to measure on. `label` says whether it was recorded or simulated."""

    label: str
    snapshots: tuple[Snapshot, ...]
    daily: tuple[DailyBar, ...]


@cache
def measured_day() -> Day:
    """The recorded NIFTY day where the market data is at hand, else a simulated one, a minute apart."""
    rules = load_rules()
    if REAL.is_file():
        recording = open_recording(REAL)
        raws = (recording.raw("NIFTY", index) for index in range(len(recording.schedule("NIFTY"))))
        bars = tuple(bar for bar in read_daily_bars(DAILY, "NIFTY") if bar.day < DAY)[-260:]
        return Day(f"NIFTY of {DAY}", tuple(parse(raw, rules) for raw in raws), bars)
    made = simulate_day("NIFTY", DAY, SEED, rules)
    return Day("simulated NIFTY, no market data here", tuple(_minutes(made.snapshots)), made.daily)


def _minutes(snapshots: tuple[Snapshot, ...]) -> Iterator[Snapshot]:
    step = max(1, len(snapshots) // MINUTES)
    yield from snapshots[: step * MINUTES : step]
