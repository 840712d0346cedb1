"""`qs explain ID`: why a signal was issued, or an opportunity refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Markup, Table, ist, rupees_text, show

if TYPE_CHECKING:
    from quantsentinel.costs.waterfall import Waterfall


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
    if "economics" in story:
        story["waterfall"] = canonical(_waterfall(story["economics"], story["cost_lines"]))
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
    if "waterfall" in story:
        tables.append(_steps(story["waterfall"]))
    if story.get("steps"):
        steps = [
            (step["sequence"], step["state"], ist(step["decided_at"]), step["why"], step["exit_price"], step["pnl"])
            for step in story["steps"]
        ]
        tables.append(Table("Life", ("step", "state", "at", "why", "exit price", "P&L"), steps))
    return tables


def _waterfall(economics: Mapping[str, Any], cost_lines: Sequence[Mapping[str, Any]]) -> Waterfall:
    from decimal import Decimal

    from quantsentinel.costs.waterfall import waterfall

    gross, spread, depth, leaving = (
        Decimal(economics[name]) for name in ("gross_edge", "half_spread", "depth_impact", "exit_charges")
    )
    return waterfall(gross, spread, depth, [(line["name"], Decimal(line["amount"])) for line in cost_lines], leaving)


def _steps(fall: Mapping[str, Any]) -> Table:
    """From gross edge to net EV."""
    rows = [("gross edge", "", rupees_text(fall["gross_edge"]))]
    rows += [(step["name"], rupees_text(step["amount"]), rupees_text(step["left"])) for step in fall["steps"]]
    ratio = "no gross edge" if fall["cost_ratio"] is None else f"{fall['cost_ratio']:.1%} of the gross edge"
    rows.append(("net EV", f"{rupees_text(fall['frictions'])}, {ratio}", rupees_text(fall["net_ev"])))
    return Table("From gross edge to net EV, per lot", ("friction", "takes", "left"), rows)


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
