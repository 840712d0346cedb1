"""Who waits in the book? Displayed size near the money, calls against puts, at the best prices."""

from __future__ import annotations

from quantsentinel.alpha.reading import Features, evidence, missing, number
from quantsentinel.alpha.view import View
from quantsentinel.units import quantise

NAME, VERSION = "microstructure", 1
INPUTS = ("call_imbalance", "put_imbalance", "spread", "near_quotes")
MIN_QUOTES = 6.0
WIDE_SPREAD = 0.05
"""A median relative spread of 5 % near the money: the displayed sizes no longer say anything."""


def microstructure(features: Features) -> View:
    """+ (up) when buyers queue for calls and sellers for puts; lives for ticks, so its horizon is `tick`.

    Imbalance is (bid size - ask size) / (bid size + ask size) summed over two-sided quotes near the money. Confidence
    falls to 0 as the spread widens. Abstains with fewer than six such quotes or a wide market.
    """
    reason = missing(features, INPUTS)
    call, put, spread, quotes = (number(features, name) or 0.0 for name in INPUTS)
    if not reason and quotes < MIN_QUOTES:
        reason = f"{quotes:.0f} two-sided quotes near the money, {MIN_QUOTES:.0f} needed"
    if not reason and spread >= WIDE_SPREAD:
        reason = f"median relative spread {spread:.3f}, limit {WIDE_SPREAD}"
    if reason:
        return View(NAME, VERSION, "tick", "direction", None, 0.0, evidence(features, INPUTS), reason)
    score = quantise((call - put) / 2.0)
    confidence = quantise(1.0 - spread / WIDE_SPREAD)
    return View(NAME, VERSION, "tick", "direction", score, confidence, evidence(features, INPUTS))
