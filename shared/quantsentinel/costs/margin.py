"""Margin estimate after NSE Clearing's SPAN, `definitions.md` §6. An estimate: the broker's figure decides.

On each day to the exit, in rupees:

    max(worst of 16 scenarios + calendar spread charge, short option minimum) - net option value      (at least 0)
    + exposure per short leg on the underlying's notional, not netted + expiry-day margin on legs that expire that day

The 16 scenarios are price moves of 0, 1/3, 2/3, 1 price scan range up and down, each with volatility up and down, and
two extreme moves of 2 ranges at 35 % of the loss. How NSE values them was read off its published arrays (fits 284
contracts of three years to 0.3 % of the worst loss): Black-76 on the future, undiscounted, with ONE volatility for all
strikes and expiries, the previous day's EWMA(0.995) of daily returns annualised by sqrt(365); the base value has one
calendar day more than the file's date, the scenarios `lookahead_days` less than the base; a holder's loss stops at the
option's price. So implied vols play no part here.

Arrays: the last axis is the legs, any axes before it are packages, so a batch of packages takes one call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.schedules import ScanRule
from quantsentinel.pricing import black76

Floats = NDArray[np.float64]
DAYS_PER_YEAR = 365.0
LONG_DATED_DAYS = 274
"""Nine months in calendar days, from where the long-dated rates hold."""

PRICE_STEPS = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3]) / 3.0
VOL_STEPS = np.array([1.0, -1.0] * 7)
LOWEST_VOL = 1e-4
FEWEST_CLOSES = 23


@dataclass(frozen=True, slots=True, eq=False)
class MarginLegs:
    """Arrays (..., n_legs). `signed_units`: + held, - short, 0 no leg. `mark` and `forward` in points, the forward of
    each leg's own expiry; `expiry_days`: calendar days from the valuation day to the contract's last day."""

    strike: Floats
    is_call: NDArray[np.bool_]
    signed_units: Floats
    mark: Floats
    forward: Floats
    expiry_days: Floats


@dataclass(frozen=True, slots=True)
class MarginMarket:
    """`previous_close` of the spot (scan range), `underlying_price` now (notional), NSE's volatility of the day before
    (`span_volatility`), and the days to judge: the valuation day first, then later sessions up to the exit."""

    previous_close: float
    underlying_price: float
    previous_vol_annual: float
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MarginGrid:
    """A batch: arrays (...,) in rupees, of the day whose total is largest; `by_day` is (n_days, ...).

    `now` is the first day's total, `expiry_day` that of the nearest expiry (of the last day asked, when it is earlier).
    `premium_outlay` is what bought premium exceeds sold premium by: paid in cash, not part of `total`.
    """

    total: Floats
    span: Floats
    exposure: Floats
    expiry_day_elm: Floats
    net_option_value: Floats
    premium_outlay: Floats
    now: Floats
    expiry_day: Floats
    by_day: Floats


@dataclass(frozen=True, slots=True)
class MarginEstimate:
    """One package, in rupees; fields as in `MarginGrid`."""

    total: float
    span: float
    exposure: float
    expiry_day_elm: float
    net_option_value: float
    premium_outlay: float
    now: float
    expiry_day: float
    by_day: tuple[tuple[date, float], ...]
    rows_used: tuple[str, ...]
    label: str = "estimate"


def margin(legs: MarginLegs, market: MarginMarket, scan: ScanRule) -> MarginEstimate:
    """The estimate of one package (arrays (n_legs,)). Raises `BadInput` as `margin_batch` does."""
    if legs.strike.ndim != 1:
        raise BadInput(f"legs of shape {legs.strike.shape}", where="margin", fix="Use margin_batch for many packages")
    grid = margin_batch(legs, market, scan)
    return MarginEstimate(
        total=float(grid.total),
        span=float(grid.span),
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
    _check(legs, market)
    elapsed = np.array([(day - market.days[0]).days for day in market.days], dtype=np.float64)
    left = legs.expiry_days - elapsed.reshape((-1,) + (1,) * legs.strike.ndim)  # (n_days, ..., n_legs)
    alive = np.where(left >= 0, legs.signed_units, 0.0)
    shorts = np.maximum(-alive, 0.0)
    value = np.sum(alive * legs.mark, axis=-1)
    span = _span(legs, market, scan, left, alive)
    minimum = np.sum(shorts, axis=-1) * scan.short_option_minimum.value * market.underlying_price
    exposure = np.sum(shorts * _exposure_rate(legs, market, scan, left), axis=-1) * market.underlying_price
    elm = np.sum(np.where(left == 0, shorts, 0.0), axis=-1) * scan.expiry_day.value * market.underlying_price
    requirement = np.maximum(np.maximum(span, minimum) - value, 0.0)
    by_day = requirement + exposure + elm
    worst = np.argmax(by_day, axis=0)[None, ...]
    nearest = np.where(legs.signed_units != 0, legs.expiry_days, np.inf).min(axis=-1)
    expiry_index = np.minimum(np.searchsorted(elapsed, nearest), len(elapsed) - 1)[None, ...]

    def on(index: NDArray[np.intp], values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(values, index, axis=0)[0])

    return MarginGrid(
        total=on(worst, by_day),
        span=on(worst, np.maximum(span, minimum)),
        exposure=on(worst, exposure),
        expiry_day_elm=on(worst, elm),
        net_option_value=on(worst, value),
        premium_outlay=np.maximum(np.sum(legs.signed_units * legs.mark, axis=-1), 0.0),
        now=by_day[0],
        expiry_day=on(expiry_index, by_day),
        by_day=by_day,
    )


def _check(legs: MarginLegs, market: MarginMarket) -> None:
    numbers = (market.previous_close, market.underlying_price, market.previous_vol_annual)
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise BadInput(f"previous close, price and volatility must be positive, not {numbers}", where="margin")
    used = legs.signed_units != 0
    for name in ("strike", "signed_units", "mark", "forward", "expiry_days"):
        if not np.all(np.isfinite(getattr(legs, name)[used])):
            raise BadInput(f"{name} is not a number", where="margin", fix="A leg without a mark has no margin estimate")
    if np.any(legs.mark[used] < 0) or np.any(legs.forward[used] <= 0) or np.any(legs.expiry_days[used] < 0):
        raise BadInput("negative mark, forward or days to expiry", where="margin")
    if not market.days or list(market.days) != sorted(set(market.days)):
        raise BadInput("days must ascend from the valuation day", where="margin", fix="Use margin_days")


def risk_arrays(legs: MarginLegs, market: MarginMarket, scan: ScanRule, days_left: Floats) -> Floats:
    """What the holder of one unit loses in each scenario, points: (16, *days_left.shape).

    `days_left` (..., n_legs) are calendar days to the last day of each leg's contract.
    """
    vol, vol_scan = market.previous_vol_annual, scan.vol_scan(market.previous_vol_annual)
    fraction = scan.price_scan(vol)
    long_dated = max(fraction, scan.price_scan_long_dated.value)
    move = np.where(days_left > LONG_DATED_DAYS, long_dated, fraction) * market.previous_close
    base_years = np.maximum(days_left + 1.0, 0.0) / DAYS_PER_YEAR
    years = np.maximum(days_left + 1.0 - scan.lookahead_days.value, 0.0) / DAYS_PER_YEAR

    def value(shift: Floats, sigma: Floats | float, time: Floats) -> Floats:
        forward = np.maximum(legs.forward + shift, LOWEST_VOL)
        return black76.price(forward, legs.strike, time, sigma, 1.0, legs.is_call)

    def steps(values: Floats) -> Floats:
        return values.reshape((-1,) + (1,) * days_left.ndim)

    base = value(np.zeros(1), vol, base_years)
    sigmas = np.maximum(vol + steps(VOL_STEPS) * vol_scan, LOWEST_VOL)
    extreme = steps(np.array([1.0, -1.0]) * scan.extreme_multiple.value)
    normal_loss = base - value(steps(PRICE_STEPS) * move, sigmas, years)
    extreme_loss = (base - value(extreme * move, vol, years)) * scan.extreme_share.value
    return np.asarray(np.minimum(np.concatenate([normal_loss, extreme_loss]), legs.mark), dtype=np.float64)


def _span(legs: MarginLegs, market: MarginMarket, scan: ScanRule, left: Floats, alive: Floats) -> Floats:
    """Worst scenario plus calendar spread charge, (n_days, ...); expiries apart on the near one's last day."""
    losses = risk_arrays(legs, market, scan, left) * alive
    together = losses.sum(axis=-1).max(axis=0)
    expiries = np.unique(legs.expiry_days[legs.signed_units != 0])
    if len(expiries) < 2:
        return np.asarray(together)
    masks = [legs.expiry_days == days for days in expiries]
    apart = sum((np.sum(losses * mask, axis=-1).max(axis=0) for mask in masks), np.zeros(together.shape))
    deltas = np.stack([np.sum(_delta_units(losses, market, scan) * mask, axis=-1) for mask in masks])
    spreads = np.minimum(np.maximum(deltas, 0.0).sum(axis=0), np.maximum(-deltas, 0.0).sum(axis=0))
    far = np.where(legs.signed_units != 0, legs.forward, 0.0).max(axis=-1)
    charged = together + scan.calendar_spread.value * far * spreads
    if scan.calendar_offset_on_expiry_day.value:
        return np.asarray(charged)
    expires_today = np.any((left == 0) & (alive != 0), axis=-1)
    return np.asarray(np.where(expires_today, np.maximum(apart, together), charged))


def _delta_units(losses: Floats, market: MarginMarket, scan: ScanRule) -> Floats:
    """Delta of each leg's position in units of the underlying, from the moves of a third of the range."""
    third = scan.price_scan(market.previous_vol_annual) * market.previous_close / 3.0
    return np.asarray((losses[4:6].mean(axis=0) - losses[2:4].mean(axis=0)) / (2.0 * third))


def _exposure_rate(legs: MarginLegs, market: MarginMarket, scan: ScanRule, left: Floats) -> Floats:
    """Fraction of notional for each leg and day: the highest of the rates that apply to it."""
    moneyness = (legs.strike / market.underlying_price - 1.0) * np.where(legs.is_call, 1.0, -1.0)
    deep = np.where(moneyness > scan.deep_otm_distance.value, scan.exposure_deep_otm.value, 0.0)
    long_dated = np.where(left > LONG_DATED_DAYS, scan.exposure_long_dated.value, 0.0)
    return np.asarray(np.maximum(np.maximum(deep, long_dated), scan.exposure.value))


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
