"""Gamma of the whole open interest, signed by who holds it (`definitions.md` §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.flow import FLOW_HORIZON
from quantsentinel.market.history import ParticipantOi

DEALER = "pro"
"""Proprietary traders stand for the dealers."""
ONE_PERCENT = 0.01
CRORE = 1e7


@dataclass(frozen=True, slots=True)
class DealerGamma:
    """Crore rupees of delta that hedgers trade per 1 % move of the index, to the lakh. `participants` None with a
    `reason`."""

    gross: float
    us: float
    participants: float | None
    reason: str


def dealer_gamma(slices: Sequence[SliceAnalytics], evening: ParticipantOi | None, at: datetime) -> DealerGamma:
    """Under both conventions: the sign of the Pro side's net calls and net puts of the previous evening, and the US one
    (dealers long calls, short puts). The participant file counts only from its availability time on."""
    call, put = _gammas(slices, at)
    gross, us = round(call + put, 2), round(call - put, 2)
    if evening is None:
        return DealerGamma(gross, us, None, "no participant open interest of the previous evening")
    if evening.available_at > at:
        return DealerGamma(gross, us, None, "participant open interest is not available yet")
    call_sign = np.sign(evening.call_long[DEALER] - evening.call_short[DEALER])
    put_sign = np.sign(evening.put_long[DEALER] - evening.put_short[DEALER])
    return DealerGamma(gross, us, float(call_sign * call + put_sign * put), "")


def strike_gamma(part: SliceAnalytics) -> tuple[np.ndarray, np.ndarray]:
    """(calls, puts) of one slice by strike: rupees of delta per 1 % move, 0 where there is no vol."""
    if part.forward is None:
        nothing = np.zeros(len(part.strike))
        return nothing, nothing
    unit = np.nan_to_num(part.gamma) * part.forward**2 * ONE_PERCENT
    return unit * part.call_oi, unit * part.put_oi


def _gammas(slices: Sequence[SliceAnalytics], at: datetime) -> tuple[float, float]:
    near = [strike_gamma(part) for part in slices if part.expiry - at.date() <= FLOW_HORIZON]
    return _crore(sum(call.sum() for call, _ in near)), _crore(sum(put.sum() for _, put in near))


def _crore(rupees: float) -> float:
    return round(float(rupees) / CRORE, 2)
