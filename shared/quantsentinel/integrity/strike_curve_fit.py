"""Quotes of one expiry lie on one curve along the strikes."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.share import judge_near

GUARD = Guard("strike_curve_fit", 1, "share")


def strike_curve_fit(case: Inspection) -> Finding:
    """Masks rows further from their neighbours than spreads and 60 s of move; refuses above 20 % near the money."""
    return judge_near(case, GUARD, "strike_curve", "quotes off their neighbours along the strikes")
