"""Open interest and volume stay in their unit: no common factor since the accepted snapshot before."""

from __future__ import annotations

import math

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.row_flaws import lots

GUARD = Guard("unit_change", 1, "times")


def unit_change(case: Inspection) -> Finding:
    """Refuses when more than half of the rows changed by one factor: lots for units, or another lot, not trading."""
    if case.since is None:
        return GUARD.passed(None, 1.0, "no accepted snapshot before it")
    factors = case.since.factors
    name = max(factors, key=lambda column: abs(math.log(factors[column])))
    if factors[name] != 1.0:
        lot = lots(case.snapshot, case.context.rules)[0]
        return GUARD.refuses(factors[name], 1.0, f"{name} changed by one factor in most rows; the lot is {lot:g}")
    return GUARD.passed(1.0, 1.0)
