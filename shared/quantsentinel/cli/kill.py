"""`qs kill on|off|list`: stop entries everywhere, for a tenant, a strategy, an underlying, a broker or an exchange.

Exits and reductions go on. Anybody may pull a switch, in anybody's name; it is released as its own rule says
(`definitions.md` §8), and by whom is not typed but known: the account that runs the command (`wiring.person`).
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, a_time, open_live, place_of, settings_of
from quantsentinel.cli.output import Answer, Table, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from datetime import datetime

    from quantsentinel.risk.kill_state import KillState

app = typer.Typer(help="Kill switches.", no_args_is_help=True)
SCOPES = "master, tenant:<id>, strategy:<tenant>, symbol:<NAME>, broker:<name> or exchange:<NSE|BSE>."
Place = Annotated[str, typer.Argument(metavar="[SCOPE]", help=SCOPES, show_default=False)]
Scope = Annotated[str, typer.Option("--scope", help=SCOPES, show_default=False)]
Who = Annotated[str, typer.Option("--who", help="Who says so (default: the login name).", show_default=False)]
COLUMNS = ("scope", "state", "who", "why", "since", "until", "re-arms")


@app.command()
def on(
    reason: Annotated[str, typer.Option("--reason", "--why", help="Shown to every tenant concerned.")],
    place: Place = "",
    scope: Scope = "",
    until: Annotated[str, typer.Option("--until", help="ISO time at which it ends by itself.")] = "",
    who: Who = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Blocks entries in the scope from the next decision on."""
    from quantsentinel.app.kills import kill_on

    ends = a_time(until, where="--until") if until else None
    settings, named = settings_of(config, state), _named(place, scope)
    switch = kill_on(open_live(config, state), named, who=who or getpass.getuser(), why=reason, until=ends)
    said = f"{switch.scope} is killed in {place_of(settings)}: {reason}. Exits and reductions go on."
    show(Answer(switch, lines=[said]), json)


@app.command()
def off(
    place: Place = "",
    scope: Scope = "",
    ack: Annotated[str, typer.Option("--ack", help="What was found; some rules ask for it.")] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """A person's word on a switch; releases it when its rule says so. The master needs two: the first asks, another
    account confirms within the hour."""
    from quantsentinel.app.kills import kill_off
    from quantsentinel.wiring.person import acting_person

    named, who = _named(place, scope), acting_person(settings_of(config, state))
    word = kill_off(open_live(config, state), named, who=who, ack=ack)
    if word.released:
        text = f"{named} is released."
    else:
        text = f"{named} was not on." if word.state is None else f"{named} is still on: {word.still_needs}."
    show(Answer(word, lines=[text]), json)


def _named(place: str, option: str) -> str:
    """The scope as it is stored: an underlying's or an exchange's name in capitals."""
    if bool(place) == bool(option):
        raise BadInput("name one scope", where="qs kill", fix=f"--scope {SCOPES}")
    kind, separator, name = (place or option).partition(":")
    return f"{kind}:{name.upper()}" if kind in ("symbol", "exchange", "stale_data") else f"{kind}{separator}{name}"


@app.command("list")
def list_kills(
    ended: Annotated[bool, typer.Option("--all", help="Released and ended ones too.")] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Every switch that is on, pulled by a person or tripped by the system."""
    from quantsentinel.app.kills import kills

    platform = open_live(config, state)
    found, now = kills(platform, ended=ended), platform.clock.now()
    rows = [_row(switch, now) for switch in found]
    show(Answer(found, [Table("Kill switches", COLUMNS, rows, "none is on")]), json)


def _row(switch: KillState, now: datetime) -> tuple[object, ...]:
    from quantsentinel.risk.kill_state import WORDS

    state = "on" if switch.is_on(now) else "ended"
    if switch.released is not None and state == "ended":
        state = f"released by {switch.released.who}"
    asked = ", ".join(ack.who for ack in switch.standing(now)) if state == "on" else ""
    heard = f" (asked for by {asked})" if asked else ""
    rule = f"{WORDS[switch.rearm]}{heard}"
    return (switch.scope, state, switch.who, switch.why, switch.at, switch.until, rule)
