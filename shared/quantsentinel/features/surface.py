"""From a snapshot's usable quotes to forwards, vols, Greeks, fitted slices and implied densities: all slices at once.

Only the out-of-the-money side is inverted (quoted in-the-money options carry no volatility information) and its vol is
copied to the other side by parity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.features.timeline import SliceTimes
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.integrity.iv_outliers import iv_outliers
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.pricing import black76
from quantsentinel.pricing.density import Density, implied_density
from quantsentinel.pricing.forward import ForwardFit
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.pricing.smile import Smile, corrected_smile
from quantsentinel.pricing.svi import SviFit, fit_slices, repaired, total_variance
from quantsentinel.pricing.svi_calendar import TOLERANCE, Floor, VarianceCurve, floor_under, on_floor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_FITTED = 8
MAX_DENSITIES = 4
SPARE_FITS = 2
"""So many more are fitted in the same batch as there is room for: a second batch costs as much as the first."""
MIN_FIT_QUOTES = 10
MIN_FIT_DELTA = 0.005
"""Quotes below half a delta are ticks, not volatility."""
MAX_NEGATIVE_MASS = 0.005
"""A slice whose density is negative by more than this is not used: its butterfly arbitrage lies where it matters."""
MIN_G_BETWEEN_QUOTES = -0.05
"""Durrleman's g between a slice's own quotes: below this the quotes did not make a slice (measured: -30 on a BANKNIFTY
expiry with 15 stale quotes)."""
MIN_REACH_SD = 1.0
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, eq=False)
class Quotes:
    """Per (slice, strike) pair, all slices in one array (n,): what the numerics need."""

    slice_of: NDArray[np.int64]
    strike: Floats
    call_usable: Bools
    put_usable: Bools
    forward: Floats
    variance_years: Floats
    calendar_years: Floats
    discount: Floats


@dataclass(frozen=True, eq=False)
class Vols:
    """(n,) arrays by pair; `vol_error` is half of the spread in vol, the weight of the fit."""

    vol: Floats
    vol_error: Floats
    call_delta: Floats
    put_delta: Floats
    gamma: Floats
    vega: Floats
    theta_call: Floats
    theta_put: Floats


def pair_quotes(snapshot: Snapshot, times: Sequence[SliceTimes], forward: Floats, usable: Bools) -> Quotes:
    """Slice values spread over their pairs; `forward` (n_slices,) is NaN where there is none."""
    counts = np.diff(snapshot.offsets) // 2
    slice_of = np.repeat(np.arange(len(counts)), counts)
    return Quotes(
        slice_of=slice_of,
        strike=snapshot.strike[0::2],
        call_usable=usable[0::2],
        put_usable=usable[1::2],
        forward=forward[slice_of],
        variance_years=np.array([time.variance_years for time in times])[slice_of],
        calendar_years=np.array([time.calendar_years for time in times])[slice_of],
        discount=np.array([time.discount for time in times])[slice_of],
    )


def vols(snapshot: Snapshot, quotes: Quotes) -> Vols:
    """Implied vols of the out-of-the-money side and Greeks of both sides, one vectorised call each."""
    is_call = quotes.strike >= quotes.forward
    usable = np.where(is_call, quotes.call_usable, quotes.put_usable) & np.isfinite(quotes.forward)
    bid = np.where(is_call, snapshot.columns["bid"][0::2], snapshot.columns["bid"][1::2])
    ask = np.where(is_call, snapshot.columns["ask"][0::2], snapshot.columns["ask"][1::2])
    # A usable row may have one side only: half a bid is no price.
    two_sided = (bid > 0) & (ask > 0)
    alive = np.nonzero(usable & two_sided & (quotes.variance_years > 0))[0]
    vol = np.full(len(bid), np.nan)
    f, k, t, d = (a[alive] for a in (quotes.forward, quotes.strike, quotes.variance_years, quotes.discount))
    vol[alive] = implied_vol(0.5 * (bid + ask)[alive], f, k, t, d, is_call[alive])
    call = black76.greeks(quotes.forward, quotes.strike, quotes.variance_years, vol, quotes.discount, True)
    years = np.where(quotes.calendar_years > 0, quotes.calendar_years, np.nan)
    per_day = quotes.variance_years / years / DAYS_PER_YEAR
    rate = -np.log(quotes.discount) / np.where(quotes.variance_years > 0, quotes.variance_years, np.nan)
    # Parity: C - P = D (F - K), so the put's theta differs by the interest on it.
    theta_put = call.theta_per_year - rate * quotes.discount * (quotes.forward - quotes.strike)
    return Vols(
        vol=vol,
        vol_error=0.5 * (ask - bid) / call.vega,
        call_delta=call.delta,
        put_delta=call.delta - quotes.discount,
        gamma=call.gamma,
        vega=call.vega,
        theta_call=call.theta_per_year * per_day,
        theta_put=theta_put * per_day,
    )


@dataclass(frozen=True, eq=False)
class FitQuotes:
    """The quotes of one expiry worth fitting, (n,) each, ascending by strike: log-moneyness, vol and half of the spread
    in vol (annual), strike. `years` of the variance clock; `outliers` are strikes that a second look left out."""

    k: Floats
    vol: Floats
    half_spread: Floats
    strike: Floats
    years: float
    outliers: tuple[float, ...] = ()

    @worked_out
    def arrays(self) -> tuple[Floats, Floats, Floats]:
        """As `svi.fit_slices` takes them: log-moneyness, total variance, inverse variance of that."""
        error = np.maximum(self.half_spread, 1e-4) * 2.0 * self.vol * self.years
        return self.k, self.vol**2 * self.years, 1.0 / (error * error)

    def residual(self, fit: SviFit) -> Floats:
        """(n,) vol less the fitted one, annual."""
        assert fit.params is not None, "a slice that was fitted"
        return self.vol - np.sqrt(np.maximum(total_variance(self.k, fit.params), 0.0) / self.years)

    def without(self, outlier: Bools) -> FitQuotes:
        """The others."""
        k, vol, half, strike = (column[~outlier] for column in (self.k, self.vol, self.half_spread, self.strike))
        return FitQuotes(k, vol, half, strike, self.years, tuple(self.strike[outlier].tolist()))


def worth_fitting(quotes: Quotes, found: Vols) -> dict[int, FitQuotes]:
    """By the place of its expiry; those with fewer than `MIN_FIT_QUOTES` are left out."""
    otm_delta = np.minimum(np.abs(found.call_delta), np.abs(found.put_delta))
    worth = np.flatnonzero(np.isfinite(found.vol) & (otm_delta >= MIN_FIT_DELTA))
    strike, slices = quotes.strike[worth], quotes.slice_of[worth]
    k, years = np.log(strike / quotes.forward[worth]), quotes.variance_years[worth]
    vol, half = found.vol[worth], found.vol_error[worth]
    places, first = np.unique(slices, return_index=True)
    return {
        place: FitQuotes(k[low:high], vol[low:high], half[low:high], strike[low:high], float(years[low]))
        for place, (low, high) in zip(places.tolist(), pairwise([*first.tolist(), len(worth)]), strict=True)
        if high - low >= MIN_FIT_QUOTES
    }


def _fits(taken: dict[int, FitQuotes], tried: Sequence[int]) -> list[SviFit]:
    """The slices at `tried`; where a quote stands alone off its slice (`integrity.iv_outliers`) it leaves `taken`, and
    that slice is fitted again: unless what is left makes no slice, while with it there is one."""
    fits = fit_slices([taken[index].arrays for index in tried])
    again = _without_outliers({place: taken[tried[place]] for place, fit in enumerate(fits) if fit.is_fitted}, fits)
    for (place, part), fit in zip(again.items(), fit_slices([part.arrays for part in again.values()]), strict=True):
        if not _unclean(fit) or _unclean(fits[place]):
            fits[place], taken[tried[place]] = fit, part
    return fits


def _without_outliers(parts: dict[int, FitQuotes], fits: Sequence[SviFit]) -> dict[int, FitQuotes]:
    """Of those that have any, and enough others; `parts` by their place in `fits`."""
    residuals = [part.residual(fits[place]) for place, part in parts.items()]
    outliers = iv_outliers(residuals, [part.half_spread for part in parts.values()])
    return {
        place: part.without(outlier)
        for (place, part), outlier in zip(parts.items(), outliers, strict=True)
        if outlier.any() and np.count_nonzero(~outlier) >= MIN_FIT_QUOTES
    }


@dataclass(frozen=True, eq=False)
class Curves:
    """What was fitted through one expiry: `fit` the bare slice, `smile` what prices it (the nearest `MAX_DENSITIES`).

    `reason` says why there is no `fit`, or no `smile` although there is a fit: one of `CURVE_REASONS`.
    `calendar_excess`: by how much the expiry before it stood above it between common quotes, as a share of its total
    variance, before it was fitted again on that floor. `outliers`: strikes whose vols stand alone off the slice; they
    are in neither fit nor smile.
    """

    fit: SviFit | None = None
    smile: Smile | None = None
    reason: str = ""
    calendar_excess: float = 0.0
    outliers: tuple[float, ...] = ()


CURVE_REASONS = (
    "no_time",
    "no_forward",
    "far_expiry",
    "too_few_quotes",
    "no_admissible_fit",
    "one_sided_quotes",
    "butterfly_between_quotes",
    "calendar_crossed",
)
"""`far_expiry`: as many nearer ones are fitted, or priced, as there is time for."""


def fit_surface(quotes: Quotes, found: Vols, times: Sequence[SliceTimes], mask: QuoteMask) -> list[Curves]:
    """Curves of each slice: fits of the nearest `MAX_FITTED` that make a slice, smiles of the nearest `MAX_DENSITIES`
    of these. All fits in one batch, each from its own quotes alone."""
    curves = [Curves(reason=_unwanted(forward, time)) for forward, time in zip(mask.forwards, times, strict=True)]
    waiting = [index for index, curve in enumerate(curves) if not curve.reason]
    taken = worth_fitting(quotes, found)
    room = MAX_FITTED
    while waiting and room:
        tried, waiting = waiting[: room + SPARE_FITS], waiting[room + SPARE_FITS :]
        for index in tried:
            curves[index] = Curves(reason="too_few_quotes")
        tried = [index for index in tried if index in taken]
        for index, fit in zip(tried, _fits(taken, tried), strict=True):
            reason = _unclean(fit) if room else "far_expiry"
            curves[index] = Curves(None if reason else fit, None, reason, outliers=taken[index].outliers)
            room -= not reason
    for index in waiting:
        curves[index] = Curves(reason="far_expiry")
    return _priced(curves, taken)


def _unwanted(forward: ForwardFit, time: SliceTimes) -> str:
    """Why an expiry is not fitted at all."""
    if time.reason:
        return "no_time"
    return "" if forward.is_fitted else "no_forward"


def _unclean(fit: SviFit) -> str:
    """Quotes must reach `MIN_REACH_SD` on both sides (else one wing is a guess), and make a slice between them."""
    if fit.params is None:
        return fit.reason or "no_admissible_fit"
    reach = MIN_REACH_SD * float(np.sqrt(np.maximum(total_variance(0.0, fit.params), 0.0)))
    if not (fit.k_low <= -reach and fit.k_high >= reach):
        return "one_sided_quotes"
    return "" if fit.g_min_quoted >= MIN_G_BETWEEN_QUOTES else "butterfly_between_quotes"


def _priced(curves: list[Curves], taken: dict[int, FitQuotes]) -> list[Curves]:
    """What prices each fitted expiry: the slice, of the nearest ones made free of butterfly arbitrage where it is
    flagged, each on the floor of the expiry before it, and of the nearest ones brought back to its quotes. Bare SVI
    misses weekly smiles in a wave of up to 0.3 vol points (`pricing.smile`)."""
    fitted = [(index, curve.fit) for index, curve in enumerate(curves) if curve.fit is not None]
    free = repaired([fit for _, fit in fitted[:MAX_DENSITIES]], [taken[at].arrays for at, _ in fitted[:MAX_DENSITIES]])
    before: tuple[SviFit, VarianceCurve] | None = None
    for place, (index, bare) in enumerate(fitted):
        near = place < MAX_DENSITIES
        sound = free[place] if near else bare
        floor = floor_under(sound, *before) if before is not None else None
        crossing = left = _excess(floor, sound)
        if floor is not None and crossing:
            sound = on_floor(sound, taken[index].arrays, floor)
            left = _excess(floor, sound)
        if sound.params is None or left:
            curves[index] = Curves(bare, None, "calendar_crossed", crossing, taken[index].outliers)
            continue
        smile = corrected_smile(sound.params, *taken[index].arrays, floor) if near else None
        reason = "" if near else "far_expiry"
        curves[index] = Curves(bare if near else sound, smile, reason, crossing, taken[index].outliers)
        before = sound, smile or partial(total_variance, params=sound.params)
    return curves


def _excess(floor: Floor | None, fit: SviFit) -> float:
    """By how much the earlier expiry is above the fit, as a share of its total variance; 0 within rounding."""
    if floor is None or fit.params is None:
        return 0.0
    excess = floor.excess(partial(total_variance, params=fit.params))
    return excess if excess > TOLERANCE else 0.0


def density_of(smile: Smile | None, forward: float | None) -> Density | None:
    """The implied density of a smile; None where it cannot carry one (see `MAX_NEGATIVE_MASS`)."""
    if smile is None or forward is None:
        return None
    try:
        density = implied_density(forward, smile)
    except BadInput:
        return None  # the variance is not positive far out: no density, and the expiry makes no candidates
    return density if density.negative_mass <= MAX_NEGATIVE_MASS else None
