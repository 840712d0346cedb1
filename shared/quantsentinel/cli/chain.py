"""`qs chain check|show`: would the firewall accept these snapshots, and what does the market pass see in one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Breadth, Config, Json, Participants, a_time, settings_of
from quantsentinel.cli.output import Answer, ist, progress, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.adapters.brokers.recorded import Recording
    from quantsentinel.app.chain_check import Judged
    from quantsentinel.ports import RawSnapshot

app = typer.Typer(help="Recorded chains.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Parquet, CSV or JSON recording, a simulated day, or a lake.")]
At = Annotated[str, typer.Option("--at", help="The snapshot nearest to this time (IST, or with offset).")]
Underlying = Annotated[str, typer.Option("--underlying", help="Only one of the file's underlyings.")]
WARM = 5
"""Snapshots judged before a single one: the guards that compare need what was accepted before it."""
MANY = 40
"""More lines than these are not printed one by one: the refused ones are."""


@app.command("check")
def check_chain(
    file: File, at: At = "", underlying: Underlying = "", config: Config = None, json: Json = False
) -> None:
    """Every snapshot, accepted or refused, with its verdicts and masked quotes; exits 1 when one is refused."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.app.chain_check import judged, line
    from quantsentinel.cli.chain_tables import check_tables
    from quantsentinel.market.rulebook import load_rules

    rules = load_rules(settings_of(config).rules_overlay)
    recording = open_recording(file)
    chosen = _chosen(recording, underlying, at)
    before = [(name, index - back) for name, index in chosen for back in range(WARM, 0, -1) if index >= back]
    read = _read(recording, [*before, *chosen] if at else chosen, json)
    lines = [line(item) for item in judged(read, rules)][len(before) if at else 0 :]
    refused = Counter(found["guard"] for found in lines if found["outcome"] == "refused")
    masked: Counter[str] = Counter()
    for found in lines:
        masked.update({name: item["rows"] for name, item in found["masked"].items()})
    summary = {
        "file": str(file),
        "snapshots": len(lines),
        "accepted": len(lines) - refused.total(),
        "refused": refused.total(),
        "refused_by": dict(sorted(refused.items())),
        "masked_by": dict(sorted(masked.items())),
    }
    said = f"{summary['accepted']} accepted, {summary['refused']} refused of {summary['snapshots']}"
    show(
        Answer({"snapshots": lines, "summary": summary}, check_tables(lines, MANY), [said], failed=bool(refused)), json
    )


def _read(recording: Recording, chosen: Sequence[tuple[str, int]], quiet: bool) -> Iterator[RawSnapshot]:
    with progress("reading", quiet=quiet) as tell:
        for number, (name, index) in enumerate(chosen):
            tell(number + 1, len(chosen), name)
            yield recording.raw(name, index)


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

    wanted = a_time(at, on=times[-1].astimezone(IST).date())
    return min(range(len(times)), key=lambda index: abs(times[index] - wanted))


@app.command("show")
def show_chain(
    what: Annotated[str, typer.Argument(help="An underlying of the lake (or of --data), or a recording.")],
    at: At = "",
    data: Annotated[Path | None, typer.Option("--data", help="A recording or a lake (default: the lake).")] = None,
    underlying: Underlying = "",
    expiry: Annotated[str, typer.Option("--expiry", help="Show the strikes of this expiry.")] = "",
    strikes: Annotated[int, typer.Option("--strikes", min=1, help="How many strikes around the money.")] = 12,
    alone: Annotated[
        bool, typer.Option("--alone", help="Without the day before it: no flow, no realised variance.")
    ] = False,
    history: Annotated[Path | None, typer.Option("--history", help="Daily bars: a file or a folder.")] = None,
    participants: Participants = None,
    breadth: Breadth = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """One snapshot as the market pass sees it: forwards, vols, fits, densities, tails, open interest, dealer gamma."""
    from quantsentinel.app.chain_document import document
    from quantsentinel.app.chain_view import chain_view
    from quantsentinel.cli.chain_evidence import Evidence, before
    from quantsentinel.cli.chain_tables import ladder, show_lines, show_tables

    root, recording = _source(what, data, at, config)
    name = underlying.upper() or (recording.underlyings[0] if Path(what).exists() else what.upper())
    found, desk = _day(recording, name, at, (alone, config, json))
    evidence = Evidence(root, recording.daily_history.get(name, ()), history, participants, breadth)
    session = found[-1].raw.collected_at
    seen = chain_view(found[-1:] if alone else found, before(evidence, name, session, desk.rules), desk)
    chosen = _expiry_of(seen.view.snapshot.expiries, expiry)
    rows = ladder(seen, chosen, strikes)
    answer: dict[str, Any] = {
        "at": session,
        **document(seen),
        "expiry": seen.view.snapshot.expiries[chosen],
        "rows": rows,
    }
    head = f"{name} at {ist(session)} IST"
    tables = show_tables(answer, head, with_strikes=bool(expiry))
    show(Answer(answer, tables, [*show_lines(answer), *seen.view.snapshot.notes]), json)


def _source(what: str, data: Path | None, at: str, config: Path | None) -> tuple[Path | None, Recording]:
    """(the lake's root or None, the recording): a path is a recording, anything else an underlying of the lake."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.adapters.lake import is_lake

    path = Path(what) if Path(what).exists() else data or settings_of(config).lake
    if not path.exists():
        fix = "Name a recording, or fill the lake: qs import FILE"
        raise BadInput(f"neither a file nor a lake that holds {what}", where=str(path), fix=fix)
    names = () if str(path) == what else (what.upper(),)
    days = (day,) if (day := _day_of(at)) else ()
    return (path if is_lake(path) else None), open_recording(path, underlyings=names, days=days)


def _day_of(at: str) -> date | None:
    """The day of a time that names one."""
    from quantsentinel.market.calendar import IST

    return a_time(at).astimezone(IST).date() if len(at) > len("09:15:00") else None


def _day(recording: Recording, name: str, at: str, options: tuple[bool, Path | None, bool]) -> tuple[list[Judged], Any]:
    """The chosen snapshot after the others of its day (a few, when it is shown alone), all judged; and the desk."""
    from quantsentinel.app.chain_check import judged
    from quantsentinel.market.calendar import IST
    from quantsentinel.wiring.desk import desk_of

    alone, config, json = options
    _, index = _chosen(recording, name, at)[0]
    times = recording.schedule(name)
    day = times[index].astimezone(IST).date()
    first = next(place for place, moment in enumerate(times) if moment.astimezone(IST).date() == day)
    first = max(first, index - WARM) if alone else first
    desk = desk_of(settings_of(config))
    raws = _read(recording, [(name, place) for place in range(first, index + 1)], json)
    return list(judged(raws, desk.rules)), desk


def _expiry_of(expiries: tuple[date, ...], expiry: str) -> int:
    texts = [day.isoformat() for day in expiries]
    if expiry and expiry not in texts:
        raise BadInput(f"no expiry {expiry}", where="--expiry", fix=f"The snapshot has {', '.join(texts)}")
    return texts.index(expiry) if expiry else 0
