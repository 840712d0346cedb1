"""Shapes of the nearest implied densities, and what quotes alone say about the nearest tails."""

from __future__ import annotations

import math

from quantsentinel.features.analytics import TAIL_SD, SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Value
from quantsentinel.frozen import dataclass

FEATURES = (
    Feature("implied_vol_near", "annual vol, of the density within five sd"),
    Feature("skewness_near", "standardised moment of ln(S/F)"),
    Feature("kurtosis_near", "standardised moment of ln(S/F)"),
    Feature("left_tail_near", "probability below -1.5 sd"),
    Feature("right_tail_near", "probability above +1.5 sd"),
    Feature("tail_mass_near", "probability beyond 1.5 sd"),
    Feature("skewness_next", "standardised moment of ln(S/F)"),
    Feature("kurtosis_next", "standardised moment of ln(S/F)"),
    Feature("tail_mass_next", "probability beyond 1.5 sd"),
    Feature("left_tail_low_near", "probability below -1.5 at-the-money sd, least that quotes allow"),
    Feature("left_tail_high_near", "probability below -1.5 at-the-money sd, most that quotes allow"),
    Feature("right_tail_low_near", "probability above +1.5 at-the-money sd, least that quotes allow"),
    Feature("right_tail_high_near", "probability above +1.5 at-the-money sd, most that quotes allow"),
    Feature("tail_bounds_crossed_near", "probability by which the quotes contradict each other at most"),
)


@dataclass(frozen=True, slots=True)
class TailRange:
    """[lo, hi] of P(S <= `low_strike`) and of P(S > `high_strike`), from executable vertical spreads; no model."""

    low_strike: float
    high_strike: float
    left: tuple[float, float]
    right: tuple[float, float]
    crossed: float


def tail_range(part: SliceAnalytics) -> TailRange | None:
    """At `TAIL_SD` at-the-money deviations on both sides; None without a vol."""
    if part.forward is None or not part.atm_vol:
        return None
    reach = TAIL_SD * part.atm_vol * math.sqrt(part.times.variance_years)
    low, high = part.forward * math.exp(-reach), part.forward * math.exp(reach)
    bounds = part.tail_bounds
    (left_low, left_high), (right_low, right_high) = bounds.below([low]), bounds.above([high])
    left = float(left_low[0]), float(left_high[0])
    return TailRange(low, high, left, (float(right_low[0]), float(right_high[0])), bounds.excess)


def distribution_values(inputs: Inputs) -> dict[str, Value]:
    fitted = inputs.analytics.fitted
    found = [part.moments for part in fitted[:2]]
    near = found[0] if found else None
    following = found[1] if len(found) > 1 else None
    return {
        "implied_vol_near": math.sqrt(near.variance / fitted[0].times.variance_years) if near else None,
        "skewness_near": near.skewness if near else None,
        "kurtosis_near": near.kurtosis if near else None,
        "left_tail_near": near.left if near else None,
        "right_tail_near": near.right if near else None,
        "tail_mass_near": near.left + near.right if near else None,
        "skewness_next": following.skewness if following else None,
        "kurtosis_next": following.kurtosis if following else None,
        "tail_mass_next": following.left + following.right if following else None,
        **_bounds(fitted[0] if fitted else None),
    }


def _bounds(part: SliceAnalytics | None) -> dict[str, Value]:
    found = tail_range(part) if part else None
    return {
        "left_tail_low_near": found.left[0] if found else None,
        "left_tail_high_near": found.left[1] if found else None,
        "right_tail_low_near": found.right[0] if found else None,
        "right_tail_high_near": found.right[1] if found else None,
        "tail_bounds_crossed_near": found.crossed if found else None,
    }


FAMILY = Family("distributions", FEATURES, distribution_values)
