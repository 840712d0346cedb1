"""`qs snapshot list`: what was polled, and which guard refused what."""

from __future__ import annotations

import typer

from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Table, number_text, show

app = typer.Typer(help="Stored snapshots.", no_args_is_help=True)


@app.command("list")
def list_snapshots(config: Config = None, state: State = None, json: Json = False) -> None:
    """Accepted and refused snapshots of the state used last, with guard, measured and limit."""
    from quantsentinel.app.listing import snapshots

    found = snapshots(open_last(config, state))
    rows = [
        (
            line["at"],
            line["underlying"],
            line["outcome"],
            line.get("guard", ""),
            _with_unit(line.get("measured"), line),
            _with_unit(line.get("limit"), line),
        )
        for line in found
    ]
    accepted = sum(line["outcome"] == "accepted" for line in found)
    caption = f"{accepted} accepted, {len(found) - accepted} refused"
    columns = ("at", "underlying", "outcome", "guard", "measured", "limit")
    show(Answer(found, [Table("Snapshots", columns, rows, "none stored", caption)]), json)


def _with_unit(value: object, line: dict[str, object]) -> str:
    return "" if value is None else f"{number_text(value)} {line['unit']}" if isinstance(value, float) else f"{value}"
