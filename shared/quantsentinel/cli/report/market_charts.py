"""The market's charts: the day's path, smiles, densities."""

from __future__ import annotations

from collections.abc import Sequence

from quantsentinel.app.day_record import Density, MarketDay, Smile
from quantsentinel.cli.report import axes, svg, words
from quantsentinel.cli.report.svg import Figure, Hover, Panel, Scale, Series


def path_chart(market: MarketDay) -> str:
    """The nearest expiry's forward above, its at-the-money vol and the forecast below, on one time axis."""
    points = market.path
    if not points:
        return axes.empty("path", "The day's forward", "no snapshot was accepted")
    minutes = [axes.minutes(point.at) for point in points]
    x = Scale(minutes[0], max(minutes[-1], minutes[0] + 1), axes.LEFT, axes.RIGHT)
    forwards, vols = [point.forward for point in points], [point.atm_vol for point in points]
    forecasts = [point.forecast_vol for point in points]
    above = Panel(x, Scale(*svg.padded(forwards), 168, 26))
    below = Panel(x, Scale(*svg.padded([*vols, *forecasts]), 292, 204))
    gaps = axes.gaps(minutes)
    body = [
        svg.caption(axes.LEFT, 16, "Forward, points"),
        svg.caption(axes.LEFT, 194, "At-the-money vol, annual"),
        svg.y_axis(above, words.level),
        svg.y_axis(below, lambda value: words.percent(value), 3),
        svg.x_axis(below, axes.hours(x)),
        svg.line(above, axes.broken(minutes, forwards, gaps), "s1"),
        svg.line(below, axes.broken(minutes, vols, gaps), "s2"),
        svg.line(below, axes.broken(minutes, forecasts, gaps), "s3 dashed"),
    ]
    hover = Hover(
        [x(value) for value in minutes],
        [f"{words.clock_s(point.at)} IST" for point in points],
        [
            Series("Forward", "s1", [words.points(value) for value in forwards], axes.heights(above, forwards)),
            _vol_series("ATM vol", "s2", below, vols),
            _vol_series("Forecast vol", "s3", below, forecasts),
        ],
    )
    title = f"{market.underlying}: forward and implied volatility through the day"
    legend = [("forward", "s1"), ("implied, at the money", "s2"), ("forecast of the same period", "s3")]
    summary = _path_summary(market)
    identity = f"path-{market.underlying}"
    return svg.figure(Figure(identity, title, summary, body, legend, hover, height=318, note=summary))


def _vol_series(name: str, style: str, panel: Panel, vols: Sequence[float | None]) -> Series:
    return Series(name, style, [words.percent(value, 2) for value in vols], axes.heights(panel, vols))


def _path_summary(market: MarketDay) -> str:
    known = [point for point in market.path if point.forward is not None]
    if not known:
        return "No snapshot gave a forward."
    first, last = known[0], known[-1]
    assert first.forward is not None
    assert last.forward is not None
    move = words.signed(100 * (last.forward / first.forward - 1))
    vols = [point.atm_vol for point in known if point.atm_vol is not None]
    vol = f"; vol from {words.percent(vols[0])} to {words.percent(vols[-1])}" if vols else ""
    return (
        f"From {words.points(first.forward)} at {words.clock(first.at)} to {words.points(last.forward)} at "
        f"{words.clock(last.at)} IST ({move} %){vol}."
    )


def smile_chart(smile: Smile, underlying: str) -> str:
    """Bid, mid and ask vols of the out-of-the-money options, and the fitted slice."""
    quoted = [point for point in smile.points if point.mid_iv is not None]
    if not quoted:
        return axes.empty(
            f"smile-{smile.expiry}", f"Smile {words.day(smile.expiry)}", smile.note or "no strike has a vol"
        )
    x = Scale(*svg.padded([point.strike for point in quoted], 0.02), axes.LEFT, axes.RIGHT)
    values = [value for point in quoted for value in (point.bid_iv, point.mid_iv, point.ask_iv)]
    low, high = svg.padded([*_middle(values), *(iv for strike, iv in smile.fit if x.low <= strike <= x.high)])
    panel = Panel(x, Scale(max(low, 0.0), high, 264, 22))
    fit = [(strike, iv) for strike, iv in smile.fit if x.low <= strike <= x.high]
    radius = 2.2 if len(quoted) <= 45 else 1.6
    body = [
        svg.y_axis(panel, lambda value: words.percent(value)),
        svg.x_axis(panel, axes.levels(x)),
        svg.vertical(panel, smile.forward, "forward", "forward"),
        *(_whisker(panel, point.strike, point.bid_iv, point.ask_iv) for point in quoted),
        *(svg.dot(panel, point.strike, point.mid_iv, "s2", radius) for point in quoted if point.mid_iv is not None),
        svg.line(panel, fit, "s1 thin"),
    ]
    mids = [point.mid_iv for point in quoted]
    series = [
        Series("mid", "s2", [words.percent(value, 2) for value in mids], axes.heights(panel, mids)),
        Series("bid to ask", "s4", [f"{_iv(p.bid_iv)} to {_iv(p.ask_iv)}" for p in quoted]),
    ]
    if fit:
        fitted = [axes.interpolated(fit, point.strike) for point in quoted]
        series.append(Series("SVI", "s1", [words.percent(value, 2) for value in fitted], axes.heights(panel, fitted)))
    legend = [("mid of the quotes", "s2"), ("bid to ask", "s4"), *([("SVI fit", "s1")] if fit else [])]
    hover = Hover([x(point.strike) for point in quoted], [f"strike {words.level(p.strike)}" for p in quoted], series)
    title = f"{underlying} smile, {words.day(smile.expiry)}, at {words.clock(smile.at)} IST"
    summary = f"{len(quoted)} strikes; at the money {words.percent(smile.atm_vol)}. {smile.note}".strip()
    identity = f"smile-{underlying}-{smile.expiry}"
    return svg.figure(Figure(identity, title, summary, body, legend, hover, note=summary))


