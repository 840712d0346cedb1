"""`qs drift relations|power|fit`: did a number change its meaning, and how small a change would be seen?"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, progress, show
from quantsentinel.cli.stored_relations import StoredRelations, stored_relations
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.adapters.brokers.recorded import Recording
    from quantsentinel.app.relation_power import Data
    from quantsentinel.cli.drift_report import Findings
    from quantsentinel.integrity.relation_alarm import Alarm, Watch
    from quantsentinel.market.bars import DailyBar
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.market.vix import VixBar
    from quantsentinel.ports import RawSnapshot

app = typer.Typer(help="Changed definitions and drifting numbers.", no_args_is_help=True)
Recorded = Annotated[Path | None, typer.Option("--data", help="A lake, or recorded chains (file or folder).")]
VixFile = Annotated[Path | None, typer.Option("--vix", help="NSE's India VIX history (CSV, also gzipped).")]
IndexFiles = Annotated[
    list[Path] | None, typer.Option("--index", help="Daily NIFTY bars (CSV); repeat it, the first file wins a day.")
]
PERIODS = (
    ("2013–2018 (in sample)", datetime.date(2013, 1, 1), datetime.date(2018, 12, 31)),
    ("2019–2025 (out of sample)", datetime.date(2019, 1, 1), datetime.date(2025, 12, 31)),
)
SIMULATED = (datetime.date(2024, 9, 2), datetime.date(2025, 8, 29))
RECENT = 20
"""The command fails while an alarm was raised within this many sessions of its series' end."""


