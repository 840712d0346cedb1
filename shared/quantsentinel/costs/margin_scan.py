"""What one unit of each option adds to margin on each day: SPAN's risk arrays, delta, and the charges of a short leg.

The 16 scenarios are price moves of 0, 1/3, 2/3, 1 price scan range up and down, each with volatility up and down, and
two extreme moves of 2 ranges at 35 % of the loss. How NSE values them was read off its published arrays (fits 284
contracts of three years to 0.3 % of the worst loss): Black-76 on the future, undiscounted, with ONE volatility for all
strikes and expiries, the previous day's EWMA(0.995) of daily returns annualised by sqrt(365); the base value has one
calendar day more than the file's date, the scenarios `lookahead_days` less than the base; a holder's loss stops at the
option's price. So implied vols play no part here.

Arrays: the last axis is the legs, any axes before it are packages; days come before those, scenarios first.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.schedules import ScanRule
from quantsentinel.pricing.special import ndtr

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DAYS_PER_YEAR = 365.0
LONG_DATED_DAYS = 274
"""Nine months in calendar days, from where the long-dated rates hold."""

SCENARIOS = 16
THIRDS = np.array([0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0]) / 3.0
"""Price moves in scan ranges, in NSE's order; each is valued with the volatility up, then down."""
DELTA_WEIGHTS = np.array([0.270, 0.217, 0.217, 0.110, 0.110, 0.037, 0.037]) / 0.998
"""SPAN's own, of the moves in `THIRDS`: NSE's composite deltas of 284 contracts of three years are met within 0.009."""
LOWEST_VOL = 1e-4
LOWEST_FORWARD = 1e-4
_NO_TIME = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class MarginLegs:
    """Arrays (..., n_legs). `signed_units`: + held, - short, 0 no leg. `mark` and `forward` in points, the forward of
    each leg's own expiry; `expiry_days`: calendar days from the valuation day to the contract's last day."""

    strike: Floats
    is_call: Bools
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
class LegRisk:
    """Of one unit of each leg, (n_days, ..., n_legs), zero after a leg's expiry day.

    `losses`: what its holder loses, points, (16, n_days, ..., n_legs); `delta` as `composite_delta`; `mark` in points;
    `exposure`, `expiry_day` and `minimum` in rupees of a short unit.
    """

    losses: Floats
    delta: Floats
    mark: Floats
    exposure: Floats
    expiry_day: Floats
    minimum: Floats


def leg_risk(legs: MarginLegs, market: MarginMarket, scan: ScanRule, *, spreads: bool = True) -> LegRisk:
    """Without `spreads` (one expiry: nothing offsets) deltas are zero. Raises `BadInput` for missing or absurd marks,
    forwards or days."""
    check(legs, market)
    elapsed = days_elapsed(market)
    left = legs.expiry_days - elapsed.reshape((-1,) + (1,) * legs.strike.ndim)
    alive = np.asarray(left >= 0, dtype=np.float64)
    price = market.underlying_price
    return LegRisk(
        losses=risk_arrays(legs, market, scan, left) * alive,
        delta=composite_delta(legs, market, scan, left) * alive if spreads else np.zeros_like(alive),
        mark=alive * legs.mark,
        exposure=alive * _exposure_rate(legs, market, scan, left) * price,
        expiry_day=np.where(left == 0, scan.expiry_day.value * price, 0.0),
        minimum=alive * scan.short_option_minimum.value * price,
    )


def days_elapsed(market: MarginMarket) -> Floats:
    """Calendar days from the valuation day to each day."""
    return np.array([(day - market.days[0]).days for day in market.days], dtype=np.float64)


def risk_arrays(legs: MarginLegs, market: MarginMarket, scan: ScanRule, days_left: Floats) -> Floats:
    """What the holder of one unit loses in each scenario, points: (16, *days_left.shape).

    `days_left` (..., n_legs) are calendar days to the last day of each leg's contract.
    """
    vol, vol_scan = market.previous_vol_annual, scan.vol_scan(market.previous_vol_annual)
    base_years = np.maximum(days_left + 1.0, 0.0) / DAYS_PER_YEAR
    years = np.maximum(days_left + 1.0 - scan.lookahead_days.value, 0.0) / DAYS_PER_YEAR
    # Legs first, then scenarios: a price needs one logarithm a move, whatever the day and the volatility.
    move = _moves(days_left, market, scan)
    axes = (1,) * days_left.ndim
    normal = legs.forward + THIRDS.reshape(-1, *axes) * move
    extremes = legs.forward + np.array([1.0, -1.0]).reshape(-1, *axes) * scan.extreme_multiple.value * move
    sigmas = np.maximum(np.array([vol + vol_scan, vol - vol_scan]), LOWEST_VOL).reshape(2, *axes)

    base = _value(legs.forward, legs, vol * np.sqrt(base_years))
    losses = np.empty((SCENARIOS, *days_left.shape))
    losses[:14] = _value(normal[:, None], legs, sigmas * np.sqrt(years)).reshape(14, *days_left.shape)
    losses[14:] = _value(extremes, legs, vol * np.sqrt(years))
    np.subtract(base, losses, out=losses)
    losses[14:] *= scan.extreme_share.value
    return np.minimum(losses, legs.mark, out=losses)


