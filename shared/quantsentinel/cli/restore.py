"""`qs restore check`: the end of every restore, and of every drill."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.app.check import FAIL
from quantsentinel.cli.options import STATE_FILE, Config, Json, State, a_date, deployment_of
from quantsentinel.cli.output import Answer, Table, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.platform import Platform
    from quantsentinel.settings import Settings

app = typer.Typer(help="Restores and drills.", no_args_is_help=True)


@app.command()
def check(
    database: Annotated[str, typer.Option("--database", help="The restored Firestore database.")] = "",
    bucket: Annotated[
        list[str] | None, typer.Option("--bucket", help="KIND=NAME of a bucket restored under another name. Repeat.")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="Only what was decided from this day on, YYYY-MM-DD.")] = "",
    days: Annotated[int, typer.Option("--days", min=0, help="Only of so many days back (0: from the beginning).")] = 0,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Says what of a restored state is missing or changed: chains against their roots, books, owners, snapshots,
    objects. Reads only. Exit code 1 when anything is."""
    from quantsentinel.app.restore_check import restore_check

    settings, environ = deployment_of(config, state)
    update: dict[str, Any] = {f"bucket_{kind}": name for kind, name in map(_pair, bucket or [])}
    if database:
        update["firestore_database"] = database
    if update and settings.profile != "google":
        fix = "Set QS_PROFILE=google and QS_PROJECT, or name a copied folder with --state"
        raise BadInput("--database and --bucket are of the google profile", where="restore check", fix=fix)
    platform = _opened(settings.model_copy(update=update), environ)
    checks = restore_check(platform, _from(since, days, platform.clock.now()))
    failed = sum(one.status == FAIL for one in checks)
    lines = [f"{failed} of {len(checks)} checks failed" if failed else "Everything that is named is there."]
    table = Table("", ("", "check", "found", "what to do"), [(c.status, c.name, c.found, c.fix) for c in checks])
    show(Answer({"ok": not failed, "checks": checks}, [table], lines, failed=bool(failed)), json)


def _from(since: str, days: int, now: datetime) -> date:
    from quantsentinel.app.restore_check import BEGINNING

    if since:
        return a_date(since, "--since")
    return (now - timedelta(days=days)).date() if days else BEGINNING


def _pair(text: str) -> tuple[str, str]:
    from quantsentinel.settings import BUCKET_KINDS

    kind, _, name = text.partition("=")
    if kind not in BUCKET_KINDS or not name:
        raise BadInput(f"{text!r}", where="--bucket", fix=f"KIND=NAME, with KIND one of {', '.join(BUCKET_KINDS)}")
    return kind, name


def _opened(settings: Settings, environ: dict[str, str]) -> Platform:
    from quantsentinel.wiring.google import open_google
    from quantsentinel.wiring.local import open_local

    if settings.profile == "google":
        return open_google(settings, environ=environ)
    file = Path(settings.state) / STATE_FILE
    if not file.is_file():
        raise BadInput("no state in this folder", where=str(settings.state), fix=f"It holds {STATE_FILE} and objects/")
    return open_local(settings)
