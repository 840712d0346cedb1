"""`qs rules`: the dated facts that are in force on a day, and the rule book held against itself and against records."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from datetime import date

    from quantsentinel.cli.rule_evidence import Comparison
    from quantsentinel.market.rule_check import Problem
    from quantsentinel.market.rule_day import ContractFacts, DayRules, Fact
    from quantsentinel.market.rule_rows import Row

app = typer.Typer(help="The rule book: every dated fact that gates money.", no_args_is_help=True)


@app.command("show")
def show_rules(
    on: Annotated[str, typer.Option("--on", "--date", help="The day asked about (default: today).")] = "",
    underlying: Annotated[str, typer.Option("--underlying", help="Everything in force for this index.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only rows of one kind: lot, charge, holidays, …")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """What holds on a day. With --underlying every fact is resolved: hours, listed contracts with lots and settlement,
    tick, strikes, freeze quantity. Without it, every row that holds: values, status, source, until when it serves."""
    from quantsentinel.errors import BadInput
    from quantsentinel.market.rulebook import load_rules

    day = a_date(on) if on else _today()
    book = load_rules(settings_of(config).rules_overlay)
    if underlying and kind:
        raise BadInput("--underlying and --kind together", where="qs rules show", fix="Name one of them")
    if underlying:
        from quantsentinel.market.rule_day import day_rules

        show(_resolved(day_rules(book, underlying.upper(), day), book.digest), json)
        return
    kinds = sorted(book.rows.by_kind)
    if kind and kind not in kinds:
        raise BadInput(f"no kind of row {kind!r}", where="--kind", fix="Known: " + ", ".join(kinds))
    wanted = [kind] if kind else kinds
    found = [_line(row, day) for name in wanted for row in book.rows.of(name) if row.holds(day)]
    answer = {"date": day, "digest": book.digest, "coverage_end": book.coverage_end(), "rows": found}
    columns = ("id", "kind", "values", "status", "used until", "source")
    cells = [tuple(line[name] for name in ("id", "kind", "text", "status", "until", "source")) for line in found]
    show(Answer(answer, [Table(f"Rule book on {day}", columns, cells, "no row holds on this day")]), json)


@app.command("check")
def check_rule_book(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of real market data (default: QS_MARKETDATA, if set).")
    ] = None,
    on: Annotated[str, typer.Option("--on", help="The day on which coverage is judged (default: today).")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Overlaps, gaps, missing sources, rows that run out; then every listed contract, session and lot on record against
    the book. Exits with 1 when an error or a real difference is found."""
    from quantsentinel.cli.rule_evidence import FIRST, compare_all
    from quantsentinel.errors import BadInput
    from quantsentinel.market.rule_check import check_rules
    from quantsentinel.market.rulebook import load_rules

    if data is not None and not data.is_dir():
        raise BadInput(
            f"no such folder: {data}", where="--data", fix="Name a folder that holds chains/, daily/ and bars/"
        )
    settings = settings_of(config)
    book = load_rules(settings.rules_overlay)
    problems = check_rules(book, a_date(on) if on else _today(), FIRST)
    comparisons = list(compare_all(book, data or settings.marketdata))
    wrong = any(problem.severity == "error" for problem in problems) or any(made.different for made in comparisons)
    answer = {
        "digest": book.digest,
        "ok": not wrong,
        "problems": [_problem(problem) for problem in problems],
        "comparisons": [_comparison(made) for made in comparisons],
    }
    show(Answer(answer, _check_tables(problems, comparisons), failed=wrong), json)


def _today() -> date:
    from quantsentinel.market.calendar import IST

    return datetime.now(UTC).astimezone(IST).date()


