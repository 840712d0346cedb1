"""`qs news add|list|drop`: what was published and makes entries smaller, or stops them, until it is over."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, a_time, open_live
from quantsentinel.cli.output import Answer, Table, show

app = typer.Typer(help="News that changes how much is entered.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="ID", help="Small letters, digits, dots and hyphens.")]


@app.command()
def add(
    news_id: Name,
    headline: Annotated[str, typer.Option("--headline", help="One sentence, shown to every tenant concerned.")],
    kind: Annotated[str, typer.Option("--kind", help="monetary, fiscal, macro, geopolitical, regulatory, …")],
    impact: Annotated[str, typer.Option("--impact", help="low, medium, high or critical.")],
    until: Annotated[str, typer.Option("--until", help="ISO time at which it is over.")],
    symbols: Annotated[str, typer.Option("--symbols", help="Stocks or indices, with commas; none: all.")] = "",
    published: Annotated[str, typer.Option("--published", help="ISO time of publication (default: now).")] = "",
    source: Annotated[str, typer.Option("--source", help="Where it comes from (default: the login name).")] = "",
    unlisted: Annotated[bool, typer.Option("--unlisted", help="Names that the rule book does not know.")] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Counts from the next decision of every tenant on, until it is over."""
    from quantsentinel.app.news import Draft, add_news

    draft = Draft(
        news_id=news_id,
        headline=headline,
        kind=kind,
        impact=impact,
        until=a_time(until, where="--until"),
        source=source or getpass.getuser(),
        symbols=tuple(symbol for symbol in symbols.split(",") if symbol.strip()),
        published_at=a_time(published, where="--published") if published else None,
        unlisted=unlisted,
    )
    item = add_news(open_live(config, state), draft)
    concerned = ", ".join(item.symbols) or "the whole market"
    show(Answer(item, lines=[f"{item.news_id} counts from now on: {item.impact} for {concerned}."]), json)


@app.command()
def drop(news_id: Name, config: Config = None, state: State = None, json: Json = False) -> None:
    """Takes an item away, also one that cannot be read."""
    from quantsentinel.app.news import drop_news

    dropped = drop_news(open_live(config, state), news_id)
    text = f"{news_id} is dropped." if dropped else f"There was no {news_id}."
    show(Answer({"news_id": news_id, "dropped": dropped}, lines=[text]), json)


@app.command("list")
def list_items(config: Config = None, state: State = None, json: Json = False) -> None:
    """Every item on file. Exits with 1 when one cannot be read: nothing is entered until it is dropped."""
    from quantsentinel.app.news import list_news

    items, faults = list_news(open_live(config, state))
    rows = [
        (i.news_id, i.impact.value, i.kind.value, ", ".join(i.symbols) or "all", i.known_at, i.until, i.headline)
        for i in items
    ]
    columns = ("id", "impact", "kind", "concerns", "known since", "until", "headline")
    tables = [Table("News", columns, rows, "none on file")]
    tables += [Table("Cannot be read: entries are halted", ("id", "why"), list(faults.items()))] if faults else []
    show(Answer({"items": items, "unreadable": faults}, tables, failed=bool(faults)), json)
