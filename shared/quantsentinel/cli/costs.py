"""`qs costs`: every charge of a package on a day, line by line, with the rule rows that it stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from quantsentinel.cli.cited import plain_rows, unconfirmed_lines
from quantsentinel.cli.options import Config, Json, a_date, settings_of
from quantsentinel.cli.output import Answer, Table, rupees_text, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from decimal import Decimal

    from quantsentinel.costs.charge_sheet import ChargeSheet, SheetLeg
    from quantsentinel.costs.charges import Charges, Form


def costs(
    underlying: Annotated[str, typer.Option("--underlying", help="NIFTY, BANKNIFTY, …")],
    expiry: Annotated[str, typer.Option("--expiry", help="Expiry of the legs, as listed (YYYY-MM-DD).")],
    legs: Annotated[str, typer.Option("--legs", help='"SELL 24500CE 110 BUY 2x24600CE 70": side, contract, price.')],
    on: Annotated[str, typer.Option("--on", help="Trade date.")],
    lots: Annotated[int, typer.Option("--lots", help="Lots of the package.")] = 1,
    broker: Annotated[str, typer.Option("--broker", help="upstox, zerodha, groww, … (default: settings).")] = "",
    form: Annotated[str, typer.Option("--form", help="unrounded (decisions) or contract_note.")] = "unrounded",
    settle: Annotated[str, typer.Option("--settle", help="Index level at expiry: adds what settlement takes.")] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """STT, exchange charge, IPFT, SEBI fee, stamp duty, brokerage by freeze slices and GST, exact. Refuses a day, an
    expiry, a price or a plan that the rule book does not know."""
    from quantsentinel.cli.legs import parse_legs
    from quantsentinel.costs.charge_sheet import Order, charge_sheet
    from quantsentinel.market.rulebook import load_rules

    settings = settings_of(config)
    order = Order(
        legs=parse_legs(legs, underlying, a_date(expiry)),
        on=a_date(on),
        lots=lots,
        broker=(broker or settings.broker).lower(),
        form=_form(form),
    )
    rules = load_rules(settings.rules_overlay)
    sheet = charge_sheet(rules, order, _level(settle) if settle else None)
    show(Answer(_json(sheet, rules.digest), _tables(sheet), _lines(sheet)), json)


def _form(text: str) -> Form:
    from quantsentinel.costs.charges import Form
    from quantsentinel.errors import BadInput

    forms: tuple[Form, ...] = get_args(Form)
    for form in forms:
        if form == text:
            return form
    raise BadInput(f"no form {text!r}", where="--form", fix="Known: " + ", ".join(forms))


def _level(text: str) -> Decimal:
    from decimal import Decimal, InvalidOperation

    from quantsentinel.errors import BadInput

    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput(f"{text!r} is not an index level", where="--settle", fix="Points, such as 24555.20") from None


# --- For machines -----------------------------------------------------------------------------------------------------
def _json(sheet: ChargeSheet, rules_digest: str) -> dict[str, Any]:
    order = sheet.order
    return {
        "underlying": order.underlying,
        "on": order.on,
        "lots": order.lots,
        "broker": order.broker,
        "form": order.form,
        "legs": [_leg(part) for part in sheet.legs],
        "premium": sheet.premium,
        "entry": _charges(sheet.entry),
        "settlement": [
            {"on": part.on, "level": part.level, "payoff": part.payoff, **_charges(part.charges)}
            for part in sheet.settled
        ],
        "total": sheet.total,
        "net": sheet.net,
        **plain_rows(sheet.rows),
        "tax": {"text": sheet.tax_note, "note": "information, not advice"},
        "rules": rules_digest,
    }


def _leg(part: SheetLeg) -> dict[str, Any]:
    return {
        "action": part.leg.action,
        "contract": str(part.leg.instrument),
        "lot": part.lot,
        "units": part.units,
        "orders": list(part.orders),
        "price": part.price,
        "premium": part.premium,
    }


def _charges(charges: Charges) -> dict[str, Any]:
    lines = [
        {
            "name": line.name,
            "base": line.base_rupees,
            "rate": line.rate,
            "orders": line.orders,
            "amount": line.amount,
            "row": line.row_id,
        }
        for line in charges.lines
    ]
    return {"lines": lines, "total": charges.total}


# --- For people -------------------------------------------------------------------------------------------------------
def _tables(sheet: ChargeSheet) -> list[Table]:
    order = sheet.order
    legs = [
        (part.leg.action, str(part.leg.instrument), part.units, _orders(part.orders), float(part.price), part.premium)
        for part in sheet.legs
    ]
    columns = ("side", "contract", "units", "orders", "price", "premium")
    title = f"{counted(order.lots, 'lot')} on {order.on}, {order.broker}"
    tables = [Table(title, columns, legs), _table(f"Charges at entry, {order.form}", sheet.entry)]
    tables += [_table(f"Settlement on {part.on} at {part.level}", part.charges) for part in sheet.settled]
    return tables


def _table(title: str, charges: Charges) -> Table:
    rows: list[tuple[str | Decimal, ...]] = [
        (line.name, line.base_rupees, _rate(line.rate, line.orders), _exact(line.amount), line.row_id)
        for line in charges.lines
    ]
    rows.append(("total", "", "", _exact(charges.total), ""))
    return Table(title, ("charge", "base", "rate", "amount", "row"), rows)


def _orders(orders: tuple[int, ...]) -> str:
    return " + ".join(map(str, orders)) if len(orders) < 5 else f"{len(orders)} orders of at most {orders[0]}"


def _rate(rate: Decimal, orders: int) -> str:
    return f"{orders} × {rupees_text(rate)}" if orders else f"{(rate * 100).normalize():f} %"


def _exact(amount: Decimal) -> str:
    """Rupees with the fractions of a paisa that a decision counts."""
    text = f"{amount:,.6f}".rstrip("0")
    return text if len(text.partition(".")[2]) >= 2 else f"{amount:,.2f}"


def _lines(sheet: ChargeSheet) -> list[str]:
    word = "received" if sheet.premium >= 0 else "paid"
    lines = [f"premium {word} {rupees_text(abs(sheet.premium))}, all charges {rupees_text(sheet.total)}"]
    if sheet.net is not None:
        lines.append(f"P&L at this level after charges {rupees_text(sheet.net)}")
    lines += unconfirmed_lines(sheet.rows)
    lines.append(f"tax (information, not advice): {sheet.tax_note}.")
    return lines
