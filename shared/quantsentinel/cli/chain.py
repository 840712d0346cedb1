"""`qs chain check|show FILE`: would the firewall accept these snapshots, and what is in them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, a_time, settings_of
from quantsentinel.cli.output import Answer, Table, ist, progress, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.adapters.brokers.recorded import Recording
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.market.snapshot import Chain, Snapshot

app = typer.Typer(help="Recorded chains.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Parquet, CSV or JSON recording, or a simulated day.")]
At = Annotated[str, typer.Option("--at", help="Only the snapshot nearest to this time (IST, or with offset).")]
Underlying = Annotated[str, typer.Option("--underlying", help="Only one of the file's underlyings.")]


@dataclass(frozen=True, slots=True)
class Judged:
    """One snapshot's outcome. `snapshot` is None when it could not be parsed."""

    line: Mapping[str, Any]
    snapshot: Snapshot | None


@app.command("check")
def check_chain(
    file: File, at: At = "", underlying: Underlying = "", config: Config = None, json: Json = False
) -> None:
    """One line per snapshot, accepted or refused with guard, measured and limit; exits 1 when one is refused."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.market.rulebook import load_rules

    rules = load_rules(settings_of(config).rules_overlay)
    recording = open_recording(file)
    with progress("checking", quiet=json) as tell:
        lines = [dict(item.line) for item in judged(recording, rules, _chosen(recording, underlying, at), tell)]
    refused = Counter(line["guard"] for line in lines if line["outcome"] == "refused")
    summary = {
        "file": str(file),
        "snapshots": len(lines),
        "accepted": len(lines) - refused.total(),
        "refused": refused.total(),
        "refused_by": dict(sorted(refused.items())),
    }
    columns = ("at", "underlying", "outcome", "guard", "measured", "limit", "unit", "detail")
    shown = [line for line in lines if line["outcome"] == "refused"] if len(lines) > 40 else lines
    rows = [(ist(line["at"]), *(line[name] for name in columns[1:])) for line in shown]
    title = "Refused snapshots" if len(lines) > 40 else "Snapshots"
    said = f"{summary['accepted']} accepted, {summary['refused']} refused of {summary['snapshots']}"
    tables = [Table(title, columns, rows, "none")]
    show(Answer({"snapshots": lines, "summary": summary}, tables, [said], failed=bool(refused)), json)


def judged(
    recording: Recording,
    rules: RuleBook,
    chosen: list[tuple[str, int]],
    tell: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Iterator[Judged]:
    """Parses and judges the chosen snapshots in order; each sees the accepted one before it of its underlying."""
    from quantsentinel.market.parsers import parse

    previous: dict[str, Snapshot] = {}
    for number, (name, index) in enumerate(chosen):
        raw = recording.raw(name, index)
        tell(number + 1, len(chosen), name)
        try:
            snapshot = parse(raw, rules)
        except BadInput as error:
            yield Judged(_line(name, raw.collected_at, ("schema", error.what, error.fix, "", str(error))), None)
            continue
        stop = _first_stop(snapshot, rules, raw.collected_at, previous.get(name))
        if stop is None:
            previous[name] = snapshot
        yield Judged(_line(name, raw.collected_at, stop), snapshot)


def _first_stop(
    snapshot: Snapshot, rules: RuleBook, decided_at: datetime, previous: Snapshot | None
) -> tuple[str, Any, Any, str, str] | None:
    from quantsentinel.integrity.firewall import IntegrityContext, check
    from quantsentinel.market.contracts import contract_for

    context = IntegrityContext(
        underlying=snapshot.underlying,
        contract=contract_for(snapshot.source),
        rules=rules,
        decided_at=decided_at,
        previous=previous,
    )
    firewall = check(snapshot, context)
    stop = firewall.first_stop
    if firewall.accepted or stop is None:
        return None
    return stop.guard, stop.measured, stop.limit, stop.unit, stop.detail


def _line(name: str, at: datetime, stop: tuple[str, Any, Any, str, str] | None) -> dict[str, Any]:
    guard, measured, limit, unit, detail = stop or ("", None, None, "", "")
    return {
        "at": at,
        "underlying": name,
        "outcome": "refused" if stop else "accepted",
        "guard": guard,
        "measured": measured,
        "limit": limit,
        "unit": unit,
        "detail": detail,
    }


def _chosen(recording: Recording, underlying: str, at: str) -> list[tuple[str, int]]:
    """(underlying, index) by time. Raises `BadInput` for an underlying that the file does not hold."""
    underlying = underlying.upper()
    if underlying and underlying not in recording.underlyings:
        held = ", ".join(recording.underlyings)
        raise BadInput(f"no {underlying} in the file", where="--underlying", fix=f"It holds {held}")
    names = (underlying,) if underlying else recording.underlyings
    times = {name: recording.schedule(name) for name in names}
    if not at:
        ordered = sorted((moment, name, index) for name in names for index, moment in enumerate(times[name]))
        return [(name, index) for _, name, index in ordered]
    return [(name, _nearest(times[name], at)) for name in names if times[name]]


def _nearest(times: list[datetime], at: str) -> int:
    from quantsentinel.market.calendar import IST

    wanted = a_time(at, on=times[0].astimezone(IST).date())
    return min(range(len(times)), key=lambda index: abs(times[index] - wanted))


@app.command("show")
def show_chain(
    file: File,
    at: At = "",
    underlying: Underlying = "",
    expiry: Annotated[str, typer.Option("--expiry", help="One expiry (default: the nearest).")] = "",
    strikes: Annotated[int, typer.Option("--strikes", min=1, help="How many strikes around the money.")] = 12,
    config: Config = None,
    json: Json = False,
) -> None:
    """One snapshot's chain around the money, as parsed (units, not lots)."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.market.parsers import parse
    from quantsentinel.market.rulebook import load_rules

    recording = open_recording(file)
    name, index = _chosen(recording, underlying or recording.underlyings[0], at)[0]
    raw = recording.raw(name, index)
    snapshot = parse(raw, load_rules(settings_of(config).rules_overlay))
    chain = _expiry_of(snapshot, expiry)
    rows = _rows(chain, strikes)
    head = f"{name} {chain.expiry} at {ist(raw.collected_at)} IST, {len(chain)} strikes, {snapshot.capability}"
    columns = ("call OI", "call bid", "call ask", "strike", "put bid", "put ask", "put OI")
    answer = {
        "underlying": name,
        "expiry": chain.expiry,
        "at": raw.collected_at,
        "expiries": snapshot.expiries,
        "snapshot": snapshot.digest,
        "rows": [dict(zip((column.replace(" ", "_").lower() for column in columns), row, strict=True)) for row in rows],
    }
    show(Answer(answer, [Table(head, columns, rows)], snapshot.notes), json)


