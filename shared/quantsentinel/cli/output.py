"""The one way to the terminal: tables for people, or exactly one JSON document on stdout, errors on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantsentinel.errors import BadInput, QuantsentinelError, Unavailable
from quantsentinel.frozen import dataclass

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PIPED_WIDTH = 200
"""Columns when nobody's terminal sets a width: tables in a pipe are for grep."""
SHORT_CELL = 26
EXIT_FAILED_GATE = 1
EXIT_BAD_INPUT = 2
EXIT_UNAVAILABLE = 3
EXIT_BROKEN = 4
EXIT_INTERRUPTED = 130


class Markup(str):
    """Text of ours with rich's markup in it. All other text is shown as it is: what people named holds brackets too."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows as text or numbers; numbers are set to the right. `empty` is said instead of an empty table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "nothing yet"
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: `json` for machines, `tables` and `lines` for people, and whether a gate failed."""

    json: Any
    tables: Sequence[Table] = ()
    lines: Sequence[str] = field(default=())
    failed: bool = False


@cache
def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


@cache
def error_console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def show(answer: Answer, as_json: bool) -> None:
    """Prints the answer; raises `typer.Exit(1)` when a gate failed."""
    if as_json:
        sys.stdout.write(as_text(answer.json) + "\n")
    else:
        for table in answer.tables:
            _print(table)
        for line in answer.lines:
            console().print(_shown(line))
    sys.stdout.flush()
    if answer.failed:
        import typer

        raise typer.Exit(EXIT_FAILED_GATE)


def as_text(value: Any) -> str:
    """Indented JSON of any value of ours, times in UTC."""
    from quantsentinel.canonical import canonical

    return json.dumps(canonical(_plain(value)), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Paths as text, so that `canonical` knows every type."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _print(table: Table) -> None:
    from rich import box
    from rich.table import Table as RichTable

    if not table.rows:
        console().print(f"{table.title}: {table.empty}" if table.title else table.empty)
        return
    shown = RichTable(
        title=table.title or None, title_justify="left", box=box.SIMPLE_HEAD, caption=table.caption or None
    )
    widths = [max(len(name), *(len(cell(row[n])) for row in table.rows)) for n, name in enumerate(table.columns)]
    kept = sum(width for width in widths if width <= SHORT_CELL) + 3 * len(widths)
    roomy = kept + SHORT_CELL * any(width > SHORT_CELL for width in widths) <= console().width
    for number, column in enumerate(table.columns):
        numeric = all(isinstance(row[number], int | float | Decimal | None) for row in table.rows)
        # In a narrow terminal every column folds: a cell that is cut would lose an id or a figure.
        short = roomy and widths[number] <= SHORT_CELL
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=short)
    for row in table.rows:
        shown.add_row(*(_shown(value) for value in row))
    console().print(shown)


def _shown(value: Any) -> str:
    return value if isinstance(value, Markup) else _escaped(cell(value))


def cell(value: Any) -> str:
    """A value as a person reads it in a table: unknown is a dash, times are IST, money has Indian grouping."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return ist(value)
    if isinstance(value, Decimal):
        return rupees_text(value)
    return number_text(value) if isinstance(value, float) else str(value)


def number_text(value: float) -> str:
    """Six significant digits, thousands grouped, never an exponent."""
    digits = 2 if abs(value) >= 1000 else 6
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if abs(value) >= 1e-6 or not value else f"{value:.2g}"


def ist(value: datetime | str) -> str:
    """`2025-08-29 09:24:03`, in IST."""
    from quantsentinel.market.calendar import IST

    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{moment.astimezone(IST):%Y-%m-%d %H:%M:%S}"


def rupees_text(amount: Decimal | float | str, *, paise: bool = True) -> str:
    """`₹12,34,567.50`: lakh and crore grouping, a real minus sign in front."""
    value = Decimal(str(amount))
    whole, _, fraction = f"{abs(value):.{2 if paise else 0}f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups: list[str] = []
    while head:
        head, group = head[:-2], head[-2:]
        groups.insert(0, group)
    sign = "−" if value < 0 and (float(whole) or float(fraction or 0)) else ""
    return f"{sign}₹{','.join([*groups, tail])}" + (f".{fraction}" if fraction else "")


def show_error(error: QuantsentinelError, as_json: bool) -> int:
    """Says what, where and how to fix it on stderr; the exit code of the error's branch."""
    code = EXIT_BAD_INPUT if isinstance(error, BadInput) else EXIT_BROKEN
    code = EXIT_UNAVAILABLE if isinstance(error, Unavailable) else code
    if as_json:
        said = {"error": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}
        sys.stderr.write(json.dumps(said, ensure_ascii=False) + "\n")
        return code
    out = error_console()
    out.print(f"[bold red]error[/] {_escaped(error.what)}", soft_wrap=True)
    for name, text in (("where", error.where), ("fix", error.fix)):
        if text:
            out.print(f"[dim]{name:>5}[/] {_escaped(text)}", soft_wrap=True)
    return code


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextlib.contextmanager
def logs_on_stderr() -> Iterator[None]:
    """Log lines that the platform writes to stdout go to stderr, so that stdout holds the answer alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def progress(text: str, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr while long work runs: `tell(done, total, note)`. None when piped or `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, note: None
        return
    bar = _bar()
    with bar:
        task = bar.add_task(text, total=None, note="")
        yield lambda done, total, note: bar.update(task, completed=done, total=total, note=note)


def _bar() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("[dim]{task.fields[note]}"), console=error_console(), transient=True)
