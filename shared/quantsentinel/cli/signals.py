"""`qs signal list|show`: what tenants got, and what they were refused."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quantsentinel.cli.explain import explain
from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Table, ist, show

app = typer.Typer(help="Signals and refusals.", no_args_is_help=True)
app.command("show", help="The same as `qs explain ID`.")(explain)


@app.command("list")
def list_signals(
    refused: Annotated[bool, typer.Option("--refused", help="Refusals instead of signals.")] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Every signal event of the state used last, or every recorded refusal with its first guard."""
    from quantsentinel.app import listing

    platform = open_last(config, state)
    if refused:
        records = listing.refusals(platform)
        show(Answer(records, [_refusals(records)]), json)
    else:
        events = listing.signals(platform)
        show(Answer(events, [_signals(events)]), json)


def _signals(events: list[Any]) -> Table:
    rows = [
        (
            ist(item["decided_at"]),
            item["tenant_id"],
            item["signal_id"],
            item["sequence"],
            item["state"],
            item["underlying"],
            item["family"],
            item["mode"],
            item["event"]["why"],
        )
        for item in events
    ]
    columns = ("at", "tenant", "signal", "step", "state", "underlying", "structure", "mode", "why")
    return Table("Signals", columns, rows, "no signal was issued: `qs signal list --refused` says why")


def _refusals(records: list[Any]) -> Table:
    rows = [
        (
            ist(record["decided_at"]),
            record["tenant_id"],
            item["refusal_id"],
            item["family"],
            item["guard"],
            item["measured"],
            item["limit"],
            item["unit"],
            item["count"],
        )
        for record in records
        for item in record["refusals"]
    ]
    columns = ("at", "tenant", "refusal", "structure", "guard", "measured", "limit", "unit", "times")
    return Table("Refusals", columns, rows, "nothing was refused")
