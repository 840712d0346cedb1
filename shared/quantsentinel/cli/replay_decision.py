"""`qs replay-decision ID`: a decision made again from what is stored, compared byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Table, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from quantsentinel.app.replay_decision import Replayed


def replay_decision(
    id: Annotated[str, typer.Argument(help="A cycle, signal or refusal id.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Only this tenant's decision of the cycle.")] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Recomputes from the stored snapshot, history and inputs. Exits 0 when the bytes are the same, 1 when not."""
    from quantsentinel.app.replay_decision import replay_decision as replayed

    found = replayed(open_last(config, state), id, tenant)
    columns = ("cycle", "tenant", "row", "in the chain", "replayed")
    rows = [(one.cycle_id, one.tenant, one.digest[:19], "yes" if one.chained else "", _said(one)) for one in found]
    elsewhere = sorted({name for one in found for name in one.elsewhere})
    lines = [f"The machine is another one: {', '.join(elsewhere)} differ."] if elsewhere else []
    differing = sum(one.difference is not None for one in found)
    lines.append(f"{counted(len(found), 'decision')} made again, {differing} not the same.")
    show(Answer(found, [Table(f"Replay of {id}", columns, rows)], lines, failed=differing > 0), json)


def _said(one: Replayed) -> str:
    found = one.difference
    return "identical" if found is None else f"{found.path}: was {found.was!r}, is {found.is_now!r}"
