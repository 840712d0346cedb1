"""The cost waterfall: what is left of a gross edge after each friction, and how much of it they take.

`definitions.md` §4: frictions = (mid - executable) + depth impact + all charges to the declared exit; net EV = gross -
frictions; cost ratio = frictions / gross, None where there is no gross edge to pay from.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quantsentinel.frozen import dataclass
from quantsentinel.units import Rupees, quantise, rupees

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """One friction and what is left after it, in rupees; charges keep their fractions of a paisa."""

    name: str
    amount: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Waterfall:
    gross_edge: Rupees
    steps: tuple[Step, ...]
    frictions: Rupees
    net_ev: Rupees
    cost_ratio: float | None


def waterfall(
    gross_edge: Decimal,
    half_spread: Decimal,
    depth_impact: Decimal,
    charges: Iterable[tuple[str, Decimal]],
    exit_charges: Decimal,
) -> Waterfall:
    """From gross edge to net EV, in the order in which an order meets its frictions. `charges`: name and rupees of each
    line at entry; their sum is rounded to the paisa, as everywhere.
    """
    lines = tuple(charges)
    amounts = (("half_spread", half_spread), ("depth_impact", depth_impact), *lines, ("expected_exit", exit_charges))
    steps: list[Step] = []
    left = gross_edge
    for name, amount in amounts:
        left -= amount
        steps.append(Step(name, amount, left))
    entry = rupees(sum((amount for _, amount in lines), ZERO))
    frictions = rupees(half_spread + depth_impact + entry + exit_charges)
    return Waterfall(
        gross_edge=rupees(gross_edge),
        steps=tuple(steps),
        frictions=frictions,
        net_ev=rupees(gross_edge - frictions),
        cost_ratio=quantise(float(frictions / gross_edge)) if gross_edge > 0 else None,
    )
