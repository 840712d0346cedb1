"""`qs rules show`: the dated facts that are in force on a day, with source and status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, show

if TYPE_CHECKING:
    from datetime import date

    from quantsentinel.market.rule_rows import Row

app = typer.Typer(help="The rule book: every dated fact that gates money.", no_args_is_help=True)


@app.command("show")
def show_rules(
    date: Annotated[str, typer.Option("--date", help="The day asked about (default: today).")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only one kind of row: lot, charge, holidays, …")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Every row that holds on the day: its values, status, source, and how long it may be used."""
    from quantsentinel.errors import BadInput
    from quantsentinel.market.calendar import IST
    from quantsentinel.market.rulebook import load_rules

    day = a_date(date) if date else datetime.now(UTC).astimezone(IST).date()
    book = load_rules(settings_of(config).rules_overlay)
    kinds = sorted(book.rows.by_kind)
    if kind and kind not in kinds:
        raise BadInput(f"no kind of row {kind!r}", where="--kind", fix="Known: " + ", ".join(kinds))
    wanted = [kind] if kind else kinds
    found = [_line(row, day) for name in wanted for row in book.rows.of(name) if row.holds(day)]
    answer = {"date": day, "digest": book.digest, "coverage_end": book.coverage_end(), "rows": found}
    columns = ("id", "kind", "values", "status", "used until", "source")
    cells = [tuple(line[name] for name in ("id", "kind", "text", "status", "until", "source")) for line in found]
    show(Answer(answer, [Table(f"Rule book on {day}", columns, cells, "no row holds on this day")]), json)


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
    return value if value is None or isinstance(value, str | int | float | bool | list) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