def _iv(value: float | None) -> str:
    return words.percent(value, 1)


def _middle(values: Sequence[float | None]) -> list[float]:
    """The known values without the wildest whiskers: an ask of a far wing must not flatten the smile."""
    known = sorted(value for value in values if value is not None)
    return known[: max(2, int(0.97 * len(known)))]


def _whisker(panel: Panel, strike: float, bid: float | None, ask: float | None) -> str:
    if bid is None or ask is None:
        return ""
    x = svg.n(panel.x(strike))
    low, high = svg.n(panel.y.clipped(bid)), svg.n(panel.y.clipped(ask))
    return f'<line class="whisker s4" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>'


def density_chart(density: Density, underlying: str) -> str:
    """The implied density as an area, the forecast's as a line."""
    prices = density.price
    if len(prices) < 2:
        return axes.empty(f"density-{density.expiry}", f"Density {words.day(density.expiry)}", "no density")
    x = Scale(prices[0], prices[-1], axes.LEFT, axes.RIGHT)
    top = max([*density.implied, *density.forecast])
    panel = Panel(x, Scale(0.0, 1.08 * top, 264, 22))
    per_hundred = [100 * value for value in density.implied]
    body = [
        svg.y_axis(panel, lambda value: words.percent(100 * value, 1), 4),
        svg.x_axis(panel, axes.levels(x)),
        svg.area(panel, list(zip(prices, density.implied, strict=True)), "s1"),
        svg.line(panel, list(zip(prices, density.implied, strict=True)), "s1"),
        svg.line(panel, list(zip(prices, density.forecast, strict=False)), "s3 dashed"),
        svg.vertical(panel, density.forward, "forward", "forward") if density.forward is not None else "",
    ]
    series = [
        Series(
            "implied",
            "s1",
            [f"{words.percent(value)} / 100 pts" for value in per_hundred],
            axes.heights(panel, density.implied),
        )
    ]
    legend = [("implied by the quotes", "s1")]
    if density.forecast:
        said = [f"{words.percent(100 * value)} / 100 pts" for value in density.forecast]
        series.append(Series("forecast", "s3", said, axes.heights(panel, density.forecast)))
        legend.append(("re-scaled to the forecast", "s3"))
    hover = Hover([x(value) for value in prices], [f"settles at {words.level(value)}" for value in prices], series)
    title = f"{underlying}: where {words.day(density.expiry)} settles"
    summary = _density_summary(density)
    note = f"Probability per 100 points. {summary}"
    identity = f"density-{underlying}-{density.expiry}"
    return svg.figure(Figure(identity, title, summary, body, legend, hover, note=note))


def _density_summary(density: Density) -> str:
    low, high = (_quantile(density.price, density.implied, share) for share in (0.05, 0.95))
    told = f"The quotes put 90 % between {words.level(low)} and {words.level(high)}"
    if density.forecast:
        narrow = [_quantile(density.price, density.forecast, share) for share in (0.05, 0.95)]
        told += f"; the forecast between {words.level(narrow[0])} and {words.level(narrow[1])}"
    return told + "."


def _quantile(prices: Sequence[float], density: Sequence[float], share: float) -> float:
    """Of a density on a grid (trapezoids), among the mass that is shown."""
    masses = [(b - a) * (p + q) / 2 for a, b, p, q in zip(prices, prices[1:], density, density[1:], strict=False)]
    wanted, running = share * sum(masses), 0.0
    for left, right, mass in zip(prices, prices[1:], masses, strict=False):
        if running + mass >= wanted and mass > 0:
            return left + (right - left) * (wanted - running) / mass
        running += mass
    return prices[-1]
