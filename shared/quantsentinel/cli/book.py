"""`qs book taken|skipped|closed|show|settle`: what a tenant says it did, and both of its books."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, a_date, open_last, open_live
from quantsentinel.cli.output import Answer, Table, ist, rupees_text, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quantsentinel.app.book import BookView, Said
    from quantsentinel.portfolio.book import Position

app = typer.Typer(help="Both books of a tenant: assumed and confirmed.", no_args_is_help=True)
Signal = Annotated[str, typer.Argument(help="Signal id, as on the card.")]
Price = Annotated[float, typer.Option("--price", help="Net points per unit: positive paid, negative received.")]
REF_HELP = "Your order's number: tells a second answer of the same price and lots from a repetition."
Ref = Annotated[str, typer.Option("--ref", help=REF_HELP)]


@app.command()
def taken(
    signal: Signal,
    price: Price,
    lots: Annotated[int, typer.Option("--lots", min=1)],
    ref: Ref = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """The entry was taken: both books hold it at this price and these lots from the next cycle on."""
    from quantsentinel.app import book

    _shown(book.taken(open_live(config, state), signal, (price, lots), getpass.getuser(), ref), json)


@app.command()
def skipped(signal: Signal, config: Config = None, state: State = None, json: Json = False) -> None:
    """The entry was not taken: it leaves the assumed book."""
    from quantsentinel.app import book

    _shown(book.skipped(open_live(config, state), signal, getpass.getuser()), json)


@app.command()
def closed(
    signal: Signal,
    price: Annotated[float, typer.Option("--price", help="Net points per unit that closing returned; negative: paid.")],
    lots: Annotated[int | None, typer.Option("--lots", min=1, help="All that is held, when not given.")] = None,
    ref: Ref = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """What was taken is closed, all of it or some lots."""
    from quantsentinel.app import book

    _shown(book.closed(open_live(config, state), signal, (price, lots), getpass.getuser(), ref), json)


def _shown(said: Said, json: bool) -> None:
    answer = said.answer
    lots, price = answer.lots, answer.price
    terms = "" if price is None or lots is None else f" at {price:g}, {counted(lots, 'lot')}"
    when = "was recorded before, nothing changed" if said.repeated else "counts from the next cycle on"
    line = f"{said.tenant_id}: {answer.signal_id} {answer.kind.value}{terms} ({ist(answer.at)}) {when}."
    show(Answer(said, lines=[line]), json)


@app.command("show")
def show_book(
    tenant: Annotated[str, typer.Option("--tenant")],
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Both books at their last marks, what waits for an answer, and what they disagree about."""
    from quantsentinel.app.book import show_book

    view = show_book(open_last(config, state), tenant)
    show(Answer(view, _tables(view), _lines(view)), json)


def _tables(view: BookView) -> list[Table]:
    differ = [(signal, since, _overdue(view, signal)) for signal, since in view.unreconciled.items()]
    tables = [_positions("Assumed", view.assumed), _positions("Confirmed", view.confirmed)]
    if differ:
        tables.append(Table("The books disagree", ("signal", "since", "blocks entries"), differ))
    said = [(item.signal_id, item.kind.value, item.price, item.lots, item.at, item.by) for item in view.waiting]
    if said:
        tables.append(Table("Answers for the next cycle", ("signal", "answer", "price", "lots", "at", "by"), said))
    ended = [(item.position.signal_id, item.ended_at, item.pnl) for item in view.lapsed]
    if ended:
        tables.append(Table("Ended, still to be answered", ("signal", "ended", "assumed P&L"), ended))
    proxies = [(item.position.signal_id, str(item.position.package.expiry), item.pnl) for item in view.provisional]
    if proxies:
        tables.append(Table("Settled on a proxy", ("signal", "expiry", "P&L so far"), proxies))
    return tables


def _overdue(view: BookView, signal: str) -> str:
    if view.overdue is None:
        return "yes, its age is not known"
    return "yes" if signal in view.overdue else "not yet"


def _positions(title: str, positions: Iterable[Position]) -> Table:
    rows = [
        (
            item.signal_id,
            str(item.key),
            item.lots,
            item.entry_price,
            item.paper_fill.price if item.paper_fill else None,
            item.mark.price if item.mark else None,
            item.mark.pnl if item.mark else None,
            item.max_loss,
            item.margin,
            "taken" if item.taken_at else item.mode,
        )
        for item in positions
    ]
    columns = ("signal", "entry", "lots", "price", "paper fill", "mark", "P&L", "max loss", "margin", "is")
    return Table(title, columns, rows, "holds nothing")


def _lines(view: BookView) -> list[str]:
    both = f"assumed {rupees_text(view.assumed_pnl)}, confirmed {rupees_text(view.confirmed_pnl)}"
    return [
        f"{view.tenant_id}: equity {rupees_text(view.equity)} of {rupees_text(view.capital)} declared ({both}; the "
        f"worse counts), today {rupees_text(view.day_pnl)}, margin {rupees_text(view.margin)}.",
    ]


@app.command()
def settle(
    underlying: Annotated[str, typer.Option("--underlying")],
    expiry: Annotated[str, typer.Option("--expiry", help="YYYY-MM-DD.")],
    value: Annotated[float, typer.Option("--value", help="The exchange's final settlement value, index points.")],
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Enters the exchange's settlement value, once; what was booked on a proxy is corrected with the next cycle."""
    from quantsentinel.app.book import settle
    from quantsentinel.portfolio.settlement import SettlementValue

    platform = open_live(config, state)
    who, now = getpass.getuser(), platform.clock.now()
    given = SettlementValue(underlying.upper(), a_date(expiry, "--expiry"), value, now, who)
    fresh = settle(platform, given)
    known = "is recorded" if fresh else "was known already, nothing changed"
    show(
        Answer({"value": given, "recorded": fresh}, lines=[f"{given.underlying} {expiry} at {value:g} {known}."]), json
    )
