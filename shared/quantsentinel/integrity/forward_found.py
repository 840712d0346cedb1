"""Put-call parity gives at least one forward."""

from __future__ import annotations

import numpy as np

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("forward_found", 1, "slices")
MIN_SLICES = 1


def forward_found(case: Inspection) -> Finding:
    """Slices with a parity forward; the rows of the others are not used. Unknown when no discount rate is covered."""
    fitted = int(np.count_nonzero(np.isfinite(case.quotes.forward)))
    if fitted < MIN_SLICES and np.isnan(case.quotes.discounts).all():
        return GUARD.unknown(MIN_SLICES, "no discount rate or settlement row covers this chain")
    if fitted < MIN_SLICES:
        return GUARD.refuses(fitted, MIN_SLICES, "no expiry has three two-sided pairs: is the chain without bids?")
    rows = int(np.count_nonzero(case.quotes.flags["no_forward"] & ~case.quotes.flags["unquoted"]))
    if rows:
        without = len(case.snapshot.slices) - fitted
        return GUARD.masks(fitted, MIN_SLICES, f"{without} expiries have no forward and are not used", rows)
    return GUARD.passed(fitted, MIN_SLICES)
