"""Are near tails dear? The standardised tails of the nearest implied density against those of the next expiry."""

from __future__ import annotations

import math

from quantsentinel.alpha.reading import Features, evidence, missing, number, squash
from quantsentinel.alpha.view import View
from quantsentinel.units import quantise

NAME, VERSION = "implied_distribution", 1
INPUTS = ("tail_mass_near", "tail_mass_next")
CONTEXT = ("left_tail_near", "right_tail_near", "skewness_near", "kurtosis_near", "skewness_next", "kurtosis_next")
SCALE_LOG_MASS = 0.5
MASS_AT_FULL_CONFIDENCE = 0.02
"""Below 2 % of probability in the tails of either density the ratio rests on a handful of wing quotes."""


def implied_distribution(features: Features) -> View:
    """- when the near density carries more mass beyond 1.5 of its standard deviations than the next expiry does.

    Fat standardised tails wash out with time, so the next expiry is the baseline that needs no history: a near density
    that is fatter still means near wings are dear (sell them, short volatility); a thinner one means they are cheap.
    Abstains with fewer than two densities.
    """
    names = INPUTS + CONTEXT
    reason = missing(features, INPUTS)
    near, following = number(features, "tail_mass_near"), number(features, "tail_mass_next")
    if reason or near is None or following is None or min(near, following) <= 0:
        why = reason or "an empty tail"
        return View(NAME, VERSION, "intraday", "volatility", None, 0.0, evidence(features, names), why)
    score = squash(-math.log(near / following) / SCALE_LOG_MASS)
    confidence = quantise(min(1.0, min(near, following) / MASS_AT_FULL_CONFIDENCE) * 0.5)
    return View(NAME, VERSION, "intraday", "volatility", score, confidence, evidence(features, names))
