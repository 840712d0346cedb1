"""The parity forward lies at the spot that the source names, carried to the expiry."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.scale import named_spot

GUARD = Guard("spot_forward", 1, "log")
BASE_LOG = 0.004
"""NIFTY's nearest future against its index over a day, and 60 s of a stormy market."""
CARRY_LOG_PER_YEAR = 0.15
"""Beside the repo rate: dividends on one side, demand for leverage on the other."""


def spot_forward(case: Inspection) -> Finding:
    """|log(D·F/spot)| of the nearest expiry with a forward, at most 0.4 % and 15 % a year; passes without a spot."""
    quotes, spot = case.quotes, named_spot(case.snapshot.spot)
    fitted = np.flatnonzero(np.isfinite(quotes.forward))
    if spot is None or not len(fitted):
        return GUARD.passed(None, BASE_LOG, "no spot or no forward to compare")
    nearest = int(fitted[0])
    limit = BASE_LOG + CARRY_LOG_PER_YEAR * float(quotes.years[nearest])
    forward = float(quotes.forward[nearest])
    basis = abs(math.log(forward * float(quotes.discounts[nearest]) / spot))
    if basis > limit:
        detail = f"forward {forward:.2f} of {case.snapshot.expiries[nearest]} against the source's spot {spot:.2f}"
        return GUARD.refuses(basis, round(limit, 6), detail)
    return GUARD.passed(basis, round(limit, 6))
