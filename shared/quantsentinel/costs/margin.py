"""Margin estimate after NSE Clearing's SPAN, `definitions.md` §6. An estimate: the broker's figure decides.

On each day to the exit, in rupees:

    max(worst of 16 scenarios + calendar spread charge, short option minimum) - net option value      (at least 0)
    + exposure per short leg on the underlying's notional, not netted + expiry-day margin on legs that expire that day

Legs of different expiries meet in the same scenario and pay the calendar spread charge for the deltas that offset. On
an expiry day the expiring legs stand alone: no offset with the others, and no charge (nseclearing.in: "granted till the
expiry-1day of the near month contract"). What one unit of a leg adds is in `margin_scan`; books of many expiries and
underlyings are in `margin_book`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from quantsentinel.costs.margin_scan import (
    DAYS_PER_YEAR,
    Bools,
    Floats,
    LegRisk,
    MarginLegs,
    MarginMarket,
    days_elapsed,
    leg_risk,
    risk_arrays,
)
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.schedules import ScanRule

__all__ = [
    "DayParts",
    "ExpirySums",
    "MarginEstimate",
    "MarginGrid",
    "MarginLegs",
    "MarginMarket",
    "day_parts",
    "margin",
    "margin_batch",
    "margin_days",
    "risk_arrays",
    "span_volatility",
]

FEWEST_CLOSES = 23


@dataclass(frozen=True, slots=True, eq=False)
class MarginGrid:
    """A batch: arrays (...,) in rupees, of the day whose total is largest; `by_day` is (n_days, ...).

    `now` is the first day's total, `expiry_day` that of the nearest expiry (of the last day asked, when it is earlier).
    `span` holds the calendar charge. `premium_outlay` is what bought premium exceeds sold premium by: paid in cash, not
    part of `total`.
    """

    total: Floats
    span: Floats
    calendar_charge: Floats
    exposure: Floats
    expiry_day_elm: Floats
    net_option_value: Floats
    premium_outlay: Floats
    now: Floats
    expiry_day: Floats
    by_day: Floats


@dataclass(frozen=True, slots=True)
class MarginEstimate:
    """One package or book, in rupees; fields as in `MarginGrid`."""

    total: float
    span: float
    calendar_charge: float
    exposure: float
    expiry_day_elm: float
    net_option_value: float
    premium_outlay: float
    now: float
    expiry_day: float
    by_day: tuple[tuple[date, float], ...]
    rows_used: tuple[str, ...]
    label: str = "estimate"


@dataclass(frozen=True, slots=True, eq=False)
class ExpirySums:
    """Positions summed by expiry, in rupees: `losses` (n_expiries, 16, n_days, ...), `deltas` (n_expiries, n_days, ...)
    in units; `expires` (n_expiries, n_days) on whose last day it is. `far` (...): the farthest contract's points."""

    losses: Floats
    deltas: Floats
    expires: Bools
    far: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DayParts:
    """Arrays (n_days, ...) in rupees. `span` holds the calendar charge and is at least the short option minimum."""

    span: Floats
    calendar_charge: Floats
    net_option_value: Floats
    exposure: Floats
    expiry_day_elm: Floats

    @property
    def total(self) -> Floats:
        requirement = np.maximum(self.span - self.net_option_value, 0.0)
        return np.asarray(requirement + self.exposure + self.expiry_day_elm)


def margin(legs: MarginLegs, market: MarginMarket, scan: ScanRule) -> MarginEstimate:
    """The estimate of one package (arrays (n_legs,)). Raises `BadInput` as `margin_batch` does."""
    if legs.strike.ndim != 1:
        raise BadInput(f"legs of shape {legs.strike.shape}", where="margin", fix="Use margin_batch for many packages")
    grid = margin_batch(legs, market, scan)
    return MarginEstimate(
        total=float(grid.total),
        span=float(grid.span),
        calendar_charge=float(grid.calendar_charge),
        exposure=float(grid.exposure),
        expiry_day_elm=float(grid.expiry_day_elm),
        net_option_value=float(grid.net_option_value),
        premium_outlay=float(grid.premium_outlay),
        now=float(grid.now),
        expiry_day=float(grid.expiry_day),
        by_day=tuple(zip(market.days, grid.by_day.tolist(), strict=True)),
        rows_used=tuple(row.id for row in scan.rows_used),
    )


