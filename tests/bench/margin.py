"""Margin: a book of 200 legs in three expiries within 1 ms on each day to the exit. CPU time, medians.

A table is of one snapshot and works each contract out once, whoever holds it: that is the tenant's cost. What a fresh
table takes is what a snapshot pays once for all tenants.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np

from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin_batch, margin_days
from quantsentinel.costs.margin_book import HeldLeg, MarginTable, Shock, book_margin
from quantsentinel.market.instruments import Instrument, Right
from quantsentinel.market.rulebook import load_rules
from quantsentinel.pricing import black76
from tests.figures import cpu_ms, row

RULES = load_rules()
DAY, EXPIRIES = date(2025, 8, 29), (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 30))
SCAN, FORWARD, LEGS = RULES.scan("NIFTY", DAY), 24_460.0, 200
BUDGET_MS = 1.0
PACKAGES = 20


def contracts() -> list[Instrument]:
    rights: tuple[Right, Right] = ("CE", "PE")
    strikes = np.arange(23_000.0, 26_000.0, 50.0).tolist()
    return [Instrument("NIFTY", expiry, k, right) for expiry in EXPIRIES for k in strikes for right in rights]


def mark(contract: Instrument) -> float:
    years = (contract.expiry - DAY).days / 365.0
    return float(black76.price(FORWARD, contract.strike, years, 0.12, 1.0, contract.is_call))


def book() -> list[HeldLeg]:
    generator, listed = np.random.default_rng(7), contracts()
    chosen = generator.choice(len(listed), LEGS, replace=False)
    return [
        HeldLeg(listed[at], int(75 * side), mark(listed[at]), FORWARD)
        for at, side in zip(chosen.tolist(), generator.choice([-1, 1], LEGS).tolist(), strict=True)
    ]


def market(exit_day: date) -> MarginMarket:
    return MarginMarket(24_426.85, 24_450.0, 0.16, margin_days(RULES, DAY, exit_day))


def batch() -> MarginLegs:
    """As many condors as a market pass prices exactly."""
    centres = 24_000.0 + 50.0 * np.arange(PACKAGES)[:, None]
    strike = centres + np.array([-400.0, -200.0, 200.0, 400.0])
    is_call = np.broadcast_to(np.array([False, False, True, True]), strike.shape)
    units = np.broadcast_to(np.array([75.0, -75.0, -75.0, 75.0]), strike.shape)
    price = black76.price(FORWARD, strike, 11 / 365, 0.12, 1.0, is_call)
    return MarginLegs(strike, is_call, units, price, np.full(strike.shape, FORWARD), np.full(strike.shape, 11.0))


def rows() -> list[dict[str, Any]]:
    held, week, today = book(), market(EXPIRIES[1]), market(DAY)
    known = {name: {"NIFTY": MarginTable(week, SCAN, shock)} for name, shock in (("", Shock()), ("fall", Shock(-0.05)))}
    legs, condors = held[:8], batch()

    def fresh(on: MarginMarket) -> float:
        return book_margin(held, {"NIFTY": MarginTable(on, SCAN)}).total

    note = f"{len(week.days)} days, {LEGS} contracts"
    return [
        row("margin: a book of 200 legs", cpu_ms(lambda: book_margin(held, known[""])), "ms", BUDGET_MS, note=note),
        row("margin: the same after a shock", cpu_ms(lambda: book_margin(held, known["fall"])), "ms", BUDGET_MS),
        row("margin: a book of 8 legs", cpu_ms(lambda: book_margin(legs, known[""])), "ms", 0.5),
        row("margin: 200 legs, contracts new, today alone", cpu_ms(lambda: fresh(today)), "ms", note="once a snapshot"),
        row("margin: 200 legs, contracts new, every day", cpu_ms(lambda: fresh(week)), "ms", note="once a snapshot"),
        row(f"margin: {PACKAGES} packages in one call", cpu_ms(lambda: margin_batch(condors, week, SCAN)), "ms"),
    ]


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
