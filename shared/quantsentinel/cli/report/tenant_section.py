"""A tenant's day: what was issued, both books, and the equity of the worse one."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from quantsentinel.app.book_record import BookLine, Books
from quantsentinel.app.day_record import TenantDay
from quantsentinel.cli.report import svg, words
from quantsentinel.cli.report.svg import Figure, Hover, Panel, Scale, Series
from quantsentinel.cli.report.tables import Column, table
from quantsentinel.units import counted

LEFT, RIGHT = 74.0, svg.WIDTH - 14


def tenant_card(tenant: TenantDay) -> str:
    """Headline, equity and book of one tenant."""
    final = tenant.equity[-1].equity if tenant.equity else None
    change = final - tenant.capital if final is not None else None
    facts = (
        ("Declared capital", words.money(tenant.capital)),
        ("Equity at the end", words.money(final)),
        ("Against the capital", words.signed_money(change)),
        ("P&amp;L, assumed book", words.signed_money(tenant.books.assumed_pnl)),
        ("P&amp;L, confirmed book", words.signed_money(tenant.books.confirmed_pnl)),
        ("Signals", f"{len(tenant.signals)}"),
        ("Refused", f"{sum(tenant.refusals_by.values()):,} of {tenant.opportunities:,} offered"),
    )
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    age = counted(tenant.age_days, "day")
    note = f'<p class="sub">{escape(tenant.note)}</p>' if tenant.note else ""
    return (
        f'<article class="card tenant" id="tenant-{escape(tenant.tenant_id)}"><header><h3>{escape(tenant.name)}</h3>'
        f'<span class="chip mode-{escape(tenant.mode)}">{escape(tenant.mode)}</span>'
        f'<span class="chip status-{escape(tenant.status)}">{escape(tenant.status)}</span></header>'
        f'<p class="sub"><code>{escape(tenant.tenant_id)}</code>, {age} old</p>{note}'
        f'<dl class="facts">{listed}</dl>{equity_chart(tenant)}{_books(tenant.books)}</article>'
    )


def equity_chart(tenant: TenantDay) -> str:
    """Equity on every decided cycle, against the declared capital: marked at the worse side, charges included."""
    points = tenant.equity
    if len(points) < 2:
        return '<p class="sub">No equity curve: fewer than two cycles were decided.</p>'
    values = [float(point.equity) for point in points]
    minutes = [point.at.timestamp() / 60 for point in points]
    x = Scale(minutes[0], max(minutes[-1], minutes[0] + 1), LEFT, RIGHT)
    capital = float(tenant.capital)
    low, high = min([*values, capital]), max([*values, capital])
    room = 0.15 * max(high - low, 0.0004 * capital)
    panel = Panel(x, Scale(low - room, high + room, 154, 14))
    level = [(minutes[0], capital), (minutes[-1], capital)]
    body = [
        svg.y_axis(panel, _lakh, 3),
        svg.x_axis(panel, [(minutes[at], words.clock(points[at].at)) for at in _marks(len(points))]),
        svg.line(panel, level, "s4 dashed"),
        svg.area(panel, list(zip(minutes, values, strict=True)), "s1", base=capital),
        svg.line(panel, list(zip(minutes, values, strict=True)), "s1"),
    ]
    series = [Series("equity", "s1", [words.money(value) for value in values], [panel.y(value) for value in values])]
    hover = Hover([x(value) for value in minutes], [f"{words.clock_s(point.at)} IST" for point in points], series)
    summary = f"From {words.money(values[0])} to {words.money(values[-1])}; declared capital {words.money(capital)}."
    made = Figure(
        f"equity-{tenant.tenant_id}", "Equity (the worse of both books)", summary, body, (), hover, height=178
    )
    return svg.figure(made)


def _lakh(value: float) -> str:
    return f"₹{value / 1e5:,.3f}L" if abs(value) < 1e7 else f"₹{value / 1e7:,.4f}Cr"


def _marks(count: int) -> list[int]:
    """Up to five evenly spaced indices, both ends inside."""
    parts = min(4, count - 1)
    return sorted({round(part * (count - 1) / parts) for part in range(parts + 1)})[1:-1] or [0]


def _books(books: Books) -> str:
    """What every entry that was issued became, and what the tenant said: limits take the worse of both."""
    differ = [(signal, words.stamp(since)) for signal, since in books.differ.items()]
    about = table("The books disagree about", (Column("signal"), Column("since")), differ) if differ else ""
    confirmed = "nothing was said to be taken (qs book taken)"
    return (
        _book("Open positions at the end (assumed book)", books.assumed, "none is open")
        + _book("Open positions at the end (confirmed book)", books.confirmed, confirmed)
        + about
    )


def _book(caption: str, book: tuple[BookLine, ...], empty: str) -> str:
    columns = (
        Column("position"),
        Column("lots", True),
        Column("entry", True),
        Column("mark", True),
        Column("P&L", True),
        Column("max loss", True),
        Column("margin", True),
    )
    rows: list[tuple[str, ...]] = [
        (
            line.package + (f" ({line.mode})" if line.mode == "paper" else ""),
            str(line.lots),
            words.entry_price(line.entry_price),
            words.closing_price(line.mark_price) + (" *" if line.flagged else ""),
            words.signed_money(line.pnl),
            words.money(line.max_loss),
            words.money(line.margin),
        )
        for line in book
    ]
    if rows:
        rows.append(_totals(book))
    flagged = '<p class="note">* a leg had no quote and is marked at its adverse model value</p>'
    return table(caption, columns, rows, empty) + (flagged if any(line.flagged for line in book) else "")


def _totals(book: tuple[BookLine, ...]) -> tuple[str, ...]:
    known = [line.pnl for line in book if line.pnl is not None]
    pnl = words.signed_money(sum(known, Decimal(0))) if len(known) == len(book) else words.UNKNOWN
    sums = (sum((line.max_loss for line in book), Decimal(0)), sum((line.margin for line in book), Decimal(0)))
    return ("Sum", str(sum(line.lots for line in book)), "", "", pnl, *map(words.money, sums))
