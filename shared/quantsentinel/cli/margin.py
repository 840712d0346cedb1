"""`qs margin`: what legs block on each day to their exit, part by part, with the rule rows that it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.cited import plain_rows, unconfirmed_lines
from quantsentinel.cli.options import Config, Json, State, a_date, open_live, settings_of
from quantsentinel.cli.output import Answer, Table, rupees_text, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from datetime import date

    from quantsentinel.app.margin_check import MarginCheck, PreferredMargin
    from quantsentinel.app.platform import Platform
    from quantsentinel.costs.margin_sheet import MarginSheet
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.settings import Settings


def margin(
    underlying: Annotated[str, typer.Option("--underlying", help="NIFTY, BANKNIFTY, …")],
    expiry: Annotated[str, typer.Option("--expiry", help="Expiry of the legs, as listed (YYYY-MM-DD).")],
    legs: Annotated[str, typer.Option("--legs", help='"SELL 24500CE 110 BUY 24600CE 70": side, contract, price.')],
    spot: Annotated[float, typer.Option("--spot", help="Index level now, in points.")],
    on: Annotated[str, typer.Option("--on", help="Trade date.")],
    exit_day: Annotated[str, typer.Option("--exit", help="Last day held (default: the nearest expiry).")] = "",
    lots: Annotated[int, typer.Option("--lots", help="Lots of the package.")] = 1,
    vol: Annotated[float | None, typer.Option("--vol", help="NSE's volatility of the day before, a fraction.")] = None,
    bars: Annotated[Path | None, typer.Option("--bars", help="Daily bars: previous close and volatility.")] = None,
    broker_figure: Annotated[
        bool, typer.Option("--broker-figure", help="Ask the broker of QS_MARGIN_BROKER too, and keep the difference.")
    ] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """An estimate after SPAN: 16 scenarios, calendar charge, exposure, expiry-day margin, the worst day to the exit."""
    from quantsentinel.cli.legs import parse_legs
    from quantsentinel.costs.margin_sheet import MarginRequest, margin_sheet
    from quantsentinel.market.rulebook import load_rules

    settings = settings_of(config, state)
    rules = load_rules(settings.rules_overlay)
    parsed, day = parse_legs(legs, underlying, a_date(expiry)), a_date(on)
    request = MarginRequest(
        legs=tuple((leg, float(price)) for leg, price in parsed),
        on=day,
        spot=spot,
        lots=lots,
        exit_day=a_date(exit_day) if exit_day else None,
        vol_annual=vol,
        closes=_closes(bars or settings.history, underlying.upper(), day, rules),
    )
    sheet = margin_sheet(rules, request)
    asked = _asked(settings, config, state, sheet) if broker_figure else None
    show(Answer(_json(sheet, rules.digest, asked), _tables(sheet), _lines(sheet, asked)), json)


def margin_checks(
    ask: Annotated[bool, typer.Option("--ask", help="First compare the newest view's offers, one a family.")] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """What brokers asked for against our estimates, by package family; fails when any is an alarm."""
    from quantsentinel.app.margin_check import margin_checks as stored

    platform = open_live(config, state)
    if ask:
        _ask(settings_of(config, state), platform)
    found = stored(platform.documents)
    rows = [
        (item.broker, item.underlying, item.family, len(item.checks), last.estimate, last.figure, last.share, since)
        for item in found
        for last, since in [(item.checks[-1], item.alarm_since)]
    ]
    columns = ("broker", "underlying", "family", "checks", "estimate", "broker's", "difference", "alarm since")
    alarm = any(item.alarm_since for item in found)
    show(Answer(found, [Table("Margin checks", columns, rows, "nothing was compared")], failed=alarm), json)


def _ask(settings: Settings, platform: Platform) -> None:
    from quantsentinel.app.margin_check import check_offers
    from quantsentinel.wiring.margin_broker import margin_broker

    with margin_broker(settings, platform.clock) as broker:
        for document in platform.snapshots.latest_of(platform.desk.rules.underlyings()).values():
            view = platform.view(document.data["snapshot_key"], document.data["history_key"])
            check_offers(platform.documents, broker, view.opportunities, platform.desk.policy.margin_check)


def _closes(path: Path | None, underlying: str, day: date, rules: RuleBook) -> tuple[float, ...]:
    """Closes to the session before the day, oldest first; none without bars. Raises `BadInput` when they end before."""
    from quantsentinel.errors import BadInput
    from quantsentinel.market.bars import read_daily_bars

    if path is None:
        return ()
    before = [bar for bar in read_daily_bars(path, underlying) if bar.day < day]
    wanted = rules.previous_session(day).day
    if not before or before[-1].day < wanted:
        found = f"the newest is of {before[-1].day}" if before else "none is earlier"
        fix = f"Give daily bars to {wanted}, or --vol alone"
        raise BadInput(f"no bar of the session before {day}: {found}", where=str(path), fix=fix)
    return tuple(bar.close for bar in before)


def _asked(
    settings: Settings, config: Path | None, state: Path | None, sheet: MarginSheet
) -> tuple[PreferredMargin, MarginCheck | None]:
    """The broker's figure beside the estimate, and their difference as it was kept."""
    from quantsentinel.app.margin_check import check_margin, preferred_margin, subject_of
    from quantsentinel.ports import MarginOrder
    from quantsentinel.wiring.margin_broker import margin_broker

    platform = open_live(config, state)
    orders = [MarginOrder(leg.instrument, leg.units, leg.mark) for leg in sheet.legs]
    with margin_broker(settings, platform.clock) as broker:
        preferred = preferred_margin(broker, orders, sheet.estimate)
    if preferred.figure is None:
        return preferred, None
    legs = [leg for leg, _ in sheet.request.legs]
    subject, policy = subject_of(legs, sheet.estimate), platform.desk.policy.margin_check
    return preferred, check_margin(platform.documents, preferred.figure, subject, policy)


