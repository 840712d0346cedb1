"""Black (1976): European options on a forward, vectorised.

Every argument broadcasts (NumPy float64). `forward` and `strike` in points, `years` in the clock in which `sigma` is
quoted (the variance clock in this program), `discount` the factor D to payment, `sigma` annual as a fraction, `is_call`
boolean. With d1 = ln(F/K)/(sigma sqrt(T)) + sigma sqrt(T)/2 and d2 = d1 - sigma sqrt(T):

    call = D (F N(d1) - K N(d2)),  put = D (K N(-d2) - F N(-d1))

Reference: Black, F. (1976), The pricing of commodity contracts, J. Financial Economics 3. NaN in gives NaN out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.pricing.special import erfcx, ndtr

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.0
_TINY = 1e-150  # stands for a zero strike and a zero standard deviation: the limits come out right and finite
_WIDE = 8.0
_SQRT_HALF = 0.7071067811865476
_INV_SQRT_2PI = 0.3989422804014327


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Per unit of the option, arrays of one broadcast shape; points unless said otherwise.

    delta: dP/dF, discounted. gamma: d2P/dF2. vega: dP/dsigma per 1.00 of vol. theta_per_year: change of price as one
    year passes at constant forward, sigma and rate, -dP/dT. rho: dP/dr per 1.00 of rate at constant forward, -T P.
    vanna: d2P/(dF dsigma). volga: d2P/dsigma2. charm_per_year: change of delta as one year passes.
    """

    delta: Floats
    gamma: Floats
    vega: Floats
    theta_per_year: Floats
    rho: Floats
    vanna: Floats
    volga: Floats
    charm_per_year: Floats

    @property
    def theta(self) -> Floats:
        """Change of price per calendar day: theta_per_year / 365, an average over nights, weekends and sessions."""
        return self.theta_per_year / DAYS_PER_YEAR

    @property
    def charm(self) -> Floats:
        """Change of delta per calendar day."""
        return self.charm_per_year / DAYS_PER_YEAR


def _d1(forward: Floats, strike: Floats, deviation: Floats) -> Floats:
    return np.asarray(_log_ratio(forward, strike) / deviation + 0.5 * deviation)


def _log_ratio(forward: Floats, strike: Floats) -> Floats:
    """ln(F/K); the difference is exact near the money, where the quotient would lose the digits that matter."""
    return np.asarray(np.log1p((forward - strike) / strike))


def price(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, sigma: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Value in discounted points, of the arguments' broadcast shape. Never raises on numbers; NaN in gives NaN out.

    At zero volatility or time the discounted intrinsic value; strike 0 is a forward. An out-of-the-money price is right
    to 1e-11 of itself down to 1e-300 (so it can be inverted), and call minus put is D (F - K) to rounding.
    """
    f, k = np.asarray(forward, dtype=np.float64), np.maximum(np.asarray(strike, dtype=np.float64), _TINY)
    intrinsic = np.maximum(np.where(is_call, f - k, k - f), 0.0)
    deviation = np.asarray(sigma, dtype=np.float64) * np.sqrt(years)
    return np.asarray(np.asarray(discount, dtype=np.float64) * (intrinsic + _time_value(f, k, deviation)))


def _time_value(f: Floats, k: Floats, deviation: Floats) -> Floats:
    """Undiscounted price of the out-of-the-money side: sqrt(FK) exp(-(h^2 + t^2)/2) (erfcx(-d1') - erfcx(-d2')) / 2
    with h = -|ln(F/K)|/s, t = s/2 and d' = (h +- t)/sqrt(2); N(d1) and N(d2) would cancel."""
    s = np.maximum(deviation, _TINY)
    h, t = -np.abs(_log_ratio(f, k)) / s, 0.5 * s
    bell = 0.5 * np.sqrt(f * k) * np.exp(-0.5 * (h * h + t * t))
    # erfcx grows like exp(x^2) on the left; beyond +8 the price is the bound less what N(d) still tells.
    wide = h + t > _WIDE
    value = bell * (erfcx(-np.minimum(h + t, _WIDE) * _SQRT_HALF) - erfcx((t - h) * _SQRT_HALF))
    if np.any(wide):
        bound, other = np.minimum(f, k), np.maximum(f, k)
        value = np.where(wide, bound * ndtr(h + t) - other * ndtr(h - t), value)
    return np.asarray(np.where(deviation > 0, np.maximum(value, 0.0), np.where(deviation <= 0, 0.0, np.nan)))


def greeks(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, sigma: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Greeks:
    """All Greeks in one pass, arrays of the arguments' broadcast shape; units in `Greeks`. Never raises on numbers.

    The rate behind theta and charm is -ln(D)/T. At zero time or volatility every Greek is NaN: delta and gamma have no
    limit at the money, and an expired option has none anywhere. Deep in the wings they go to zero (to 0 or +-D the
    delta) without overflow; at F = K nothing special happens.
    """
    f, k, t = (np.asarray(value, dtype=np.float64) for value in (forward, strike, years))
    vol = np.asarray(sigma, dtype=np.float64)
    d = np.asarray(discount, dtype=np.float64)
    alive = (t > 0) & (vol > 0)
    t, vol = np.where(alive, t, np.nan), np.where(alive, vol, np.nan)
    sign = np.where(is_call, 1.0, -1.0)
    root = np.sqrt(t)
    deviation = vol * root
    d1 = _d1(f, k, deviation)
    d2 = d1 - deviation
    delta = d * sign * ndtr(sign * d1)
    bell = d * _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
    value = f * delta - d * k * sign * ndtr(sign * d2)
    vega = f * bell * root
    rate = -np.log(d) / t
    return Greeks(
        delta=delta,
        gamma=bell / (f * deviation),
        vega=vega,
        theta_per_year=rate * value - 0.5 * vega * vol / t,
        rho=-t * value,
        vanna=-bell * d2 / vol,
        volga=vega * d1 * d2 / vol,
        charm_per_year=rate * delta + 0.5 * bell * d2 / t,
    )
