"""Charges of the end of a position, exact: closing at the marks, or settling at expiry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from quantsentinel.costs.charges import Exercised, Fill, charge_lines
from quantsentinel.desk import Desk
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.units import Rupees, rupees

_CLOSING: Memo[Rupees] = Memo()


def exit_charges(position: Position, prices: tuple[float, ...], on: date, desk: Desk) -> Rupees:
    """Of closing all lots at `prices` (points, in the package's order) on a trade date; remembered."""
    package, units = position.package, position.units

    def work_out() -> Rupees:
        fills = [
            Fill(leg.instrument, -1 if leg.side > 0 else 1, units * leg.ratio, Decimal(str(price)), position.lot)
            for leg, price in zip(package.legs, prices, strict=True)
        ]
        return rupees(charge_lines(fills, desk.rules.charges(package.underlying, on, desk.broker)).total)

    return _CLOSING.get((desk.digest, position.opportunity_id, prices, units, on), work_out)


def settlement_charges(position: Position, intrinsics: Sequence[float], on: date, desk: Desk) -> Rupees:
    """Exercise STT on bought legs in the money, and the broker's fee for each leg in the money."""
    legs = [
        Exercised(leg.instrument, leg.side, position.units * leg.ratio, Decimal(str(round(value, 6))), position.lot)
        for leg, value in zip(position.package.legs, intrinsics, strict=True)
        if value > 0
    ]
    schedule = desk.rules.charges(position.package.underlying, on, desk.broker)
    return rupees(charge_lines((), schedule, legs).total)
