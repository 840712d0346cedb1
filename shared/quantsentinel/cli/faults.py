"""`qs chain faults`: what the firewall notices of every known failure of a feed, and what it refuses without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, progress, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.clean_days import CleanTally
    from quantsentinel.app.fault_score import Rate
    from quantsentinel.app.fault_trial import Tally
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.market.snapshot import Snapshot
    from quantsentinel.simulator.faults.fault import Scene

SESSION = "2025-09-01"
CLEAN_INTERVAL_S = 120.0
"""The report takes every minute; this keeps the command within one."""
Tell = Callable[[int, int, str], None]
Data = Annotated[
    list[Path] | None, typer.Option("--data", help="Recording to lay faults into (default: a simulated day).")
]
Only = Annotated[list[str] | None, typer.Option("--fault", help="Only this fault; repeat for several.")]
Report = Annotated[
    Path | None, typer.Option("--report", help="Write the whole report, real day included, as Markdown.")
]
MarketData = Annotated[Path, typer.Option("--marketdata", help="Folder of real market data, for --report.")]


def chain_faults(
    data: Data = None,
    underlying: Annotated[str, typer.Option("--underlying", help="Whose chains.")] = "NIFTY",
    date: Annotated[str, typer.Option("--date", help="The simulated session.")] = SESSION,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed lays the same faults.")] = 7,
    per_fault: Annotated[int, typer.Option("--per-fault", min=1, help="How often at each severity.")] = 2,
    only: Only = None,
    report: Report = None,
    marketdata: MarketData = Path("../shared/marketdata"),
    config: Config = None,
    json: Json = False,
) -> None:
    """Lays every known fault into a day and counts what is noticed; exits 1 when a target is missed."""
    from quantsentinel.app.fault_score import clean_rates, recall_rates
    from quantsentinel.app.fault_trial import run_trial
    from quantsentinel.market.rulebook import load_rules
    from quantsentinel.simulator.faults.registry import FAULTS, fault

    chosen = [fault(item) for item in only] if only else FAULTS
    rules, name = load_rules(settings_of(config).rules_overlay), underlying.upper()
    if report is not None:
        _write(report, marketdata, seed, per_fault, rules, quiet=json)
        return
    with progress("reading", quiet=json) as tell:
        scene = _recorded(data, name, rules, tell) if data else _simulated(name, date, seed, rules)
    with progress("laying faults", quiet=json) as tell:
        tallies = run_trial(scene, chosen, per_fault, seed, tell)
    with progress("clean days", quiet=json) as tell:
        clean = [] if data or only else _clean(seed, rules, tell)
    rates = [*recall_rates(tallies), *(clean_rates(clean) if clean else [])]
    failed = not all(rate.reached for rate in rates)
    head = {
        "data": [str(path) for path in data] if data else "simulated",
        "underlying": name,
        "session": scene.snapshots[0].received_at,
        "seed": seed,
        "per_fault": per_fault,
        "passed": not failed,
    }
    show(_answer(head, tallies, clean, rates), json)


def _answer(
    head: dict[str, Any], tallies: Sequence[Tally], clean: Sequence[CleanTally], rates: Sequence[Rate]
) -> Answer:
    from quantsentinel.app.fault_score import faults_json

    document = {
        **head,
        "targets": [rate.as_json() for rate in rates],
        "faults": faults_json(tallies),
        "not_laid": [tally.fault.name for tally in tallies if not tally.tried],
        "clean": [day.as_json() for day in clean],
    }
    tables = [_faults(document["faults"]), *([_clean_table(clean)] if clean else []), _targets(rates)]
    return Answer(document, tables, failed=not head["passed"])


def _write(file: Path, marketdata: Path, seed: int, per_fault: int, rules: RuleBook, *, quiet: bool) -> None:
    from quantsentinel.cli.fault_report import make_report

    with progress("trying the firewall", quiet=quiet) as tell:
        made = make_report(marketdata, seed, per_fault, rules, recorded_snapshots, tell)
    file.write_text(made.markdown(), encoding="utf-8")
    targets = [rate.as_json() | {"trial": trial.title} for trial in made.trials for rate in trial.rates]
    missed = [line["name"] for line in targets if not line["reached"]]
    show(Answer({"report": str(file), "targets": targets}, lines=[f"Report: {file}"], failed=bool(missed)), quiet)


def _simulated(name: str, date: str, seed: int, rules: RuleBook) -> Scene:
    from quantsentinel.app.fault_scene import simulated_scene

    return simulated_scene(name, a_date(date), seed, rules)


def _recorded(paths: Sequence[Path], name: str, rules: RuleBook, tell: Tell) -> Scene:
    from quantsentinel.app.fault_scene import recorded_scene

    return recorded_scene(recorded_snapshots(paths, rules, tell), name, rules)


def recorded_snapshots(paths: Sequence[Path], rules: RuleBook, tell: Tell) -> dict[str, list[Snapshot]]:
    """Every snapshot of the recordings that can be parsed, by underlying."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.market.parsers import parse

    recording = open_recording(*paths)
    found: dict[str, list[Snapshot]] = {name: [] for name in recording.underlyings}
    for name in recording.underlyings:
        count = len(recording.schedule(name))
        for place in range(count):
            tell(place, count, name)
            try:
                found[name].append(parse(recording.raw(name, place), rules))
            except BadInput:
                continue  # what does not parse is refused before the firewall: nothing can be laid into it
    return found


