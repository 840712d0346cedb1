"""Black (1976): European options on a forward, vectorised.

Every argument broadcasts (NumPy float64). `forward` and `strike` in points, `years` in the clock in which `sigma` is
quoted (the variance clock in this program), `discount` the factor D to payment, `sigma` annual as a fraction, `is_call`
boolean. With d1 = ln(F/K)/(sigma sqrt(T)) + sigma sqrt(T)/2 and d2 = d1 - sigma sqrt(T):

    call = D (F N(d1) - K N(d2)),  put = D (K N(-d2) - F N(-d1))

Reference: Black, F. (1976), The pricing of commodity contracts, J. Financial Economics 3. NaN in gives NaN out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.0
_TINY = 1e-150  # stands for zero standard deviation: the limits of d1 and d2 come out right and finite
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
    return np.asarray(np.log(forward / strike) / deviation + 0.5 * deviation)


def price(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, sigma: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Value in points. At zero volatility or time the discounted intrinsic value; strike 0 is a forward."""
    f, k = np.asarray(forward, dtype=np.float64), np.maximum(np.asarray(strike, dtype=np.float64), _TINY)
    sign = np.where(is_call, 1.0, -1.0)
    deviation = np.maximum(np.asarray(sigma, dtype=np.float64) * np.sqrt(years), _TINY)
    d1 = _d1(f, k, deviation)
    value = sign * (f * ndtr(sign * d1) - k * ndtr(sign * (d1 - deviation)))
    return np.asarray(discount * np.maximum(value, 0.0))


def greeks(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, sigma: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Greeks:
    """All Greeks in one pass; the rate behind theta and charm is -ln(D)/T. NaN where years or sigma is not positive."""
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
