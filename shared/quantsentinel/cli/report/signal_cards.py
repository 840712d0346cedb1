"""A signal's card: the order a trader can act on, its money, its payoff diagram, its life and its receipts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from quantsentinel.app.day_record import CardLeg, SignalCard, VerdictLine
from quantsentinel.cli.output import number_text
from quantsentinel.cli.report import svg, words
from quantsentinel.cli.report.payoff import Curves, curves, deviations
from quantsentinel.cli.report.svg import Figure, Hover, Panel, Scale, Series
from quantsentinel.cli.report.tables import Column, table
from quantsentinel.units import counted

LEFT, RIGHT = 66.0, svg.WIDTH - 14


def payoff_chart(card: SignalCard) -> str:
    """Profit and loss of the whole position at expiry and today, breakevens, ± 1σ and 2σ, and the forward."""
    made = curves(card)
    x = Scale(float(made.level[0]), float(made.level[-1]), LEFT, RIGHT)
    today = [] if made.today is None else made.today.tolist()
    panel = Panel(x, Scale(*svg.padded([*made.expiry.tolist(), 0.0, *today], 0.1), 264, 34))
    body = [
        *_bands(panel, card),
        svg.y_axis(panel, words.compact_money),
        svg.x_axis(panel, [(value, words.level(value)) for value in svg.ticks(x.low, x.high, 5)]),
        *_gain_and_loss(panel, made),
        svg.zero_line(panel),
        svg.line(panel, list(zip(made.level.tolist(), today, strict=False)), "s3 dashed"),
        svg.line(panel, list(zip(made.level.tolist(), made.expiry.tolist(), strict=True)), "s1"),
        *(_breakeven(panel, value) for value in card.breakevens),
        svg.vertical(panel, card.forward, "forward", "forward"),
    ]
    unbounded = "" if card.max_profit is not None else " Profit is unbounded on the open side."
    summary = f"{_bounds(card)} Breakevens {', '.join(map(words.level, card.breakevens)) or 'none'}.{unbounded}"
    legend = [("at expiry", "s1"), *([("today (T+0)", "s3")] if today else []), ("± 1σ, 2σ", "band-key")]
    note = "" if today else "A leg has no implied vol, so there is no curve for today."
    title = f"Profit and loss of {counted(card.lots, 'lot')} ({card.units:,} units)"
    identity = f"payoff-{card.signal_id}"
    return svg.figure(Figure(identity, title, summary, body, legend, _hover(x, panel, made), note=note))


def _bounds(card: SignalCard) -> str:
    best = "unbounded" if card.max_profit is None else words.money(card.max_profit)
    return f"At most {words.money(card.max_loss)} lost and {best} gained."


def _bands(panel: Panel, card: SignalCard) -> list[str]:
    levels = deviations(card)
    if levels is None:
        return []
    minus2, minus1, plus1, plus2 = levels
    marks = [(minus2, "−2σ"), (minus1, "−1σ"), (plus1, "+1σ"), (plus2, "+2σ")]
    return [
        svg.band(panel, minus2, plus2, "two"),
        svg.band(panel, minus1, plus1, "one"),
        *(svg.vertical(panel, level, "sigma", text) for level, text in marks),
    ]


def _gain_and_loss(panel: Panel, made: Curves) -> list[str]:
    """The area between the expiry curve and zero: gains and losses in their own colours."""
    points = list(zip(made.level.tolist(), made.expiry.tolist(), strict=True))
    gains = [(level, max(value, 0.0)) for level, value in points]
    losses = [(level, min(value, 0.0)) for level, value in points]
    return [svg.area(panel, gains, "gain"), svg.area(panel, losses, "loss")]


def _breakeven(panel: Panel, level: float) -> str:
    if not panel.x.low <= level <= panel.x.high:
        return ""
    text = f'<text class="mark be" x="{svg.n(panel.x(level))}" y="{svg.n(panel.base - 8)}" text-anchor="middle">'
    return svg.dot(panel, level, 0.0, "be", 3.4) + f"{text}{words.level(level)}</text>"


def _hover(x: Scale, panel: Panel, made: Curves) -> Hover:
    levels, expiry = made.level.tolist(), made.expiry.tolist()
    series = [
        Series("at expiry", "s1", [words.signed_money(value) for value in expiry], [panel.y.clipped(v) for v in expiry])
    ]
    if made.today is not None:
        now = made.today.tolist()
        said = [words.signed_money(value) for value in now]
        series.append(Series("today", "s3", said, [panel.y.clipped(value) for value in now]))
    return Hover([x(value) for value in levels], [f"index at {words.level(value)}" for value in levels], series)


def signal_card(card: SignalCard) -> str:
    """The whole card."""
    chips = "".join(
        f'<span class="chip {kind}">{escape(text)}</span>'
        for kind, text in ((f"state-{card.state}", card.state), (f"mode-{card.mode}", card.mode))
    )
    outcome = (
        f'<span class="outcome {_sign(card.pnl)}">{words.signed_money(card.pnl)}</span>' if card.pnl is not None else ""
    )
    head = (
        f"<header><h4>{escape(card.underlying)} {escape(words.name(card.family).lower())} · {words.day(card.expiry)}"
        f"</h4>{chips}{outcome}</header>"
    )
    when = (
        f'<p class="sub">{escape(card.tenant_id)} · {words.clock_s(card.decided_at)} IST · '
        f"<code>{escape(card.signal_id)}</code></p>"
    )
    order = f'<div class="order">{_order(card)}{_legs(card)}{_money(card)}</div>'
    return (
        f'<article class="card signal" id="{escape(card.signal_id)}">{head}{when}'
        f'<div class="split">{order}<div class="plot">{payoff_chart(card)}{_life(card)}</div></div>'
        f"{_receipts(card)}</article>"
    )


def _sign(value: Decimal | None) -> str:
    return "" if not value else "up" if value > 0 else "down"


def _order(card: SignalCard) -> str:
    side = "Receive at least" if card.limit_price < 0 else "Pay at most"
    slices = f", {card.slices} orders a leg (freeze limit)" if card.slices > 1 else ""
    return (
        f'<p class="limit"><span>{side}</span><strong>{words.points(abs(card.limit_price))}</strong>'
        f"<span>points a unit, {card.lots} × {card.lot} = {card.units:,} units{slices}</span></p>"
        f'<p class="sub">valid until {words.clock(card.valid_until)} IST · to close: '
        f"{words.closing_price(card.target)} (target) or {words.closing_price(card.stop)} (stop), at the latest "
        f"{words.stamp(card.time_stop)}</p>"
    )


def _legs(card: SignalCard) -> str:
    rows = [
        (str(number), "BUY" if leg.side > 0 else "SELL", f"{leg.ratio * card.units:,}", _contract(leg), _quote(leg))
        for number, leg in enumerate(card.legs, 1)
    ]
    columns = (Column("#"), Column("side"), Column("units", True), Column("contract"), Column("bid / ask", True))
    return table("Legs, in order of execution", columns, rows)


def _contract(leg: CardLeg) -> str:
    vol = f" · {words.percent(leg.iv)}" if leg.iv is not None else ""
    return f"{words.level(leg.strike)} {leg.right}{vol}"


def _quote(leg: CardLeg) -> str:
    return f"{words.points(leg.bid)} / {words.points(leg.ask)}"


def _money(card: SignalCard) -> str:
    best = words.money(card.max_profit) if card.max_profit is not None else "unbounded"
    pairs = (
        ("Max loss", words.money(card.max_loss)),
        ("Max profit", best),
        ("Net expected value", words.signed_money(card.net_ev)),
        ("Chance of a gain", words.percent(card.win_probability)),
        (f"Margin now ({escape(card.margin_source)})", words.money(card.margin_now)),
        ("Margin on expiry day", words.money(card.margin_expiry_day)),
        ("Charges", words.money(card.charges, paise=True)),
        ("Breakevens", ", ".join(map(words.level, card.breakevens)) or words.UNKNOWN),
    )
    return '<dl class="facts">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in pairs) + "</dl>"


def _life(card: SignalCard) -> str:
    steps = "".join(
        f'<li class="state-{escape(step.state)}"><b>{escape(step.state)}</b> <time>{words.clock_s(step.at)}</time> '
        f"<span>{escape(step.why)}</span></li>"
        for step in card.steps
    )
    return f'<ol class="life">{steps}</ol>'


def _receipts(card: SignalCard) -> str:
    costs = [(line.name, words.money(line.amount, paise=True)) for line in card.cost_lines]
    parts = [_verdicts(card.verdicts)]
    if costs:
        parts.append(table("Charges, per lot", (Column("charge"), Column("amount", True)), costs))
    rows = f'<p class="sub">Rule rows: {escape(", ".join(card.rule_rows))}</p>' if card.rule_rows else ""
    digest = f'<p class="sub">Snapshot <code>{escape(card.snapshot)}</code></p>' if card.snapshot else ""
    return (
        f"<details><summary>{len(card.verdicts)} receipts: why it may be sent</summary>"
        f'<div class="receipts">{"".join(parts)}</div>{rows}{digest}</details>'
    )


def _verdicts(verdicts: Sequence[VerdictLine]) -> str:
    columns = (Column("guard"), Column("outcome"), Column("measured", True), Column("limit", True), Column("unit"))
    rows = [
        (
            verdict.guard.replace("_", " "),
            verdict.outcome,
            _measured(verdict.measured),
            _measured(verdict.limit),
            verdict.unit,
        )
        for verdict in verdicts
    ]
    return table("Every guard that was asked", columns, rows)


def _measured(value: float | str | None) -> str:
    if value is None:
        return words.UNKNOWN
    return number_text(float(value)).replace("-", "−") if isinstance(value, int | float) else value