# --- One day ----------------------------------------------------------------------------------------------------------
def _resolved(rules: DayRules, book_digest: str) -> Answer:
    facts = [_fact(fact) for fact in rules.facts]
    contracts = [_contract(part) for part in rules.contracts]
    answer = {
        "date": rules.day,
        "underlying": rules.underlying,
        "digest": book_digest,
        "facts": facts,
        "contracts": contracts,
        "gaps": list(rules.gaps),
    }
    names = ("name", "value", "unit", "status", "row", "verified_until")
    cells = [(fact["name"], _words(fact), *(fact[name] for name in names[2:])) for fact in facts]
    listed = ("expiry", "cycle", "ends", "last_trade", "window_start", "settles", "method", "lot", "lot_status")
    rows = [tuple(_clock(contract[name]) for name in listed) for contract in contracts]
    return Answer(
        answer,
        [
            Table(f"{rules.underlying} on {rules.day}", ("fact", *names[1:]), cells),
            Table("Listed contracts (times IST)", listed, rows, "none that the book can name"),
        ],
        lines=[f"not known: {gap}" for gap in rules.gaps],
    )


def _fact(fact: Fact) -> dict[str, Any]:
    status = "refused" if fact.gap else (fact.row.status if fact.row else "")
    return {
        "name": fact.name,
        "value": _plain(fact.value),
        "unit": fact.unit,
        "status": f"{status}, adverse" if fact.adverse else status,
        "adverse": fact.adverse,
        "row": fact.row.id if fact.row else "",
        "source": fact.row.source if fact.row else "",
        "verified_until": fact.row.verified_until if fact.row else None,
        "gap": fact.gap,
    }


def _words(fact: dict[str, Any]) -> str:
    value = fact["value"]
    if fact["gap"]:
        return "not known"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {item}" for name, item in value.items())
    return "none" if value is None else str(value)


def _contract(part: ContractFacts) -> dict[str, Any]:
    return {
        "expiry": part.expiry,
        "cycle": part.cycle,
        "ends": part.ends,
        "last_trade": part.last_trade,
        "window_start": part.window_start,
        "settles": part.settles,
        "method": part.method,
        "lot": part.lot.value,
        "lot_status": _fact(part.lot)["status"],
        "lot_row": part.lot.row.id if part.lot.row else "",
        "gap": part.gap or part.lot.gap,
    }


def _clock(value: Any) -> Any:
    return f"{value:%H:%M}" if isinstance(value, datetime) else value


# --- The check --------------------------------------------------------------------------------------------------------
def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "check": problem.check,
        "severity": problem.severity,
        "what": problem.what,
        "rows": list(problem.rows),
        "days": problem.days,
    }


def _comparison(made: Comparison) -> dict[str, Any]:
    return {
        "source": made.source,
        "compared": made.compared,
        "different": made.different,
        "explained": made.explained,
        "not_answered": made.unknown,
        "left_out": made.left_out,
    }


def _check_tables(problems: tuple[Problem, ...], comparisons: list[Comparison]) -> list[Table]:
    rows = [
        (p.severity, p.check, _short(p.what), _short(", ".join(p.rows)) or counted(p.days, "session")) for p in problems
    ]
    lines = [
        (made.source, made.compared, len(made.different), sum(made.explained.values()), made.unknown, made.left_out)
        for made in comparisons
    ]
    found = [(made.source, "differs", what) for made in comparisons for what in made.different[:20]]
    found += [(made.source, f"{count} ×", why) for made in comparisons for why, count in made.explained.items()]
    columns = ("source", "compared", "different", "explained", "not answered", "left out")
    return [
        Table("The book itself", ("severity", "check", "what", "rows"), rows, "no problem"),
        Table("Against records", columns, lines),
        Table("Differences", ("source", "", "what"), found, "none"),
    ]


def _line(row: Row, on: date) -> dict[str, Any]:
    values = {name: row.get(name, on) for name in row.values}
    usable = row.is_usable(on)
    return {
        "id": row.id,
        "kind": row.kind,
        "values": {name: _plain(value) for name, value in values.items()},
        "text": _short(", ".join(f"{name} {_plain(value)}" for name, value in values.items() if value is not None)),
        "status": row.status_on(on) if usable else "refused",
        "adverse": row.is_adverse(on),
        "until": row.end,
        "source": row.source,
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool | list | dict) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
