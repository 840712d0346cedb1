"""By how much options say that scheduled events will move the index: the jump in variance between two expiries.

In the variance clock an ordinary day adds the same variance before and after. What the expiry after an event holds
beyond the rate of the expiry before it belongs to the event. It also holds any other slope of the term structure, so
it errs upwards; a clock that gives a day more weight (the Budget's) takes its part away, which is why there are
declared moves below which it never counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from quantsentinel.circumstances import EventPolicy
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.market.calendar import IST
from quantsentinel.market.events import ScheduledEvent
from quantsentinel.units import quantise

Pair = tuple[date | None, date | None]


def package_move(analytics: MarketAnalytics, events: Sequence[ScheduledEvent], policy: EventPolicy) -> float | None:
    """The move, as a share of the forward, that a package has to bear over all of `events` together.

    Between two neighbouring expiries: the larger of the declared moves (root of the sum of squares) and `implied_sds`
    deviations of the implied jump; over all of them again the root of the sum of squares. None for an underlying or an
    event without a declared move.
    """
    scale = policy.move_scale.get(analytics.underlying)
    if scale is None or any(event.name not in policy.declared_move for event in events):
        return None
    declared: dict[Pair, float] = {}
    jumps: dict[Pair, float] = {}
    live = [part for part in analytics.slices if part.atm_vol is not None and part.times.variance_years > 0]
    for event in events:
        pair, jump = _jump(live, event)
        declared[pair] = declared.get(pair, 0.0) + (scale * policy.declared_move[event.name]) ** 2
        jumps[pair] = jump
    return quantise(math.sqrt(_total(declared, jumps, policy.implied_sds)))


def _total(declared: Mapping[Pair, float], jumps: Mapping[Pair, float], sds: float) -> float:
    return sum(max(square, sds**2 * jumps[pair]) for pair, square in declared.items())


def _jump(live: Sequence[SliceAnalytics], event: ScheduledEvent) -> tuple[Pair, float]:
    """((expiry before, expiry after), implied variance of what lies between them); zero where an expiry is missing."""
    felt = (event.felt_at or event.at).astimezone(IST).date()
    before = next((part for part in reversed(live) if part.expiry < felt), None)
    after = next((part for part in live if part.expiry >= felt), None)
    if before is None or after is None:
        return (before.expiry if before else None, after.expiry if after else None), 0.0
    assert before.atm_vol is not None
    assert after.atm_vol is not None
    beyond = after.atm_vol**2 - before.atm_vol**2
    return (before.expiry, after.expiry), max(beyond * after.times.variance_years, 0.0)
