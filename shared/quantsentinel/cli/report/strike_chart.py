"""Open interest and dealer gamma by strike: who holds what."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from quantsentinel.app.day_record import MarketDay, StrikeInterest
from quantsentinel.cli.report import axes, svg, words
from quantsentinel.cli.report.svg import Figure, Hover, Panel, Scale, Series


def interest_chart(market: MarketDay) -> str:
    """Open interest of calls and puts by strike above, the dealers' gamma below."""
    rows = market.interest
    if not rows:
        return axes.empty(f"interest-{market.underlying}", "Open interest by strike", "no open interest in the record")
    strikes = [row.strike for row in rows]
    step = min((b - a for a, b in pairwise(strikes)), default=1.0)
    x = Scale(strikes[0] - step, strikes[-1] + step, axes.LEFT, axes.RIGHT)
    gamma = [row.dealer_gamma for row in rows if row.dealer_gamma is not None]
    above = Panel(x, Scale(0.0, 1.06 * max(max(row.call_oi, row.put_oi) for row in rows) or 1.0, 168, 26))
    reach = 1.08 * max(map(abs, gamma), default=1.0) or 1.0
    below = Panel(x, Scale(-reach, reach, 292, 204))
    half = max((x(strikes[0] + step) - x(strikes[0])) * 0.42, 0.6)
    forward = next((point.forward for point in reversed(market.path) if point.forward is not None), None)
    body = [
        svg.caption(axes.LEFT, 16, "Open interest, units"),
        svg.caption(axes.LEFT, 194, "Dealer gamma, ₹ per 1 % move" if gamma else "Dealer gamma: not known"),
        svg.y_axis(above, words.compact, 3),
        svg.y_axis(below, words.compact_money, 3) if gamma else "",
        *(svg.bar(x(row.strike) - half, half, above, row.call_oi, "s5") for row in rows),
        *(svg.bar(x(row.strike), half, above, row.put_oi, "s6") for row in rows),
        *(_gamma_bar(below, row, half) for row in rows),
        svg.zero_line(below),
        svg.x_axis(below, axes.levels(x)),
        svg.vertical(above, forward, "forward", "forward") if forward is not None else "",
    ]
    title = (
        f"{market.underlying}: who holds what, {words.day(market.interest_expiry)}" if market.interest_expiry else ""
    )
    legend = [("calls", "s5"), ("puts", "s6"), ("dealer gamma", "s3")]
    summary = _interest_summary(rows)
    note = f"{summary} {market.dealer_convention}".strip()
    hover = Hover(
        [x(value) for value in strikes], [f"strike {words.level(v)}" for v in strikes], _interest_series(rows)
    )
    identity = f"interest-{market.underlying}"
    return svg.figure(Figure(identity, title, summary, body, legend, hover, height=318, note=note))


def _gamma_bar(panel: Panel, row: StrikeInterest, half: float) -> str:
    if row.dealer_gamma is None:
        return ""
    return svg.bar(panel.x(row.strike) - half, 2 * half, panel, row.dealer_gamma, "s3")


def _interest_series(rows: Sequence[StrikeInterest]) -> list[Series]:
    gammas = [words.UNKNOWN if row.dealer_gamma is None else words.compact_money(row.dealer_gamma) for row in rows]
    return [
        Series("calls", "s5", [words.compact(row.call_oi) for row in rows]),
        Series("puts", "s6", [words.compact(row.put_oi) for row in rows]),
        Series("gamma", "s3", gammas),
    ]


def _interest_summary(rows: Sequence[StrikeInterest]) -> str:
    calls, puts = sum(row.call_oi for row in rows), sum(row.put_oi for row in rows)
    top_call, top_put = max(rows, key=lambda row: row.call_oi), max(rows, key=lambda row: row.put_oi)
    ratio = f"{puts / calls:.2f}" if calls else words.UNKNOWN
    return (
        f"Most calls at {words.level(top_call.strike)}, most puts at {words.level(top_put.strike)}, "
        f"puts to calls {ratio}."
    )
