"""Units in types, and the quantisation that makes decisions reproducible (`definitions.md` §9).

float64 results differ in their last bits between CPUs, so every number is quantised before it meets a limit and
before it is hashed: prices to the tick, money to the paisa, vols, scores and probabilities to 1e-6.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Rupees = NewType("Rupees", Decimal)
"""Money that is charged or booked, exact to the paisa."""

Points = NewType("Points", float)
"""Index or premium points, screened in float64."""

AnnualVol = NewType("AnnualVol", float)
"""Annualised volatility as a fraction: 0.12 is 12 %."""

Years = NewType("Years", float)
Lots = NewType("Lots", int)
Units = NewType("Units", int)

PAISA = Decimal("0.01")


def rupees(value: Decimal | int | str | float) -> Rupees:
    """The one conversion point from float64 or text to booked money: rounded half up to the paisa."""
    exact = value if type(value) is Decimal else Decimal(str(value))
    return Rupees(exact.quantize(PAISA, ROUND_HALF_UP))


def quantise_price(value: float, tick: float) -> float:
    """`value` on the tick grid (nearest), free of binary noise."""
    return round(round(value / tick) * tick, 6)


def quantise(value: float) -> float:
    """A vol, score, ratio or probability to 1e-6; -0.0 becomes 0.0."""
    return round(value, 6) + 0.0


def counted(number: int, noun: str) -> str:
    """`1 lot`, `2 lots`, `1,500 lots`: a number as people read it."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
