"""The report of `qs chain faults --report`: simulated and real trials, and the real days explained."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.fault_report import FirewallReport, Trial
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.market.snapshot import Snapshot
    from quantsentinel.simulator.faults.fault import Scene

CHAINS = "chains/nse_1min_2025-08"
EARLIER = "chains/daily_2025-07"
FUTURES = "daily/india_vix_span_oi_2012_2026/data__bhav_index.csv.gz"
SESSION = date(2025, 8, 29)
SIMULATED = date(2025, 9, 1)
CLEAN_SEEDS = 2
Tell = Callable[[int, int, str], None]
Read = Callable[[list[Path], "RuleBook", Tell], dict[str, list["Snapshot"]]]


def make_report(marketdata: Path, seed: int, per_fault: int, rules: RuleBook, read: Read, tell: Tell) -> FirewallReport:
    """Runs everything. Raises `BadInput` when the folder lacks the real day."""
    from quantsentinel.app.clean_days import clean_days, tally_simulated
    from quantsentinel.app.fault_report import FirewallReport, Trial
    from quantsentinel.app.fault_scene import recorded_scene, simulated_scene
    from quantsentinel.app.fault_score import clean_rates
    from quantsentinel.app.judged_day import judge_day

    for name in (CHAINS, EARLIER, FUTURES):
        if not (marketdata / name).exists():
            raise BadInput("no such file or folder", where=str(marketdata / name), fix="Name it with --marketdata")
    recorded = read([marketdata / CHAINS, marketdata / EARLIER], rules, tell)
    scenes = {name: recorded_scene(recorded, name, rules) for name in ("NIFTY", "BANKNIFTY")}
    simulated = _trial("Simulated NIFTY", simulated_scene("NIFTY", SIMULATED, seed, rules), per_fault, seed, tell)
    real = _trial(f"Real NIFTY {SESSION}", scenes["NIFTY"], per_fault, seed, tell)
    clean = [tally_simulated(day, own, rules) for day, own in clean_days(range(seed, seed + CLEAN_SEEDS))]
    return FirewallReport(
        command=f"qs chain faults --report FILE --marketdata DIR --seed {seed} --per-fault {per_fault}",
        trials=(Trial(simulated.title, simulated.tallies, (*simulated.rates, *clean_rates(clean))), real),
        clean=clean,
        days=[judge_day(scene.snapshots, rules) for scene in scenes.values()],
        futures=future_closes(marketdata / FUTURES, SESSION),
    )


def _trial(title: str, scene: Scene, per_fault: int, seed: int, tell: Tell) -> Trial:
    from quantsentinel.app.fault_report import Trial
    from quantsentinel.app.fault_score import recall_rates
    from quantsentinel.app.fault_trial import run_trial
    from quantsentinel.simulator.faults.registry import FAULTS

    tallies = run_trial(scene, FAULTS, per_fault, seed, tell)
    return Trial(title, tallies, recall_rates(tallies))


def future_closes(file: Path, session: date) -> Mapping[tuple[str, date], float]:
    """Closes by (underlying, expiry) of one session, from the index futures' daily file."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return {
            (row["symbol"], date.fromisoformat(row["expiry"])): float(row["close"])
            for row in csv.DictReader(stream)
            if row["date"] == session.isoformat()
        }
