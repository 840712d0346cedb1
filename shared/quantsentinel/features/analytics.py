"""What the market pass knows about the chains after its numerics: one value that marks, reports and prices.

Arrays of a slice have one entry a strike, ascending. `vol` is the out-of-the-money side's implied vol, annual in the
variance clock; a call and a put of one strike share it by parity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.surface import Curves
from quantsentinel.features.timeline import SliceTimes
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.integrity.vendor_gap import VendorGap
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.snapshot import Chain
from quantsentinel.pricing import black76, implied_vol
from quantsentinel.pricing.density import Density
from quantsentinel.pricing.smile import Smile
from quantsentinel.pricing.svi import SviFit, total_variance
from quantsentinel.pricing.tails import TailBounds, tail_bounds
from quantsentinel.units import quantise, quantise_price
from quantsentinel.volatility.forecast import Forecast
from quantsentinel.volatility.parameters import Parameters, served
from quantsentinel.volatility.realised import RealisedVariance

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
BODY_SD = 5.0
"""A lognormal holds 99.998 % of its variance within five standard deviations."""
TAIL_SD = 1.5
MIN_VOL = 0.005
"""A shifted vol never falls below half a vol point."""


@dataclass(frozen=True, slots=True)
class LegPrice:
    """One leg as the snapshot shows it; prices in points, quantised to the tick; `iv` annual in the variance clock."""

    bid: float
    ask: float
    mid: float
    iv: float | None
    delta: float
    bid_size: float = 0.0
    """Units displayed at the bid; 0 when unknown, which makes depth impact infinite."""
    ask_size: float = 0.0


@dataclass(frozen=True, slots=True)
class Moments:
    """Of ln(S/F) inside a reach: `variance` is the fair one of a variance swap, -2 E[ln(S/F) - (S/F - 1)], the others
    are the usual standardised moments. `left`, `right`: probability beyond 1.5 standard deviations on either side."""

    variance: float
    skewness: float
    kurtosis: float
    left: float
    right: float


@lru_cache(maxsize=16)
def moments(density: Density, reach: float) -> Moments:
    """Within +-`reach` of log-strike. What lies beyond is the extrapolated wing of the fit, not quotes: on 2025-08-29
    it made 17-45 % of the whole density's variance, while no history of daily returns could ever show it."""
    x = density.log_strike
    within = slice(int(x.searchsorted(-reach)), int(x.searchsorted(reach, side="right")))
    x, mass = x[within], density.mass[within]
    share = mass / mass.sum()
    mean = float(share @ x)
    offset = x - mean
    square = offset * offset
    spread = float(share @ square)
    cdf = share.cumsum()
    edge = TAIL_SD * math.sqrt(spread)
    return Moments(
        variance=float(2.0 * mass @ (np.expm1(x) - x)),
        skewness=float(share @ (square * offset)) / spread**1.5,
        kurtosis=float(share @ (square * square)) / spread**2,
        left=float(np.interp(mean - edge, x, cdf)),
        right=float(1.0 - np.interp(mean + edge, x, cdf)),
    )


@dataclass(frozen=True, eq=False)
class SliceAnalytics:
    """One expiry. `reason` says why there is no forward or vol (`settlement_window`, `stale_slice`, `too_few_pairs`).

    `usable_call` and `usable_put` mark two-sided quotes that no guard masked. Greeks are per unit of the option: delta
    per index point of the forward, gamma per point squared, vega per 1.00 of vol, theta per calendar day (the mean
    over nights, weekends and sessions to settlement). NaN where there is no vol. `svi` is the bare fit, for diagnosis;
    `smile` is what the density and marks are priced from, where the expiry is near enough to be traded.
    """

    chain: Chain
    times: SliceTimes
    usable_call: Bools
    usable_put: Bools
    forward: float | None
    forward_stderr: float | None
    vol: Floats
    call_delta: Floats
    put_delta: Floats
    gamma: Floats
    vega: Floats
    theta_call: Floats
    theta_put: Floats
    svi: SviFit | None
    atm_vol: float | None
    density: Density | None
    physical: Density | None
    reason: str
    smile: Smile | None = None
    curves: Curves = field(default_factory=Curves)

    @property
    def expiry(self) -> date:
        return self.chain.expiry

    @property
    def strike(self) -> Floats:
        return self.chain.strike

    @property
    def call_oi(self) -> Floats:
        return self.chain.call["oi"]

    @property
    def put_oi(self) -> Floats:
        return self.chain.put["oi"]

    @property
    def implied_variance(self) -> float | None:
        """Total variance to settlement that a forecast is compared with; see `Moments.variance`."""
        return None if self.moments is None else self.moments.variance

    @property
    def flags(self) -> tuple[str, ...]:
        """What is wrong with the fitted slice or its smile: `butterfly` (arbitrage in the bare slice), `calendar` (it
        stood below the expiry before it and was fitted again), `outliers` (vols left out of it), else the reason for
        which there is no fit or smile."""
        fit = self.curves.fit
        found = {
            "butterfly": fit is not None and fit.is_fitted and not fit.arbitrage_free,
            "calendar": self.curves.calendar_excess > 0,
            "outliers": bool(self.curves.outliers),
            self.curves.reason: self.curves.reason not in ("", "calendar_crossed", "far_expiry"),
        }
        return tuple(name for name, raised in found.items() if raised)

    @worked_out
    def tail_bounds(self) -> TailBounds:
        """Of P(S > strike), from usable two-sided quotes alone."""
        call, put = self.chain.call, self.chain.put
        call_bid, call_ask = (np.where(self.usable_call, call[name], np.nan) for name in ("bid", "ask"))
        put_bid, put_ask = (np.where(self.usable_put, put[name], np.nan) for name in ("bid", "ask"))
        return tail_bounds(self.strike, call_bid, call_ask, put_bid, put_ask, self.times.discount)

    @worked_out
    def moments(self) -> Moments | None:
        """Of the implied density within `BODY_SD` at-the-money standard deviations; None without one."""
        if self.density is None or self.atm_vol is None:
            return None
        return moments(self.density, BODY_SD * self.atm_vol * math.sqrt(self.times.variance_years))

    def vol_at(self, strike: float) -> float | None:
        """From the smile that prices the expiry, so that a mark and the density agree; of a far expiry from the bare
        fit; else linear in strike between the implied vols, flat beyond them."""
        if self.forward is None or self.times.variance_years <= 0:
            return None
        k = math.log(strike / self.forward)
        if self.smile is not None:
            return self._vol(self.smile(k))
        if self.svi is not None and self.svi.params is not None:
            return self._vol(total_variance(k, self.svi.params))
        known = np.isfinite(self.vol)
        return float(np.interp(strike, self.strike[known], self.vol[known])) if known.any() else None

    def _vol(self, total: Floats) -> float:
        return math.sqrt(max(float(total), 0.0) / self.times.variance_years)

    def quoted_vols(self) -> dict[str, Floats]:
        """Out-of-the-money bid, mid and ask vols for a smile: (n,) each, NaN where not quoted or not invertible."""
        nothing = np.full(len(self.strike), np.nan)
        if self.forward is None or self.times.variance_years <= 0:
            return {"bid": nothing, "mid": self.vol, "ask": nothing}
        is_call = self.strike >= self.forward
        usable = np.where(is_call, self.usable_call, self.usable_put)
        sides = {}
        for name in ("bid", "ask"):
            price = np.where(usable, np.where(is_call, self.chain.call[name], self.chain.put[name]), np.nan)
            sides[name] = implied_vol.implied_vol(
                price, self.forward, self.strike, self.times.variance_years, self.times.discount, is_call
            )
        return {"bid": sides["bid"], "mid": self.vol, "ask": sides["ask"]}


