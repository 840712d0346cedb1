"""`qs explain ID`: why a signal was issued, or an opportunity refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Markup, Table, ist, rupees_text, show


def explain(
    id: Annotated[str, typer.Argument(help="A signal, refusal or cycle id.")],
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Every verdict with measured, limit and unit; cost lines; snapshot digest; the rule-book rows used."""
    from quantsentinel.app.explain import explain as story_of
    from quantsentinel.canonical import canonical

    story: dict[str, Any] = canonical(story_of(open_last(config, state), id))
    show(Answer(story, _tables(story), _lines(story)), json)


def _tables(story: Mapping[str, Any]) -> list[Table]:
    tables = []
    if "verdicts" in story:
        columns = ("guard", "outcome", "measured", "limit", "unit", "detail")
        rows = [
            (verdict["guard"], _marked(verdict["outcome"]), *(verdict.get(name) for name in columns[2:]))
            for verdict in story["verdicts"]
        ]
        tables.append(Table(f"{story['kind']} {story['id']}: {len(rows)} guards asked", columns, rows))
    if story.get("cost_lines"):
        lines = [(line["name"], rupees_text(line["amount"])) for line in story["cost_lines"]]
        tables.append(Table("Charges, per lot", ("charge", "amount"), lines))
    if story.get("steps"):
        steps = [
            (step["sequence"], step["state"], ist(step["decided_at"]), step["why"], step["exit_price"], step["pnl"])
            for step in story["steps"]
        ]
        tables.append(Table("Life", ("step", "state", "at", "why", "exit price", "P&L"), steps))
    return tables


def _marked(outcome: str) -> str:
    return Markup(f"[bold red]{outcome}[/]") if outcome in ("blocked", "unknown") else outcome


def _lines(story: Mapping[str, Any]) -> list[str]:
    lines = []
    if "first" in story:
        first = story["first"]
        against = f"measured {first['measured']}, limit {first['limit']} {first['unit']}"
        lines.append(f"Refused by {first['guard']}: {against}")
    named = ("tenant_id", "why", "decided_at", "cycle_id", "snapshot")
    lines.extend(f"{name.replace('_', ' '):>12}  {story[name]}" for name in named if story.get(name))
    if story.get("rule_rows"):
        lines.append(f"{'rule rows':>12}  {', '.join(story['rule_rows'])}")
    return lines
