"""How many lots: the lowest of the loss budgets, margin, depth and `max_lots`, times the knob and the ladder, floored.

The ladder is the lowest of all rungs: multipliers of one another would cut twice for one cause.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.budget import Budget
from quantsentinel.portfolio.displayed import lots_displayed
from quantsentinel.portfolio.terms import funds_per_lot, pays_at
from quantsentinel.units import quantise

FULL = 100


@dataclass(frozen=True, slots=True)
class Rung:
    """Where one source of doubt stands on the ladder: percent of the size, and why."""

    name: str
    percent: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sizing:
    """Each bound as lots before flooring, before the knob and the ladder; `binding` names the lowest, or the check of a
    wall that cut the lots further (`risk.cut`)."""

    lots: int
    by_trade_loss: float
    by_day_loss: float
    by_margin: float
    by_max_lots: float
    by_depth: float | None
    """Lots up to which the displayed sizes carry the offer, and the hard rules hold at them; None in records that were
    made before this was a bound."""
    knob: int
    """Percent of the lowest bound that the tenant wants, 0 to 100."""
    binding: str
    multiplier: int = FULL
    """Percent that the lowest rung leaves."""
    rungs: tuple[Rung, ...] = ()


def size(opportunity: Opportunity, budget: Budget, desk: Desk, rungs: Sequence[Rung] = ()) -> Sizing:
    """Lots for one opportunity, at least 0; an unbounded loss gives 0."""
    sizing = _budgeted(opportunity, budget, lots_displayed(opportunity, desk), tuple(rungs))
    if sizing.lots <= 1 or not opportunity.is_eligible:
        return sizing
    deep = deepest(sizing.lots, lambda lots: pays_at(opportunity, lots, desk))
    return sizing if deep >= sizing.lots else replace(sizing, lots=deep, by_depth=float(deep), binding="depth")


def _budgeted(opportunity: Opportunity, budget: Budget, displayed: float, rungs: tuple[Rung, ...]) -> Sizing:
    """By budgets, displayed size, knob and ladder alone. Budgets count the flat part of the charges once a lot: never
    above what the exact terms allow."""
    bounds = {
        "trade_loss": _lots(budget.trade_loss, opportunity.max_loss),
        "day_loss": _lots(budget.day_loss - budget.day_spent, opportunity.max_loss),
        "margin": _lots(budget.margin - budget.margin_used, funds_per_lot(opportunity)),
        "max_lots": float(budget.max_lots),
        "depth": displayed,
    }
    binding = min(bounds, key=bounds.__getitem__)
    lowest = min(rungs, key=lambda rung: rung.percent, default=Rung("", FULL, ""))
    lots = math.floor(quantise(bounds[binding] * budget.knob / 100 * lowest.percent / 100))
    return Sizing(
        lots=lots,
        by_trade_loss=bounds["trade_loss"],
        by_day_loss=bounds["day_loss"],
        by_margin=bounds["margin"],
        by_max_lots=bounds["max_lots"],
        by_depth=displayed,
        knob=budget.knob,
        binding=_cause(bounds[binding], budget.knob, lowest) if lots < 1 <= bounds[binding] else binding,
        multiplier=lowest.percent,
        rungs=rungs,
    )


def _cause(bound: float, knob: int, lowest: Rung) -> str:
    """What took the last lot: the knob when it would have done so alone, else the rung."""
    return "knob" if bound * knob / 100 < 1 else lowest.name


def deepest(lots: int, pays: Callable[[int], bool]) -> int:
    """The most lots up to `lots` that still pay their costs; 1 when not even that is known.

    Charges a lot fall and impact a lot rises with size, so the lots that pay form one run; it starts at 1.
    """
    if pays(lots):
        return lots
    low, high = 1, lots
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if pays(middle) else (low, middle)
    return low


def _lots(budget: Decimal, per_lot: Decimal | None) -> float:
    """Lots a budget pays for, quantised; 0 for an unbounded need, an empty budget or a need that is not positive."""
    if per_lot is None or per_lot <= 0 or budget <= 0:
        return 0.0
    return quantise(float(budget / per_lot))
