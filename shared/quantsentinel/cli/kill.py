"""`qs kill on|off|list`: stop entries everywhere, for a tenant or for an underlying. Exits and reductions go on."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, a_time, open_live, settings_of
from quantsentinel.cli.output import Answer, Table, show

app = typer.Typer(help="Kill switches.", no_args_is_help=True)
Scope = Annotated[str, typer.Argument(help="master, tenant:<id> or symbol:<UNDERLYING>.")]


@app.command()
def on(
    scope: Scope,
    why: Annotated[str, typer.Option("--why", help="Shown to every tenant concerned.")],
    until: Annotated[str, typer.Option("--until", help="ISO time at which it ends by itself.")] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Blocks entries in the scope from the next decision on."""
    from quantsentinel.app.kills import kill_on

    ends = a_time(until, where="--until") if until else None
    settings = settings_of(config, state)
    switch = kill_on(open_live(config, state), _named(scope), who=getpass.getuser(), why=why, until=ends)
    said = f"{switch.scope} is killed in {settings.state}: {why}. Exits and reductions go on."
    show(Answer(switch, lines=[said]), json)


@app.command()
def off(scope: Scope, config: Config = None, state: State = None, json: Json = False) -> None:
    """Releases a switch."""
    from quantsentinel.app.kills import kill_off

    scope = _named(scope)
    released = kill_off(open_live(config, state), scope)
    text = f"{scope} is released." if released else f"{scope} was not on."
    show(Answer({"scope": scope, "released": released}, lines=[text]), json)


def _named(scope: str) -> str:
    """The scope as it is stored: an underlying's name in capitals."""
    kind, separator, name = scope.partition(":")
    return f"{kind}:{name.upper()}" if kind == "symbol" else f"{kind}{separator}{name}"


@app.command("list")
def list_kills(config: Config = None, state: State = None, json: Json = False) -> None:
    """Every switch that is on."""
    from quantsentinel.app.kills import kills

    found = kills(open_live(config, state))
    rows = [(switch.scope, switch.who, switch.why, switch.at, switch.until) for switch in found]
    show(Answer(found, [Table("Kill switches", ("scope", "who", "why", "since", "until"), rows, "none is on")]), json)
