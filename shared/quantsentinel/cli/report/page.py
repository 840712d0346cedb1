"""The whole page: header, market, why refused, signals, books, deliveries. One file that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources

from quantsentinel.app.day_record import DayRecord, DeliveryLine, MarketDay, ViewLine
from quantsentinel.cli.report import words
from quantsentinel.cli.report.data_quality import quality_card
from quantsentinel.cli.report.market_charts import density_chart, path_chart, smile_chart
from quantsentinel.cli.report.signal_cards import signal_card
from quantsentinel.cli.report.strike_chart import interest_chart
from quantsentinel.cli.report.tables import Column, folded
from quantsentinel.cli.report.tenant_section import tenant_card
from quantsentinel.cli.report.waterfall import all_falls
from quantsentinel.units import counted

SECTIONS = (
    ("market", "The market"),
    ("refused", "Why refused"),
    ("quality", "Data quality"),
    ("signals", "Signals"),
    ("books", "Books and equity"),
    ("deliveries", "Deliveries"),
)


def render_report(record: DayRecord) -> str:
    """The report of one session day as one self-contained HTML document."""
    names = " and ".join(market.underlying for market in record.markets)
    title = f"Quantsentinel · {names} · {words.day(record.session)}"
    nav = "".join(f'<a href="#{key}">{name}</a>' for key, name in SECTIONS)
    bodies = {
        "market": "".join(_market(market) for market in record.markets),
        "refused": all_falls(record.markets, record.tenants),
        "quality": f'<div class="grid">{"".join(map(quality_card, record.markets))}</div>',
        "signals": _signals(record),
        "books": f'<div class="grid">{"".join(map(tenant_card, record.tenants))}</div>',
        "deliveries": _deliveries(record.deliveries),
    }
    sections = "".join(f'<section id="{key}"><h2>{name}</h2>{bodies[key]}</section>' for key, name in SECTIONS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_asset('report.css')}</style></head><body>"
        f'<a class="skip" href="#main">Skip to the report</a>{_header(record, names)}<nav aria-label="Sections">{nav}'
        f'<button type="button" id="theme" aria-label="Dark or light">◐</button></nav><main id="main">{sections}</main>'
        f'{_footer(record)}<div id="tip" role="status" hidden></div><script>{_asset("report.js")}</script>'
        "</body></html>"
    )


def _asset(name: str) -> str:
    return resources.files("quantsentinel.cli.report").joinpath(name).read_text(encoding="utf-8")


def _header(record: DayRecord, names: str) -> str:
    read = sum(market.snapshots_read for market in record.markets)
    accepted = sum(market.snapshots_accepted for market in record.markets)
    sent = [line for line in record.deliveries if line.status == "sent"]
    signals = [card for tenant in record.tenants for card in tenant.signals]
    tiles = (
        ("Snapshots accepted", f"{accepted:,}", f"of {read:,} read, {read - accepted:,} refused"),
        ("Decision cycles", f"{sum(market.cycles for market in record.markets):,}", "one per accepted snapshot"),
        ("Opportunities", f"{sum(m.opportunities for m in record.markets):,}", "passed all hard rules"),
        ("Signals", f"{len(signals):,}", f"{_states(record)} for {counted(len(record.tenants), 'tenant')}"),
        ("Delivered", f"{len(sent):,}", f"messages, of {len(record.deliveries):,}"),
    )
    shown = "".join(
        f'<div class="tile"><span>{a}</span><strong>{b}</strong><small>{c}</small></div>' for a, b, c in tiles
    )
    chips = "".join(
        f'<span class="chip">{escape(text)}</span>'
        for text in (record.source, f"{record.profile} profile", record.distribution_mode.replace("_", " "))
    )
    notes = "".join(f'<p class="warning">{escape(note)}</p>' for note in record.notes)
    return (
        f'<header class="top"><p class="brand">Quantsentinel</p><h1>{escape(names)}</h1>'
        f'<p class="when">{words.long_day(record.session)} {chips}</p><div class="tiles">{shown}</div>{notes}'
        f'<p class="disclosure">{escape(record.disclosure)}</p></header>'
    )


def _tile(tile: tuple[str, str, str]) -> str:
    name, value, note = map(escape, tile)
    return f'<div class="tile"><span>{name}</span><strong>{value}</strong><small>{note}</small></div>'


def _states(record: DayRecord) -> str:
    """How the signals ended: `3 closed, 1 open`."""
    counts: dict[str, int] = {}
    for tenant in record.tenants:
        for card in tenant.signals:
            name = "open" if card.state in ("created", "updated") else card.state
            counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def _market(market: MarketDay) -> str:
    charts = [
        path_chart(market),
        interest_chart(market),
        *(smile_chart(smile, market.underlying) for smile in market.smiles),
        *(density_chart(density, market.underlying) for density in market.densities),
    ]
    cards = "".join(f'<div class="card">{chart}</div>' for chart in charts)
    return (
        f'<h3>{escape(market.underlying)}</h3><div class="grid">{cards}{_views(market.views, market.underlying)}</div>'
    )


def _views(views: Sequence[ViewLine], underlying: str) -> str:
    """What the views said last, as bars from −1 to +1; an abstention says why."""
    if not views:
        return ""
    lines = "".join(_view(view) for view in views)
    return (
        f'<div class="card"><h4 class="title">{escape(underlying)}: what the views said last</h4>'
        f'<ul class="views">{lines}</ul><p class="note">−1 to +1. Direction: + up. Volatility: + options are cheap. '
        "The bar's strength is the view's confidence.</p></div>"
    )


def _view(view: ViewLine) -> str:
    name = f"<b>{escape(words.name(view.name))}</b> <small>{escape(view.horizon)}, {escape(view.axis)}</small>"
    if view.score is None:
        why = f'<span class="why">abstains: {escape(view.reason)}</span>'
        return f'<li class="abstains"><span class="name">{name}</span>{why}</li>'
    share, start = abs(view.score) * 50, 50 + min(view.score, 0.0) * 50
    style = f"--from:{start:.1f}%;--share:{share:.1f}%;--strength:{0.3 + 0.7 * view.confidence:.2f}"
    return (
        f'<li><span class="name">{name}</span><span class="track"><i class="{"up" if view.score >= 0 else "down"}" '
        f'style="{style}"></i></span><span class="count">{words.signed(view.score)}</span></li>'
    )


def _signals(record: DayRecord) -> str:
    cards = [card for tenant in record.tenants for card in tenant.signals]
    if not cards:
        return '<p class="card sub">No signal was issued on this day. The waterfalls above say why.</p>'
    blocks = []
    for tenant in record.tenants:
        if tenant.signals:
            inner = "".join(signal_card(card) for card in tenant.signals)
            blocks.append(f"<h3>{escape(tenant.name)}</h3>{inner}")
    return "".join(blocks)


def _deliveries(lines: Sequence[DeliveryLine]) -> str:
    columns = (
        Column("at (IST)"),
        Column("tenant"),
        Column("channel"),
        Column("signal"),
        Column("step"),
        Column("status"),
        Column("attempts", True),
        Column("detail"),
    )
    rows = [
        (
            words.clock_s(line.at),
            line.tenant_id,
            line.channel,
            line.signal_id,
            f"{line.sequence} {line.state}",
            line.status,
            str(line.attempts),
            line.detail,
        )
        for line in sorted(lines, key=lambda line: (line.at, line.tenant_id, line.sequence))
    ]
    return f'<div class="card">{folded("Delivery log", columns, rows, "nothing was sent")}</div>'


def _footer(record: DayRecord) -> str:
    digest = f"Decision digest <code>{escape(record.decision_digest)}</code>. " if record.decision_digest else ""
    return (
        f"<footer><p>{digest}Replaying the same data gives the same digest.</p><p>Quantsentinel "
        f"{escape(record.code_version)}, page made {words.stamp(record.produced_at)}. Times are IST; prices are index "
        "points; margins are estimates where no broker is named. A stop is a message, never an order.</p></footer>"
    )
