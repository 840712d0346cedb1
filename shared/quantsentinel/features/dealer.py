"""Gamma of the whole open interest, signed by who holds it (`definitions.md` §7), and where its sign turns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.feature import Family, Feature, Inputs, Source, Value
from quantsentinel.features.flow import FLOW_HORIZON
from quantsentinel.frozen import dataclass
from quantsentinel.market.history import ParticipantOi

Floats = NDArray[np.float64]

DEALER = "pro"
"""Proprietary traders stand for the dealers."""
ONE_PERCENT = 0.01
CRORE = 1e7
MOVES = np.linspace(-0.06, 0.06, 49)
"""Log moves of the index at which the gamma is asked for its sign: a step is 0.25 %."""
_EVENING: tuple[Source, ...] = ("snapshot", "participants")

FEATURES = (
    Feature("gross_gamma", "crore rupees of delta per 1 % move"),
    Feature("dealer_gamma_us", "crore rupees of delta per 1 % move"),
    Feature("dealer_gamma_participants", "crore rupees of delta per 1 % move", _EVENING),
    Feature("gamma_flip_us", "points, the nearest level at which the US sign turns"),
    Feature("gamma_flip_participants", "points, the nearest level at which the participants' sign turns", _EVENING),
    Feature("participants_reason", "text", _EVENING),
)


@dataclass(frozen=True, slots=True)
class DealerGamma:
    """Crore rupees of delta that hedgers trade per 1 % move of the index, to the lakh. `participants` None with a
    `reason`. `flip_us`, `flip_participants`: the level nearest the forward at which each total turns its sign, points;
    None where it does not within 6 %."""

    gross: float
    us: float
    participants: float | None
    reason: str
    flip_us: float | None = None
    flip_participants: float | None = None


def dealer_gamma(slices: Sequence[SliceAnalytics], evening: ParticipantOi | None, at: datetime) -> DealerGamma:
    """Under both conventions: the sign of the Pro side's net calls and net puts of the previous evening, and the US one
    (dealers long calls, short puts). The participant file counts only from its availability time on."""
    near = [part for part in slices if part.expiry - at.date() <= FLOW_HORIZON and part.forward is not None]
    gammas = [strike_gamma(part) for part in near]
    call, put = (_crore(sum(float(sides[side].sum()) for sides in gammas)) for side in (0, 1))
    gross, us = round(call + put, 2), round(call - put, 2)
    level = near[0].forward if near else None
    profile = gamma_profile(near)
    flip_us = _flip(level, profile[0] - profile[1])
    reason = _unknown(evening, at)
    if reason or evening is None:
        return DealerGamma(gross, us, None, reason, flip_us)
    calls, puts = dealer_signs(evening)
    signed = calls * profile[0] + puts * profile[1]
    return DealerGamma(gross, us, calls * call + puts * put, "", flip_us, _flip(level, signed))


def _unknown(evening: ParticipantOi | None, at: datetime) -> str:
    if evening is None:
        return "no participant open interest of the previous evening"
    return "participant open interest is not available yet" if evening.available_at > at else ""


def dealer_signs(evening: ParticipantOi) -> tuple[float, float]:
    """(calls, puts): +1 where the Pro side was net long, -1 net short, 0 flat."""
    calls = evening.call_long[DEALER] - evening.call_short[DEALER]
    puts = evening.put_long[DEALER] - evening.put_short[DEALER]
    return float(np.sign(calls)), float(np.sign(puts))


def strike_gamma(part: SliceAnalytics) -> tuple[Floats, Floats]:
    """(calls, puts) of one slice by strike: rupees of delta per 1 % move, 0 where there is no vol."""
    if part.forward is None:
        nothing = np.zeros(len(part.strike))
        return nothing, nothing
    unit = np.nan_to_num(part.gamma) * part.forward**2 * ONE_PERCENT
    return unit * part.call_oi, unit * part.put_oi


def gamma_profile(slices: Sequence[SliceAnalytics]) -> tuple[Floats, Floats]:
    """(calls, puts), each as (len(MOVES),): rupees of delta per 1 % move if the index stood `MOVES` away in logs.

    Every option keeps its vol (sticky strike) and its time. With F the moved forward, D phi(d1) F / (sigma sqrt(T)) per
    unit and 1 % of F: Black-76 gamma times F^2 times 1 %.
    """
    columns: list[Floats] = [np.empty((4, 0))]
    for part in slices:
        known = part.vol > 0
        if part.forward is not None:
            root = part.vol[known] * math.sqrt(part.times.variance_years)
            scale = part.times.discount * part.forward * ONE_PERCENT / math.sqrt(2.0 * math.pi) / root
            moneyness = np.log(part.forward / part.strike[known])
            columns.append(np.stack([root, moneyness, part.call_oi[known] * scale, part.put_oi[known] * scale]))
    root, moneyness, call, put = np.concatenate(columns, axis=1)
    d1 = MOVES[:, None] / root
    d1 += moneyness / root + 0.5 * root
    d1 *= d1
    d1 *= -0.5
    bell = np.exp(d1, out=d1)
    # Matrix products of this size wake BLAS threads.
    calls, puts = (np.einsum("mn,n->m", bell, side) * np.exp(MOVES) for side in (call, put))
    return calls, puts


def _flip(level: float | None, total: Floats) -> float | None:
    """The move at which `total` turns its sign, linear between its points, nearest to none; as a level in points."""
    turns = np.nonzero(total[1:] * total[:-1] < 0)[0]
    if level is None or not turns.size:
        return None
    share = total[turns] / (total[turns] - total[turns + 1])
    moves = MOVES[turns] + share * (MOVES[turns + 1] - MOVES[turns])
    return level * math.exp(float(moves[np.argmin(np.abs(moves))]))


def _crore(rupees: float) -> float:
    return round(float(rupees) / CRORE, 2)


def dealer_values(inputs: Inputs) -> dict[str, Value]:
    analytics = inputs.analytics
    gamma = dealer_gamma(analytics.slices, inputs.history.participants, analytics.received_at)
    return {
        "gross_gamma": gamma.gross,
        "dealer_gamma_us": gamma.us,
        "dealer_gamma_participants": gamma.participants,
        "gamma_flip_us": gamma.flip_us,
        "gamma_flip_participants": gamma.flip_participants,
        "participants_reason": gamma.reason,
    }


FAMILY = Family("dealer", FEATURES, dealer_values)
