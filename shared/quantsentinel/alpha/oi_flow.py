"""Where do writers add? Open interest added in puts against calls since the first accepted snapshot of the day."""

from __future__ import annotations

from quantsentinel.alpha.reading import Features, evidence, missing, number, squash
from quantsentinel.alpha.view import View
from quantsentinel.units import quantise

NAME, VERSION = "oi_flow", 1
INPUTS = ("call_oi_change", "put_oi_change", "call_oi", "put_oi", "flow_minutes")
CONTEXT = ("call_volume_change", "put_volume_change")
MIN_MINUTES = 15.0
FULL_CONFIDENCE_SHARE = 0.05
"""Five per cent of the open interest turned over in the day is a strong day."""


def oi_flow(features: Features) -> View:
    """+ (up) when more open interest was added in puts than in calls: the convention that writers open positions.

    Confidence grows with the share of the open interest that moved. Abstains in the first 15 minutes of rows, and when
    nothing moved.
    """
    names = INPUTS + CONTEXT
    reason = missing(features, INPUTS)
    values = [number(features, name) or 0.0 for name in INPUTS]
    call_change, put_change, call_oi, put_oi, minutes = values
    moved = abs(call_change) + abs(put_change)
    if not reason and minutes < MIN_MINUTES:
        reason = f"{minutes:.0f} minutes of rows, {MIN_MINUTES:.0f} needed"
    if not reason and (moved <= 0 or call_oi + put_oi <= 0):
        reason = "open interest did not move"
    if reason:
        return View(NAME, VERSION, "intraday", "direction", None, 0.0, evidence(features, names), reason)
    score = squash((put_change - call_change) / moved)
    confidence = quantise(min(1.0, moved / (call_oi + put_oi) / FULL_CONFIDENCE_SHARE))
    return View(NAME, VERSION, "intraday", "direction", score, confidence, evidence(features, names))