def _clean(seed: int, rules: RuleBook, tell: Tell) -> list[CleanTally]:
    from quantsentinel.app.clean_days import clean_days, tally_simulated

    days = list(clean_days((seed,), CLEAN_INTERVAL_S))
    tallies = []
    for done, (day, own_seed) in enumerate(days):
        tell(done, len(days), f"{day.underlying} {day.label}")
        tallies.append(tally_simulated(day, own_seed, rules))
    return tallies


def _faults(faults: Sequence[dict[str, Any]]) -> Table:
    columns = ("fault", "level", "right answer", "severities", "unit", "noticed", "below tolerance", "noticed by")
    rows = []
    for fault in faults:
        gated = [item for item in fault["severities"] if item["counts"]]
        below = [item for item in fault["severities"] if not item["counts"]]
        rows.append(
            (
                fault["fault"],
                str(fault["level"]),
                str(fault["right_answer"]),
                " ".join(f"{item['severity']:g}" for item in gated),
                fault["unit"],
                _of(gated),
                _of(below) if below else "",
                ", ".join(sorted({name for item in gated for name in item["caught_by"] if name})),
            )
        )
    return Table("Faults", columns, rows)


def _of(items: Sequence[dict[str, Any]]) -> str:
    return f"{sum(item['caught'] for item in items)}/{sum(item['tried'] for item in items)}"


def _clean_table(clean: Sequence[CleanTally]) -> Table:
    columns = ("clean day", "underlying", "session", "chains", "refused", "near quotes", "masked", "masked by")
    rows = [
        (
            day.label,
            day.underlying,
            str(day.day),
            day.chains,
            day.refused.total(),
            day.near_quotes,
            day.masked,
            ", ".join(f"{name} {count}" for name, count in day.near_masked.most_common()),
        )
        for day in clean
    ]
    return Table("Days without a fault", columns, rows)


def _targets(rates: Sequence[Rate]) -> Table:
    columns = ("target", "count", "of", "share", "95 % interval", "asked", "reached")
    rows = [
        (
            rate.name,
            rate.count,
            rate.total,
            "" if rate.share is None else f"{100 * rate.share:.3f} %",
            "{:.3f} … {:.3f} %".format(*(100 * edge for edge in rate.interval)),
            f"{'≥' if rate.at_least else '≤'} {100 * rate.target:g} %",
            rate.reached,
        )
        for rate in rates
    ]
    return Table("Targets", columns, rows)
