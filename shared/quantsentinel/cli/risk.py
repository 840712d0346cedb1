"""`qs risk book`: Greeks, stress grid and limit usage across tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, open_last
from quantsentinel.cli.output import Answer, Table, rupees_text, show
from quantsentinel.units import counted

if TYPE_CHECKING:
    from quantsentinel.app.risk_book import RiskBook

app = typer.Typer(help="Risk across tenants.", no_args_is_help=True)


@app.command()
def book(
    tenant: Annotated[str, typer.Option("--tenant", help="Only this one.")] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Delta, gamma, vega by expiry, the stress grid, how much of each limit is used, who is not reconciled."""
    from quantsentinel.app.risk_book import risk_book

    found = risk_book(open_last(config, state), tenant)
    show(
        Answer(found, [_tenants(found), _limits(found), _greeks(found), _vega(found), _stress(found)], _lines(found)),
        json,
    )


def _tenants(found: RiskBook) -> Table:
    rows = [
        (
            item.tenant_id,
            item.positions,
            item.equity,
            item.day_pnl,
            item.margin,
            item.stress_worst,
            ", ".join(one.signal_id for one in item.mismatches) or "yes",
        )
        for item in found.tenants
    ]
    columns = ("tenant", "positions", "equity", "today", "margin", "stress, worst", "reconciled")
    return Table("Tenants", columns, rows, "there is none")


def _limits(found: RiskBook) -> Table:
    rows = [
        (item.tenant_id, use.name, use.used, use.limit, use.unit, None if use.share is None else f"{use.share:.0%}")
        for item in found.tenants
        for use in item.limits
    ]
    return Table("Limits", ("tenant", "limit", "used", "of", "unit", "share"), rows)


def _greeks(found: RiskBook) -> Table:
    rows = [
        (name, greeks.delta, greeks.gamma, greeks.vega, greeks.theta)
        for name, greeks in found.greeks.by_underlying.items()
    ]
    columns = ("underlying", "delta ₹/point", "gamma", "vega ₹/vol point", "theta ₹/day")
    return Table("Greeks at the last marks", columns, rows, "nothing is held")


def _vega(found: RiskBook) -> Table:
    rows = [(expiry.isoformat(), vega) for expiry, vega in found.greeks.vega_by_expiry.items()]
    return Table("Vega by expiry", ("expiry", "₹/vol point"), rows, "nothing is held")


def _stress(found: RiskBook) -> Table:
    grid = found.stress
    rows = [
        (f"{move:+.1%}", *(float(cell) for cell in line)) for move, line in zip(grid.spot_moves, grid.pnl, strict=True)
    ]
    columns = ("index", *(f"vol × {scale:g}" for scale in grid.vol_scales))
    return Table("Stress, ₹ against the marks", columns, rows, caption="Greeks and stress in rupees for all lots")


def _lines(found: RiskBook) -> list[str]:
    lines = [f"{name} is in no sum: {why}" for name, why in found.unreadable.items()]
    unknown = sorted({*found.greeks.unknown, *found.stress.unknown})
    if unknown:
        lines.append(f"Not valued, so in neither Greeks nor stress: {', '.join(unknown)}")
    late = [one for item in found.tenants for one in item.mismatches if one.overdue is not False]
    blocking = f"{counted(len(late), 'position')} {'blocks' if len(late) == 1 else 'block'} entries"
    lines.append(f"Worst of the stress grid {rupees_text(found.stress.worst)}; {blocking}.")
    return lines
