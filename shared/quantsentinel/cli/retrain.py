"""`qs retrain`: fits the clock and the forecast again, judges them on held-out sessions, offers what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, a_date, open_live
from quantsentinel.cli.output import Answer, Table, show

if TYPE_CHECKING:
    from quantsentinel.app.retrain import Retrained
    from quantsentinel.volatility.held_out import Score

COLUMNS = ("outcome", "n", "QLIKE", "of the rule", "of what is in force", "t, rule", "t, in force")
PARTS = ("clock", "forecast")


def retrain(
    part: Annotated[list[str] | None, typer.Option("--part", help="clock or forecast (default: both). Repeat.")] = None,
    history: Annotated[
        Path | None, typer.Option("--history", help="Folder of market data (default: what was handed over).")
    ] = None,
    until: Annotated[str, typer.Option("--until", help="Learn up to this day, YYYY-MM-DD.")] = "",
    due: Annotated[bool, typer.Option("--due", help="Fit only what has reached its cadence; judge the rest.")] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Never puts anything in force: `qs models promote` does. Exit code 1 when what is in force loses to a plain
    average, a candidate does not beat it, or one that is due has nothing newer to learn from."""
    from quantsentinel.app.models import registry_of
    from quantsentinel.app.retrain import retrain as retrained
    from quantsentinel.cli.fit_files import read_fit_history

    platform = open_live(config, state)
    series = read_fit_history(history) if history else registry_of(platform).history()
    end = a_date(until, "--until") if until else None
    found = [retrained(platform, name, series, end, only_due=due) for name in part or PARTS]
    document = {"ok": all(one.ok for one in found), "history": series.digest, "parts": found}
    lines = [line for one in found for line in _lines(one)]
    tables = [table for one in found for table in _tables(one)]
    show(Answer(document, tables, lines, failed=not document["ok"]), json)


def _tables(one: Retrained) -> list[Table]:
    title = f"The {one.part} in force, on the newest sessions to {one.history_to}"
    tables = [Table(title, COLUMNS, _rows(one.standing))]
    return tables + ([Table(f"The {one.part} fitted again", COLUMNS, _rows(one.scores))] if one.scores else [])


def _rows(scores: Sequence[Score]) -> list[tuple[Any, ...]]:
    return [(s.row, s.n, s.candidate, s.rule, s.in_force, s.t_rule, s.t_in_force) for s in scores]


def _lines(one: Retrained) -> list[str]:
    lines = [f"The {one.part} learned to {one.history_to} only: {what}." for what in one.cut_by]
    if one.lacks:
        return [*lines, one.lacks]
    if not one.digest:
        return [*lines, f"The {one.part} is due on {one.due_on}: not fitted."]
    said = "beats the rule" if one.beats_rule else "does not beat the rule"
    known = "" if one.is_new else ", as before"
    return [*lines, f"{one.part} {one.digest} {said}{known}. To put it in force: qs models promote {one.digest}"]
