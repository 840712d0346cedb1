"""Charges: budget 0.2 ms a package, four legs at both ends. CPU time, medians.

No peer: zerodha-brokerage-calculator 0.2.0 (59.52 where row A of india-facts.md §1.6 has 63.86: undated, STT 0.05 %),
tradingapi 0.3.8 (dated, but 0.053 % to the exchange in December 2024, no IPFT) charge other rates than were charged.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from quantsentinel.costs.charge_sheet import Order, charge_sheet
from quantsentinel.costs.charges import Exercised, Fill, charge_lines, charges_upper_bound
from quantsentinel.costs.slippage import depth_impact
from quantsentinel.market.instruments import Instrument, Leg
from quantsentinel.market.rulebook import load_rules
from tests.figures import cpu_ms, row

DAY, EXPIRY, LOT = date(2026, 11, 16), date(2026, 11, 23), 65
SIDES = (1, 1, -1, -1)
PACKAGES = 4_000
REPEATS = 50
BUDGET_MS = 0.2


def rows() -> list[dict[str, Any]]:
    rules = load_rules()
    schedule = rules.charges("NIFTY", DAY)
    contracts = [Instrument("NIFTY", EXPIRY, 24000.0 + 100 * n, "CE" if n % 2 else "PE") for n in range(4)]
    legs = list(zip(contracts, SIDES, strict=True))
    fills = [Fill(contract, side, 30 * LOT, Decimal("30.05"), LOT) for contract, side in legs]
    settled = [Exercised(contract, side, 30 * LOT, Decimal("12.35"), LOT) for contract, side in legs]
    order = Order(tuple((Leg(contract, side), Decimal("30.05")) for contract, side in legs), DAY, 30)
    premium = np.random.default_rng(7).uniform(1, 300, size=(PACKAGES, 4))
    units, shown, half = np.array(SIDES) * LOT, np.full((PACKAGES, 4), 650.0), np.full((PACKAGES, 4), 0.4)

    def both(form: Any = "unrounded") -> None:
        for _ in range(REPEATS):
            charge_lines(fills, schedule, form=form)
            charge_lines((), schedule, settled, form)

    def sheets() -> None:
        for _ in range(REPEATS):
            charge_sheet(rules, order, Decimal(24_200))

    note = "CPU time; the packages found on PyPI charge rates that do not hold on the day: no peer"
    screen = f"CPU time, {PACKAGES} packages of 4 legs"
    return [
        row("charges of 4 legs, entry and settlement", cpu_ms(both) / REPEATS, "ms", BUDGET_MS, note=note),
        row("the same as a contract note", cpu_ms(lambda: both("contract_note")) / REPEATS, "ms", BUDGET_MS, note=note),
        row("charge sheet with every check", cpu_ms(sheets) / REPEATS, "ms", 5 * BUDGET_MS, note="CPU time"),
        row("bounds of charges", cpu_ms(lambda: charges_upper_bound(premium, units, schedule)), "ms", 2.0, note=screen),
        row("depth impact", cpu_ms(lambda: depth_impact(units, shown, half, 0.05)), "ms", 2.0, note=screen),
    ]


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
