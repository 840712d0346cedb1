"""`qs models …`: fitted parts that were offered, which of them is in force, and who said so."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, open_live
from quantsentinel.cli.output import Answer, Table, show

if TYPE_CHECKING:
    from quantsentinel.stores.models import Change

app = typer.Typer(help="Fitted parts: offered, promoted, rolled back.", no_args_is_help=True)
Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="sha256:… of an offered artefact.")]
Who = Annotated[str, typer.Option("--who", help="Who decides it (default: the login name).")]
Why = Annotated[str, typer.Option("--why", help="The reason, kept with it.")]


@app.command("history")
def hand_over(
    data: Annotated[Path, typer.Option("--data", help="Folder of market data: daily, bars, events.")],
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Hands over the series that fits learn from, from then on."""
    from quantsentinel.app.models import registry_of
    from quantsentinel.cli.fit_files import read_fit_history

    platform = open_live(config, state)
    found = read_fit_history(data)
    registry_of(platform).put_history(found, platform.clock.now())
    document = {"digest": found.digest, "sessions": len(found.daily), "last": found.last}
    show(Answer(document, lines=[f"{len(found.daily)} sessions to {found.last}: {found.digest}"]), json)


@app.command("list")
def list_models(config: Config = None, state: State = None, json: Json = False) -> None:
    """Every offered artefact, what is in force, and every change."""
    from quantsentinel.app.models import registry_of
    from quantsentinel.volatility.parameters import PARTS

    registry = registry_of(open_live(config, state))
    serving = {part: registry.in_force(part) for part in PARTS}
    rows = [
        {
            "part": found.part,
            "digest": found.digest,
            "trained": found.table["trained"],
            "beats_rule": found.beats_rule,
            "offered_at": record.data["offered_at"],
            "in_force": serving[found.part] == found.digest,
        }
        for found, record in registry.artefacts()
    ]
    changes = registry.changes()
    document = {"in_force": serving, "artefacts": rows, "changes": changes}
    columns = ("part", "digest", "trained", "beats the rule", "offered", "in force")
    tables = [Table("Offered", columns, [tuple(row.values()) for row in rows], "none")]
    said = [(c.at, c.part, c.kind, c.digest or "packaged", c.who, c.why) for c in changes]
    tables.append(Table("Changes", ("at", "part", "what", "in force then", "who", "why"), said, "none"))
    show(Answer(document, tables), json)


@app.command("show")
def show_model(digest: Digest, config: Config = None, state: State = None, json: Json = False) -> None:
    """One artefact: its table and its card."""
    from quantsentinel.app.models import registry_of

    found = registry_of(open_live(config, state)).artefact(digest)
    document = {"digest": found.digest, "part": found.part, "table": found.table, "card": found.card}
    plain: list[tuple[str, Any]] = [(name, found.card[name]) for name in ("test", "rule", "history", "code_version")]
    plain += [(f"held out {name}", value) for name, value in found.card["held_out"].items()]
    columns = ("row", "n", "candidate", "rule", "in_force", "t_rule", "t_in_force")
    scores = [tuple(row[name] for name in columns) for row in found.card["scores"]]
    said = "beats the rule" if found.beats_rule else "does not beat the rule"
    lines = [f"{found.part}, trained {found.table['trained']}: {said}."]
    show(Answer(document, [Table("Card", ("", "value"), plain), Table("Scores", columns, scores)], lines), json)


@app.command()
def promote(
    digest: Digest, why: Why, who: Who = "", config: Config = None, state: State = None, json: Json = False
) -> None:
    """Puts an artefact in force for every process that names it in its settings."""
    from quantsentinel.app.models import promote as promoted

    _told(promoted(open_live(config, state), digest, who or getpass.getuser(), why), json)


@app.command()
def rollback(
    part: Annotated[str, typer.Argument(help="clock or forecast.")],
    why: Why,
    who: Who = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Puts the part before in force again."""
    from quantsentinel.app.models import rollback as rolled_back

    _told(rolled_back(open_live(config, state), part, who or getpass.getuser(), why), json)


def _told(change: Change, json: bool) -> None:
    setting = f"volatility_{change.part}"
    named = f"set {setting} = {change.digest}" if change.digest else f"leave {setting} empty"
    was = change.before or "the packaged one"
    lines = [
        f"The registry has {change.digest or 'the packaged one'} in force; before: {was}.",
        f"To run on it: {named}.",
    ]
    show(Answer(change, lines=lines), json)
