"""What is quoted is quoted for some size."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection
from quantsentinel.integrity.row_flaws import carries_sizes
from quantsentinel.integrity.share import MAX_SHARE, judge_share

GUARD = Guard("zero_sizes", 1, "share")


def zero_sizes(case: Inspection) -> Finding:
    """Masks rows with a price for no size; refuses above 2 % of the quoted rows. Sources without sizes pass."""
    if not carries_sizes(case.snapshot):
        return GUARD.passed(None, MAX_SHARE, f"{case.snapshot.source} prints no sizes")
    return judge_share(case, GUARD, "no_size", "prices without a size")