@app.command("relations")
def relations(
    data: Recorded = None,
    vix: VixFile = None,
    index: IndexFiles = None,
    a_session: Annotated[int, typer.Option("--a-session", min=1, help="Most snapshots measured a session.")] = 12,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """The monitored relations session by session and every `definition_changed`; exits 1 on a recent or open one.

    With --state also what the running system stored, and which of its alarms nobody has acknowledged.
    """
    from quantsentinel.market.rulebook import load_rules

    if data is None and vix is None and state is None:
        fix = "Name a lake, recorded chains, a VIX history or the state of a running system"
        raise BadInput("nothing to look at", where="--data, --vix, --state", fix=fix)
    rules = load_rules(settings_of(config).rules_overlay)
    stored = stored_relations(config, state) if state else StoredRelations()
    with progress("measuring", quiet=json) as tell:
        bars = _vix_bars(data, vix)
        watches, unparsed = _chains(data, bars, rules, (a_session, tell)) if data else ([], 0)
        watches = [*_vix_watches(bars, _index_bars(data, index or []), rules), *watches, *stored.watches]
    if not watches and state is None:
        fix = "Name a lake, recorded chains, or --vix with --index"
        raise BadInput("holds neither chains nor India VIX with daily bars", where=str(data or vix), fix=fix)
    alarms = sorted((a for item in watches for a in item.alarms), key=lambda a: (a.session, a.source, a.relation))
    answer = {
        "series": [_series(item) for item in watches],
        "alarms": [_alarm(alarm) for alarm in alarms],
        "unparsed": unparsed,
        "raised": stored.as_json(),
        "learning": stored.learning,
    }
    names = ("relation", "source", "sessions", "judged", "first", "last", "median", "latest", "latest_score", "alarms")
    columns = [name.replace("_", " ") for name in names]
    rows = [[_series(item)[name] for name in names] for item in watches]
    tables = [Table("Relations", columns, rows), _alarm_table(alarms), *([stored.table()] if state else [])]
    failed = bool(stored.open) or any(_is_recent(item) for item in watches)
    show(Answer(answer, tables, stored.learning, failed), json)


def _series(item: Watch) -> dict[str, Any]:
    values = sorted(one.value for one in item.judged if one.value is not None)
    scores = [one for one in item.judged if one.score is not None]
    return {
        "relation": item.relation.name,
        "source": item.source,
        "what": item.relation.what,
        "unit": item.relation.unit,
        "sessions": len(values),
        "judged": len(scores),
        "first": item.judged[0].session,
        "last": item.judged[-1].session,
        "median": round(values[len(values) // 2], 6) if values else None,
        "latest": next((round(one.value, 6) for one in reversed(item.judged) if one.value is not None), None),
        "latest_score": scores[-1].score if scores else None,
        "alarms": len(item.alarms),
        "values": [{"session": one.session, "value": one.value, "score": one.score} for one in item.judged],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "kind": "definition_changed",
        "relation": alarm.relation,
        "source": alarm.source,
        "session": alarm.session,
        "since": alarm.since,
        "measured": alarm.measured,
        "limit": alarm.limit,
        "unit": alarm.unit,
        "cause": alarm.cause or None,
    }


def _alarm_table(alarms: Sequence[Alarm]) -> Table:
    columns = ("session", "since", "source", "relation", "measured", "limit", "unit", "looks like")
    rows = [
        (a.session.isoformat(), a.since.isoformat(), a.source, a.relation, a.measured, a.limit, a.unit, a.cause)
        for a in alarms
    ]
    return Table("definition_changed", columns, rows, "no definition changed")


def _is_recent(item: Watch) -> bool:
    recent = {one.session for one in item.judged[-RECENT:]}
    return any(alarm.session in recent for alarm in item.alarms)


def _chains(data: Path, vix: Sequence[VixBar], rules: RuleBook, how: tuple[int, Any]) -> tuple[list[Watch], int]:
    """`how`: the most snapshots of a session, and whom to tell how far it is."""
    from quantsentinel.adapters.brokers.recorded import open_recording
    from quantsentinel.app.watch_relations import chain_series, chain_watches

    if (data / "vix").is_dir() and not (data / "chains").is_dir():
        return [], 0
    series, unparsed = chain_series(_raws(open_recording(data), *how), rules)
    return chain_watches(series, {bar.day: bar.close for bar in vix}), unparsed


def _raws(recording: Recording, a_session: int, tell: Any) -> Iterator[RawSnapshot]:
    from quantsentinel.app.watch_relations import spread_over_sessions
    from quantsentinel.market.calendar import IST

    for name in recording.underlyings:
        sessions = [at.astimezone(IST).date() for at in recording.schedule(name)]
        chosen = spread_over_sessions(sessions, a_session)
        for number, place in enumerate(chosen):
            tell(number + 1, len(chosen), name)
            yield recording.raw(name, place)


def _vix_watches(bars: Sequence[VixBar], days: Sequence[DailyBar], rules: RuleBook) -> list[Watch]:
    from quantsentinel.app.relation_power import SOURCE, readings
    from quantsentinel.integrity.relation_alarm import watch
    from quantsentinel.integrity.relations import RELATIONS

    if not bars or not days:
        return []
    found = readings(_data(bars, days, rules))
    return [watch(RELATIONS[name], SOURCE, items) for name, items in found.items()]


def _vix_bars(data: Path | None, vix: Path | None) -> tuple[VixBar, ...]:
    from quantsentinel.adapters.lake_vix import lake_vix
    from quantsentinel.market.vix import read_vix

    if vix is not None:
        return read_vix(vix).bars
    return lake_vix(data) if data is not None and data.is_dir() else ()


def _index_bars(data: Path | None, files: Sequence[Path]) -> tuple[DailyBar, ...]:
    from quantsentinel.adapters.lake import daily_bars
    from quantsentinel.market.bars import read_daily_bars

    if not files:
        return daily_bars(data, "NIFTY") if data is not None and data.is_dir() else ()
    by_day = {bar.day: bar for file in reversed(files) for bar in read_daily_bars(file, "NIFTY")}
    return tuple(by_day[day] for day in sorted(by_day))


def _data(vix: Sequence[VixBar], index: Sequence[DailyBar], rules: RuleBook) -> Data:
    """With every session that is known: those of the index and, where the rule book covers them, special ones."""
    from quantsentinel.app.relation_power import Data
    from quantsentinel.errors import RuleGap
    from quantsentinel.integrity.vix_relation import packaged_model

    days = {bar.day for bar in index}
    for year in sorted({bar.day.year for bar in vix}):
        mine = [bar.day for bar in vix if bar.day.year == year]
        try:
            days |= {session.day for session in rules.sessions(mine[0], mine[-1])}
        except RuleGap:
            continue
    return Data(tuple(vix), tuple(index), tuple(sorted(days)), packaged_model())


@app.command("fit")
def fit(
    vix: VixFile = None,
    index: IndexFiles = None,
    first: Annotated[str, typer.Option("--first", help="First session of the fit.")] = "2013-01-01",
    last: Annotated[str, typer.Option("--last", help="Last session of the fit.")] = "2018-12-31",
    json: Json = False,
) -> None:
    """The usual change of India VIX given the index, as `vix_change.toml` holds it."""
    from quantsentinel.integrity.vix_relation import fit_vix_change

    if vix is None or not index:
        raise BadInput("needs India VIX and the index", where="--vix, --index", fix="Name both files")
    model = fit_vix_change(_vix_bars(None, vix), _index_bars(None, index), a_date(first), a_date(last))
    lines = [f"version = {model.version}", f"first = {model.first}", f"last = {model.last}"]
    lines += [f"move = {list(model.move)}", f"scale = {list(model.scale)}"]
    answer = {"version": model.version, "first": model.first, "last": model.last}
    show(Answer({**answer, "move": model.move, "scale": model.scale}, lines=lines), json)


@app.command("power")
def power(
    vix: VixFile = None,
    index: IndexFiles = None,
    a_year: Annotated[int, typer.Option("--a-year", min=1, max=60, help="Splices a year.")] = 12,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the simulated year.")] = 7,
    out: Annotated[Path | None, typer.Option("--out", help="The Markdown page to write.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Splices changed definitions into real sessions and a simulated year: share seen in time, false alarms a year."""
    from quantsentinel.cli.drift_report import page
    from quantsentinel.market.rulebook import load_rules

    if vix is None or not index:
        raise BadInput("needs India VIX and the index", where="--vix, --index", fix="Name both files")
    if out is not None and not out.parent.is_dir():
        raise BadInput("the folder does not exist", where=str(out.parent), fix="Create it, or name another --out")
    rules = load_rules(settings_of(config).rules_overlay)
    with progress("splicing", quiet=json) as tell:
        found = power_findings(
            _data(_vix_bars(None, vix), _index_bars(None, index), rules), rules, (a_year, seed), tell
        )
    text = page(found, str(out or "PAGE"))
    if out is not None:
        out.write_text(text, encoding="utf-8")
    changes = [
        {"sessions": part.title, "change": p.change, "way": p.way, "in_time": p.in_time, "splices": len(p.delays)}
        for part in found.parts
        for p in part.changes
    ]
    false = [
        {"sessions": part.title, "a_year": part.false.a_year, "interval": part.false.interval} for part in found.parts
    ]
    show(Answer({"false_alarms": false, "changes": changes, "page": str(out or "")}, lines=text.splitlines()), json)


def power_findings(data: Data, rules: RuleBook, how: tuple[int, int], tell: Any) -> Findings:
    """`how`: splices a year and the seed of the simulated year."""
    from quantsentinel.app import relation_power as vix_power
    from quantsentinel.app import relation_year as vendor
    from quantsentinel.cli.drift_report import Findings, Part

    a_year, seed = how
    of = vix_power.study(data)
    parts = []
    for title, first, last in PERIODS:
        days = vix_power.splice_days(data, range(first.year, last.year + 1), a_year)
        changes = [
            vix_power.power(of, days, name, change, way)
            for name, change in vix_power.CHANGES.items()
            for way in vix_power.WAYS
        ]
        parts.append(Part(title, first, last, vix_power.false_alarms(of, first, last), changes))
    curve = vix_power.curve(
        of, vix_power.splice_days(data, range(PERIODS[-1][1].year, PERIODS[-1][2].year + 1), a_year)
    )
    year = vendor.simulated_year([item.day for item in rules.sessions(*SIMULATED)], seed, rules, tell)
    outcomes = [vendor.splice(year, change, 2 * a_year) for change in vendor.CHANGES]
    return Findings(parts, curve, outcomes, vendor.year_alarms(year), len(year.sessions))
