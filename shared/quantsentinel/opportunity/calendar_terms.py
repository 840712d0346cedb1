"""Pairs of expiries that a calendar may be made of, and what holds for each pair.

A calendar sells the near expiry and buys the far one at the same strike. It must be closed before the near leg's expiry
day: its declared exit is the square-off time of the session before. Lots of both contracts have to be equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from quantsentinel.errors import RuleGap
from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.features.timeline import SECONDS_PER_YEAR
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.expiry_terms import ExpiryTerms
from quantsentinel.units import quantise


@dataclass(frozen=True, eq=False)
class Pair:
    """`terms` are the near expiry's, with the calendar's time stop; `far` the bought one's.

    Times in years of the variance clock, discounts from the repo rate: `elapsed` is the share of the near variance
    that lies before the exit. The far forward follows the near one S as S / `between` + `carry`: what the index pays
    out between the two expiries is an amount, not a share of the index, so that the loss stays bounded over all S >= 0.
    """

    terms: ExpiryTerms
    far_terms: ExpiryTerms
    elapsed: float
    near_left: float
    """At the exit, to the near settlement."""
    far_left: float
    far_after: float
    """From the near settlement to the far one."""
    discount: float
    """From now to the exit."""
    near_discount: float
    """From the exit to the near settlement."""
    far_discount: float
    between: float
    carry: float
    near_vol: float
    """At least 1: what the sold leg's implied vol is multiplied by where the forecast is above it."""
    far_vol: float
    """At most 1: what the bought leg's implied vol is multiplied by where the forecast is below it."""
    skew_s: float
    """Between the receipts of the two slices."""

    @property
    def near(self) -> SliceAnalytics:
        return self.terms.part

    @property
    def far(self) -> SliceAnalytics:
        return self.far_terms.part

    @property
    def label(self) -> str:
        return f"{self.near.expiry.isoformat()}/{self.far.expiry.isoformat()}"


@dataclass(frozen=True, slots=True)
class _Exit:
    """Of one near expiry: when its calendars close, how much of its variance (years) lies before and after that, and
    the discount to it."""

    at: datetime
    before: float
    after: float
    discount: float


def pairs_of(expiries: Sequence[ExpiryTerms]) -> tuple[Pair, ...]:
    """Every pair near < far whose exit lies on a later session than this one, nearest first."""
    found: list[Pair] = []
    ratios = [_forecast_ratio(terms) for terms in expiries]
    for index, near in enumerate(expiries):
        out = _exit_of(near)
        if out is None:
            continue
        found += [
            _pair(near, far, out, (ratios[index], ratio))
            for far, ratio in zip(expiries[index + 1 :], ratios[index + 1 :], strict=True)
            if far.lot == near.lot
        ]
    return tuple(found)


def _exit_of(near: ExpiryTerms) -> _Exit | None:
    """The square-off time of the last session before the near leg's expiry day; None when that is not ahead."""
    desk, frame, today = near.shared.desk, near.shared.frame, near.shared.analytics.session
    try:
        last = desk.rules.previous_session(near.ending.last_trade.date())
    except RuleGap:
        return None
    if last.day <= today:
        return None
    at = last.close - timedelta(minutes=desk.policy.exits.square_off_minutes_before_close)
    start = near.part.chain.slice.observed_at
    before = frame.clock.variance_years(start, at)
    years = (at - start).total_seconds() / SECONDS_PER_YEAR
    return _Exit(at, before, near.part.times.variance_years - before, math.exp(-frame.repo_rate * years))


def _pair(near: ExpiryTerms, far: ExpiryTerms, out: _Exit, ratios: tuple[float, float]) -> Pair:
    one, two = near.part, far.part
    between = two.times.discount / one.times.discount
    assert one.forward is not None
    assert two.forward is not None
    after = near.shared.frame.clock.variance_years(near.ending.settlement_at, far.ending.settlement_at)
    rows = tuple(dict.fromkeys([*near.rule_rows, *far.rule_rows]))
    received = [part.chain.slice.received_at for part in (one, two)]
    return Pair(
        terms=replace(near, time_stop=out.at, rule_rows=rows),
        far_terms=far,
        elapsed=out.before / one.times.variance_years,
        near_left=out.after,
        far_left=out.after + after,
        far_after=after,
        discount=out.discount,
        near_discount=one.times.discount / out.discount,
        far_discount=two.times.discount / out.discount,
        between=between,
        carry=two.forward - one.forward / between,
        near_vol=max(1.0, math.sqrt(ratios[0])),
        far_vol=min(1.0, math.sqrt(ratios[1])),
        skew_s=abs((received[0] - received[1]).total_seconds()),
    )


def _forecast_ratio(terms: ExpiryTerms) -> float:
    """Forecast over implied total variance to settlement, as the physical density has it; 1 without a forecast."""
    ahead, implied, part = terms.shared.analytics.forecast, terms.part.implied_variance, terms.part
    if ahead is None or implied is None:
        return 1.0
    units = terms.shared.frame.clock.units(part.chain.slice.observed_at, terms.ending.settlement_at)
    return quantise(ahead.variance_over(units) / implied)
