"""`qs config show|validate`: the settings in force, where each came from, secrets as stars."""

from __future__ import annotations

import os

import typer

from quantsentinel.cli.options import Config, Json, open_live, settings_of
from quantsentinel.cli.output import Answer, Table, show

app = typer.Typer(help="Settings: environment (QS_*) over an optional TOML file.", no_args_is_help=True)


@app.command("show")
def show_settings(config: Config = None, json: Json = False) -> None:
    """Every setting, its value and where it came from."""
    from quantsentinel.settings import gather

    settings = settings_of(config)
    _, origins = gather(os.environ, config)
    shown = settings.shown()
    rows = [(name, f"QS_{name.upper()}", _text(value), origins.get(name, "default")) for name, value in shown.items()]
    table = Table("Settings", ("setting", "variable", "value", "from"), rows)
    show(Answer({"settings": shown, "from": {row[0]: row[3] for row in rows}}, [table]), json)


@app.command()
def validate(config: Config = None, json: Json = False) -> None:
    """Checks settings, rule book overlay and policy overlay together, and fitted parts that are named; exits 2 with
    every error."""
    from quantsentinel.wiring.desk import desk_of

    settings = settings_of(config)
    desk = open_live(config, None).desk if any(settings.fitted().values()) else desk_of(settings)
    for name in settings.underlyings:
        desk.rules.require_underlying(name)
    answer = {"valid": True, "desk": desk.digest, "rules": desk.rules.digest, "coverage_end": desk.rules.coverage_end()}
    lines = ["Settings, rule book and policy are valid.", f"Rule book covers entries to {answer['coverage_end']}."]
    show(Answer(answer, lines=lines), json)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "–" if value in (None, "") else str(value)