def margin_batch(legs: MarginLegs, market: MarginMarket, scan: ScanRule) -> MarginGrid:
    """The estimate of every package. Raises `BadInput` for missing or absurd marks, forwards or days."""
    expiries = np.unique(legs.expiry_days[legs.signed_units != 0])
    risk = leg_risk(legs, market, scan, spreads=len(expiries) > 1)
    units, shorts = legs.signed_units, np.maximum(-legs.signed_units, 0.0)
    parts = day_parts(
        _by_expiry(legs, market, expiries, risk),
        value=np.sum(units * risk.mark, axis=-1),
        exposure=np.sum(shorts * risk.exposure, axis=-1),
        expiry_day_elm=np.sum(shorts * risk.expiry_day, axis=-1),
        minimum=np.sum(shorts * risk.minimum, axis=-1),
        scan=scan,
    )
    outlay = np.maximum(np.sum(units * legs.mark, axis=-1), 0.0)
    nearest = np.where(units != 0, legs.expiry_days, np.inf).min(axis=-1)
    return _worst_day(parts, outlay, np.searchsorted(days_elapsed(market), nearest))


def _by_expiry(legs: MarginLegs, market: MarginMarket, expiries: Floats, risk: LegRisk) -> ExpirySums:
    units = legs.signed_units
    losses, deltas = risk.losses * units, risk.delta * units
    one = len(expiries) < 2
    masks = [legs.expiry_days == days for days in expiries]
    return ExpirySums(
        losses=losses.sum(axis=-1)[None] if one else np.stack([np.sum(losses * mask, axis=-1) for mask in masks]),
        deltas=deltas.sum(axis=-1)[None] if one else np.stack([np.sum(deltas * mask, axis=-1) for mask in masks]),
        expires=expiries[:, None] == days_elapsed(market),
        far=np.where(units != 0, legs.forward, 0.0).max(axis=-1),
    )


def day_parts(
    sums: ExpirySums, *, value: Floats, exposure: Floats, expiry_day_elm: Floats, minimum: Floats, scan: ScanRule
) -> DayParts:
    """What each day asks for; all arrays (n_days, ...) in rupees, of one underlying."""
    worst, charge = _scenario_loss(sums, scan)
    return DayParts(
        span=np.maximum(worst + charge, minimum),
        calendar_charge=charge,
        net_option_value=value,
        exposure=exposure,
        expiry_day_elm=expiry_day_elm,
    )


def _scenario_loss(sums: ExpirySums, scan: ScanRule) -> tuple[Floats, Floats]:
    """(worst scenario, calendar spread charge), (n_days, ...)."""
    if len(sums.losses) == 1:
        worst = sums.losses[0].max(axis=0)
        return np.asarray(worst), np.zeros_like(worst)
    alone = sums.expires & (not scan.calendar_offset_on_expiry_day.value)
    alone = alone.reshape(alone.shape + (1,) * (sums.deltas.ndim - 2))
    together = np.where(alone[:, None], 0.0, sums.losses).sum(axis=0).max(axis=0)
    apart = np.where(alone, sums.losses.max(axis=1), 0.0).sum(axis=0)
    deltas = np.where(alone, 0.0, sums.deltas)
    spreads = np.minimum(np.maximum(deltas, 0.0).sum(axis=0), np.maximum(-deltas, 0.0).sum(axis=0))
    return np.asarray(together + apart), np.asarray(scan.calendar_spread.value * sums.far * spreads)


def _worst_day(parts: DayParts, outlay: Floats, expiry_index: NDArray[np.intp]) -> MarginGrid:
    by_day = parts.total
    worst = np.argmax(by_day, axis=0)[None, ...]

    def on(index: NDArray[np.intp], values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(values, index, axis=0)[0])

    return MarginGrid(
        total=on(worst, by_day),
        span=on(worst, parts.span),
        calendar_charge=on(worst, parts.calendar_charge),
        exposure=on(worst, parts.exposure),
        expiry_day_elm=on(worst, parts.expiry_day_elm),
        net_option_value=on(worst, parts.net_option_value),
        premium_outlay=outlay,
        now=by_day[0],
        expiry_day=on(np.minimum(expiry_index, len(by_day) - 1)[None, ...], by_day),
        by_day=by_day,
    )


def span_volatility(closes: Sequence[float], scan: ScanRule) -> float:
    """NSE's annualised volatility after the last of these daily spot closes: EWMA of squared log returns, sqrt(365).

    With 500 closes it is within 2 % of what NSE prints; with fewer, the weights that are there count for the whole.
    Raises `BadInput` with fewer than 23 closes.
    """
    if len(closes) < FEWEST_CLOSES:
        raise BadInput(f"{len(closes)} daily closes, {FEWEST_CLOSES} are needed", where="span_volatility")
    squares = np.diff(np.log(np.asarray(closes, dtype=np.float64))) ** 2
    weights = scan.vol_decay.value ** np.arange(len(squares))[::-1]
    return float(np.sqrt(np.sum(weights * squares) / np.sum(weights) * DAYS_PER_YEAR))


def margin_days(rules: RuleBook, on: date, exit_day: date) -> tuple[date, ...]:
    """The valuation day and every session after it to the exit."""
    later = rules.sessions(on + timedelta(days=1), exit_day) if exit_day > on else ()
    return (on, *(session.day for session in later))