@dataclass(frozen=True, eq=False)
class MarketAnalytics:
    """All slices of one snapshot, nearest first, and the forecast to the nearest settlement that has a density (else a
    vol); `forecast_reason` says why there is none. `tick` is the price step of the underlying's options in points;
    `realised` is of the session so far, `sessions` the daily closes that the forecast stands on.
    """

    underlying: str
    session: date
    observed_at: datetime
    received_at: datetime
    tick: float
    slices: tuple[SliceAnalytics, ...]
    forecast: Forecast | None
    forecast_reason: str
    realised: RealisedVariance | None
    sessions: int
    rule_rows: tuple[str, ...]
    masked: Mapping[str, int] = field(default_factory=dict)
    """Quoted rows that each guard took out of use, by the guards' names; a row may count under several."""
    vendor: VendorGap | None = None
    """The source's own vols and Greeks against ours: watched, never used to decide."""
    volatility: Parameters = field(default_factory=served)
    """The desk's, on which clock and forecast stand."""

    @worked_out
    def _by_expiry(self) -> dict[date, SliceAnalytics]:
        return {part.expiry: part for part in self.slices}

    def slice(self, expiry: date) -> SliceAnalytics | None:
        return self._by_expiry.get(expiry)

    @property
    def fitted(self) -> tuple[SliceAnalytics, ...]:
        """Slices with an implied density, nearest first."""
        return tuple(part for part in self.slices if part.density is not None)

    @property
    def trading(self) -> SliceAnalytics | None:
        """The nearest slice with a forward that is not in its settlement window."""
        return next((part for part in self.slices if part.forward is not None and not part.times.reason), None)

    @property
    def nearest(self) -> SliceAnalytics | None:
        """The nearest slice with an at-the-money vol."""
        return next((part for part in self.slices if part.atm_vol is not None), None)

    def model_price(self, instrument: Instrument, vol_shift: float = 0.0, forward_shift: float = 0.0) -> float | None:
        """Black-76 value in points at the slice's vol, for marks of missing quotes; None when the slice has no vol.

        `vol_shift` is absolute (0.05 = 5 vol points), `forward_shift` relative (-0.01 = forward 1 % lower); the vol
        stays with the strike.
        """
        part = self.slice(instrument.expiry)
        if part is None or part.forward is None:
            return None
        vol = part.vol_at(instrument.strike)
        if vol is None:
            return None
        forward = part.forward * (1.0 + forward_shift)
        sigma = max(vol + vol_shift, MIN_VOL)
        return float(
            black76.price(
                forward, instrument.strike, part.times.variance_years, sigma, part.times.discount, instrument.is_call
            )
        )

    def leg_price(self, instrument: Instrument) -> LegPrice | None:
        """The leg's usable two-sided quote with its vol and delta; None when it has no such quote."""
        part = self.slice(instrument.expiry)
        if part is None:
            return None
        at = int(np.searchsorted(part.strike, instrument.strike))
        if at >= len(part.strike) or part.strike[at] != instrument.strike:
            return None
        side = part.chain.call if instrument.is_call else part.chain.put
        if not (part.usable_call if instrument.is_call else part.usable_put)[at]:
            return None
        bid, ask = float(side["bid"][at]), float(side["ask"][at])
        vol, delta = float(part.vol[at]), float((part.call_delta if instrument.is_call else part.put_delta)[at])
        return LegPrice(
            bid=quantise_price(bid, self.tick),
            ask=quantise_price(ask, self.tick),
            mid=quantise_price((bid + ask) / 2, self.tick / 2),
            iv=quantise(vol) if math.isfinite(vol) else None,
            delta=quantise(delta) if math.isfinite(delta) else 0.0,
            bid_size=float(side["bid_size"][at]),
            ask_size=float(side["ask_size"][at]),
        )
