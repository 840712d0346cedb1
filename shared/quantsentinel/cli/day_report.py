"""`qs report` and `qs report day`: the day in a state folder as one HTML page; `qs report volatility` beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, in_a_folder, last_state, settings_of
from quantsentinel.cli.output import Answer, show
from quantsentinel.cli.report_volatility import volatility
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.platform import Platform
    from quantsentinel.settings import Settings


app = typer.Typer(help="Reports: the day of a state, volatility on the real series.", invoke_without_command=True)
Out = Annotated[Path, typer.Option("--out", help="The page to write.")]
Source = Annotated[str, typer.Option("--source", help="What the page says about where the chains came from.")]
PAGE = Path("report.html")


@app.callback()
def report(
    context: typer.Context,
    out: Out = PAGE,
    source: Source = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Without a command: the report of the day in the state used last (`qs report day`)."""
    if context.invoked_subcommand is None:
        day(out, source, config, state, json)


@app.command("day")
def day(
    out: Out = PAGE,
    source: Source = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Writes the report of the day in the state used last; it opens without a network."""
    settings = in_a_folder(settings_of(config), "qs report day")
    folder = last_state(settings, state)
    page = write_report(settings, folder, out, source or f"state {folder.name}")
    answer = {"report": str(page.resolve()), "bytes": page.stat().st_size}
    show(Answer(answer, lines=[f"Report: {page.resolve()}"]), json)


app.command("volatility")(volatility)


def write_report(settings: Settings, state: Path, page: Path, source: str) -> Path:
    """Collects the day from the state folder and writes the page. Raises `BadInput` when it cannot be written."""
    from quantsentinel.app.collect_day import collect_day
    from quantsentinel.cli.report import render_report

    record = collect_day(
        _as_it_ended(settings.model_copy(update={"state": state})),
        datetime.now(UTC),
        source=source,
        profile=settings.profile,
        distribution_mode=settings.distribution_mode,
        registration=settings.registration_number,
    )
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render_report(record), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write the report: {error.strerror}", where=str(page)) from None
    return page


def _as_it_ended(settings: Settings) -> Platform:
    """The platform with its clock at the last accepted snapshot: a tenant's age is that of the day, not of today."""
    from quantsentinel.adapters.embedded.clock import VirtualClock
    from quantsentinel.stores.snapshots import parse_time
    from quantsentinel.wiring.local import open_local

    platform = open_local(settings)
    newest = platform.snapshots.latest_of(platform.desk.rules.underlyings()).values()
    ends = [parse_time(document.data["accepted_at"]) for document in newest]
    return open_local(settings, VirtualClock(max(ends))) if ends else platform
