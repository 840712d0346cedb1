"""`qs events`: scheduled events of a span of days, when the market feels them, and where the calendar ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, show

DAYS = 45


def events(
    start: Annotated[str, typer.Option("--from", help="First day (default: today).")] = "",
    end: Annotated[str, typer.Option("--to", help=f"Last day (default: {DAYS} days later).")] = "",
    underlying: Annotated[str, typer.Option("--underlying", help="Whose monthly expiries to list.")] = "NIFTY",
    official: Annotated[bool, typer.Option("--official", help="Without tentative and estimated days.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Announcements and monthly expiries, in order. A gap in the calendar is said, and stops entries on its days."""
    from quantsentinel.errors import BadInput
    from quantsentinel.market.events import listed
    from quantsentinel.market.rulebook import load_rules

    first = a_date(start, "--from") if start else _today()
    last = a_date(end, "--to") if end else first + timedelta(days=DAYS)
    if last < first:
        raise BadInput(f"--to {last} is before --from {first}", where="qs events", fix="Name the earlier day first")
    rules = load_rules(settings_of(config).rules_overlay)
    rules.require_underlying(underlying.upper())
    found, gaps = listed(rules, underlying.upper(), first, last)
    shown = [event for event in found if event.standing == "official" or not official]
    answer = {"from": first, "to": last, "digest": rules.digest, "events": shown, "gaps": list(gaps)}
    rows = [(e.name, e.at, e.felt_at, e.standing, e.row_id, e.source) for e in shown]
    columns = ("event", "at", "felt at", "standing", "row", "source")
    table = Table(f"Scheduled events {first} to {last} (IST)", columns, rows, "none")
    show(Answer(answer, [table], lines=[f"not known: {gap}" for gap in gaps]), json)


def _today() -> date:
    from quantsentinel.market.calendar import IST

    return datetime.now(UTC).astimezone(IST).date()