# --- For machines -----------------------------------------------------------------------------------------------------
def _json(
    sheet: MarginSheet, rules_digest: str, asked: tuple[PreferredMargin, MarginCheck | None] | None
) -> dict[str, Any]:
    request, market, estimate = sheet.request, sheet.market, sheet.estimate
    return {
        "label": estimate.label,
        "underlying": request.underlying,
        "on": request.on,
        "lots": request.lots,
        "legs": [
            {"contract": str(leg.instrument), "units": leg.units, "price": leg.mark, "forward": round(leg.forward, 2)}
            for leg in sheet.legs
        ],
        "market": {
            "spot": market.underlying_price,
            "previous_close": market.previous_close,
            "previous_vol_annual": round(market.previous_vol_annual, 6),
        },
        "now": round(estimate.now, 2),
        "total": round(estimate.total, 2),
        "premium_outlay": round(estimate.premium_outlay, 2),
        "worst_day": _parts(sheet),
        "by_day": [{"day": day, "total": round(total, 2)} for day, total in estimate.by_day],
        "broker": None if asked is None else {"preferred": asked[0], "check": asked[1]},
        **plain_rows(sheet.rows),
        "rules": rules_digest,
    }


def _parts(sheet: MarginSheet) -> dict[str, float]:
    names = ("span", "calendar_charge", "net_option_value", "exposure", "expiry_day_elm")
    return {name: round(getattr(sheet.estimate, name), 2) for name in names}


# --- For people -------------------------------------------------------------------------------------------------------
def _tables(sheet: MarginSheet) -> list[Table]:
    request = sheet.request
    legs = [
        ("BUY" if leg.units > 0 else "SELL", str(leg.instrument), abs(leg.units), leg.mark, round(leg.forward, 2))
        for leg in sheet.legs
    ]
    parts = [(name.replace("_", " "), rupees_text(value)) for name, value in _parts(sheet).items()]
    days = [(str(day), rupees_text(total)) for day, total in sheet.estimate.by_day]
    columns = ("side", "contract", "units", "price", "forward")
    return [
        Table(f"{counted(request.lots, 'lot')} on {request.on}", columns, legs),
        Table("Parts on the worst day", ("part", "rupees"), parts),
        Table("By day", ("day", "margin"), days, "nothing is held"),
    ]


def _lines(sheet: MarginSheet, asked: tuple[PreferredMargin, MarginCheck | None] | None) -> list[str]:
    estimate, market = sheet.estimate, sheet.market
    lines = [
        f"{estimate.label}: {rupees_text(estimate.total)} on the worst day, {rupees_text(estimate.now)} now, "
        f"premium paid {rupees_text(estimate.premium_outlay)}",
        f"scan ranges on a previous close of {market.previous_close:g} at a volatility of "
        f"{100 * market.previous_vol_annual:.2f} %",
    ]
    if not sheet.request.closes:
        lines.append("without daily bars the spot stands for the previous close")
    lines += unconfirmed_lines(sheet.rows)
    return lines + ([] if asked is None else _broker_lines(*asked))


def _broker_lines(preferred: PreferredMargin, check: MarginCheck | None) -> list[str]:
    if check is None:
        return [f"no broker's figure, the estimate stands: {preferred.why}"]
    word = "ALARM, above" if check.alarm else "within"
    return [
        f"{check.broker} asks {rupees_text(check.figure)} now, {rupees_text(check.difference)} beside the estimate: "
        f"{100 * check.share:.1f} %, {word} {100 * check.limit:.0f} %"
    ]