def composite_delta(legs: MarginLegs, market: MarginMarket, scan: ScanRule, days_left: Floats) -> Floats:
    """Units of the underlying that a held unit counts for in calendar spreads, of the shape of `days_left`: Black's
    delta, weighted over the price moves of the scenarios, at the file's volatility and base time."""
    axes = (-1,) + (1,) * days_left.ndim
    years = np.maximum(days_left + 1.0, 0.0) / DAYS_PER_YEAR
    spread = np.maximum(market.previous_vol_annual * np.sqrt(years), _NO_TIME)
    level = np.maximum(legs.forward + THIRDS.reshape(axes) * _moves(days_left, market, scan), LOWEST_FORWARD)
    side = np.where(legs.is_call, 1.0, -1.0)
    deltas = ndtr((side * np.log(level / legs.strike)) * (1.0 / spread) + (0.5 * side) * spread)
    return np.asarray(side * (DELTA_WEIGHTS.reshape(axes) * deltas).sum(axis=0))


def _moves(days_left: Floats, market: MarginMarket, scan: ScanRule) -> Floats:
    """Points of one price scan range, of each leg and day where any is long-dated, else one number for all."""
    fraction = scan.price_scan(market.previous_vol_annual)
    far = days_left > LONG_DATED_DAYS
    if not np.any(far):
        return np.full((1,) * days_left.ndim, fraction * market.previous_close)
    long_dated = max(fraction, scan.price_scan_long_dated.value)
    return np.asarray(np.where(far, long_dated, fraction) * market.previous_close)


def _value(forward: Floats, legs: MarginLegs, deviation: Floats) -> Floats:
    """Undiscounted Black-76, points, as w (F N(w d1) - K N(w d2)) with w = +1 for calls and -1 for puts.

    `pricing.black76.price` keeps relative precision down to 1e-300, which nobody's margin needs; this one is right to
    1e-11 points and takes a quarter of the time. Zero deviation gives the intrinsic value.
    """
    side = np.where(legs.is_call, 1.0, -1.0)
    level = np.maximum(forward, LOWEST_FORWARD)
    spread = np.maximum(deviation, _NO_TIME)
    half = (0.5 * side) * spread
    below = (side * np.log(level / legs.strike)) * (1.0 / spread) - half
    value = below + 2.0 * half
    ndtr(value, out=value)
    value *= side * level
    ndtr(below, out=below)
    below *= side * legs.strike
    value -= below
    return np.maximum(value, 0.0, out=value)


def _exposure_rate(legs: MarginLegs, market: MarginMarket, scan: ScanRule, left: Floats) -> Floats:
    """Fraction of notional for each leg and day: the highest of the rates that apply to it."""
    moneyness = (legs.strike / market.underlying_price - 1.0) * np.where(legs.is_call, 1.0, -1.0)
    deep = np.where(moneyness > scan.deep_otm_distance.value, scan.exposure_deep_otm.value, 0.0)
    long_dated = np.where(left > LONG_DATED_DAYS, scan.exposure_long_dated.value, 0.0)
    return np.asarray(np.maximum(np.maximum(deep, long_dated), scan.exposure.value))


def check(legs: MarginLegs, market: MarginMarket) -> None:
    """Raises `BadInput` for a number without which there is no margin."""
    numbers = (market.previous_close, market.underlying_price, market.previous_vol_annual)
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise BadInput(f"previous close, price and volatility must be positive, not {numbers}", where="margin")
    used = legs.signed_units != 0
    for name in ("strike", "signed_units", "mark", "forward", "expiry_days"):
        if not np.all(np.isfinite(getattr(legs, name)[used])):
            raise BadInput(f"{name} is not a number", where="margin", fix="A leg without a mark has no margin estimate")
    if np.any(legs.mark[used] < 0) or np.any(legs.forward[used] <= 0) or np.any(legs.expiry_days[used] < 0):
        raise BadInput("negative mark, forward or days to expiry", where="margin")
    if np.any(legs.strike[used] <= 0):
        raise BadInput("a strike must be positive", where="margin")
    if not market.days or list(market.days) != sorted(set(market.days)):
        raise BadInput("days must ascend from the valuation day", where="margin", fix="Use margin_days")
