"""Expiries were read close together: packages across expiries need their legs within 10 s."""

from __future__ import annotations

from quantsentinel.integrity.finding import Finding, Guard, Inspection

GUARD = Guard("slice_skew", 1, "s")
MAX_SKEW_S = 10.0


def slice_skew(case: Inspection) -> Finding:
    """Largest difference of observation times between slices. Never refuses the chain: each package is judged alone."""
    times = [part.observed_at for part in case.snapshot.slices]
    skew = (max(times) - min(times)).total_seconds()
    if skew > MAX_SKEW_S:
        return GUARD.masks(skew, MAX_SKEW_S, "packages with legs in expiries further apart than this are refused")
    return GUARD.passed(skew, MAX_SKEW_S)
