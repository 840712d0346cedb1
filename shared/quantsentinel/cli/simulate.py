"""`qs simulate`: a made-up but arbitrage-free session day, with its own daily history, in one file."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, progress, show
from quantsentinel.frozen import dataclass

if TYPE_CHECKING:
    from quantsentinel.market.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Which day to make up; `spoil` lays three feed failures into it; `interval_s` between two snapshots."""

    names: tuple[str, ...]
    day: datetime.date
    seed: int
    spoil: bool = False
    interval_s: float = 60.0


def simulate(
    date: Annotated[str, typer.Option("--date", help="A trading day that the rule book covers.")],
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same day.")] = 7,
    underlying: Annotated[list[str] | None, typer.Option("--underlying", help="Repeat for several.")] = None,
    spoil: Annotated[
        bool, typer.Option("--spoil", help="Lay three feed failures into the day: zeros, foreign prices, a repeat.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Writes a simulated day that `qs replay --data` reads."""
    from quantsentinel.errors import BadInput
    from quantsentinel.market.rulebook import load_rules

    settings = settings_of(config)
    names = tuple(name.upper() for name in underlying or settings.underlyings)
    plan = DayPlan(tuple(dict.fromkeys(names)), a_date(date), seed, spoil)
    if not out.parent.is_dir():
        raise BadInput("the folder does not exist", where=str(out.parent), fix="Create it, or name another --out")
    if out.suffix != ".parquet" or out.is_dir():
        raise BadInput("no name for a Parquet file", where=f"--out {out}", fix="Name a file that ends in .parquet")
    with progress("simulating", quiet=json) as tell:
        answer = write_day(out, plan, load_rules(settings.rules_overlay), tell)
    line = f"{answer['snapshots']} snapshots of {', '.join(plan.names)} on {date} (seed {seed}) in {out}"
    show(Answer(answer, lines=[line, f"Replay it: qs replay --data {out} --tenants 10"]), json)


def write_day(out: Path, plan: DayPlan, rules: RuleBook, tell: object = None) -> dict[str, object]:
    """Simulates every underlying and writes one day file; what was written, by underlying."""
    from quantsentinel.market.dayfile import write_day_file
    from quantsentinel.simulator.config import default_config
    from quantsentinel.simulator.day import simulate_day
    from quantsentinel.simulator.faults.fault import Scene
    from quantsentinel.simulator.faults.spoilt_day import spoilt

    days = {}
    for number, name in enumerate(plan.names):
        if callable(tell):
            tell(number, len(plan.names), name)
        rules.require_underlying(name)
        config = replace(default_config(name), interval_s=plan.interval_s)
        days[name] = simulate_day(name, plan.day, plan.seed, rules, config)
    by_name = {name: day.snapshots for name, day in days.items()}
    if plan.spoil:
        foreign = {name: next((by_name[other] for other in plan.names if other != name), ()) for name in plan.names}
        by_name = {n: spoilt(Scene(day.snapshots, rules, foreign[n]), plan.seed) for n, day in days.items()}
    snapshots = [snapshot for name in plan.names for snapshot in by_name[name]]
    write_day_file(out, snapshots, {name: day.daily for name, day in days.items()})
    return {
        "file": str(out),
        "date": plan.day.isoformat(),
        "seed": plan.seed,
        "snapshots": len(snapshots),
        "by_underlying": {name: len(found) for name, found in by_name.items()},
        "bytes": out.stat().st_size,
    }