def _expiry_of(snapshot: Snapshot, expiry: str) -> Chain:
    chains = {chain.expiry.isoformat(): chain for chain in snapshot.chains()}
    if expiry and expiry not in chains:
        raise BadInput(f"no expiry {expiry}", where="--expiry", fix=f"The snapshot has {', '.join(chains)}")
    return chains[expiry] if expiry else next(iter(chains.values()))


def _rows(chain: Chain, count: int) -> list[tuple[float | None, ...]]:
    """The `count` strikes around the one where call and put mids are nearest; absent quotes are None."""
    import numpy as np

    call_mid, put_mid = ((side["bid"] + side["ask"]) / 2 for side in (chain.call, chain.put))
    quoted = (chain.call["bid"] > 0) & (chain.put["bid"] > 0)
    gap = np.where(quoted, np.abs(call_mid - put_mid), np.inf)
    centre = int(np.argmin(gap)) if quoted.any() else len(chain) // 2
    low = max(0, min(centre - count // 2, len(chain) - count))
    picked = range(low, min(len(chain), low + count))
    names = ((chain.call, "oi"), (chain.call, "bid"), (chain.call, "ask"))
    puts = ((chain.put, "bid"), (chain.put, "ask"), (chain.put, "oi"))

    def value(side: Mapping[str, Any], name: str, row: int) -> float | None:
        found = float(side[name][row])
        return found if found > 0 or name == "oi" else None

    return [
        (
            *(value(side, name, row) for side, name in names),
            float(chain.strike[row]),
            *(value(side, name, row) for side, name in puts),
        )
        for row in picked
    ]
