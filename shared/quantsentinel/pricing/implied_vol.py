"""Implied volatility of a whole chain at once: Bachelier's as the first guess, then third-order Newton (Halley) on the
logarithm of the normalised price, nearly always one step.

With x = -|ln(F/K)|, s = sigma sqrt(T), h = x/s, t = s/2 and the scaled complementary error function erfcx, the
out-of-the-money price over D sqrt(FK) is

    b(x, s) = 1/2 exp(-(h^2 + t^2)/2) [erfcx(-(h + t)/sqrt2) - erfcx(-(h - t)/sqrt2)],   0 < b < exp(x/2),

which keeps its relative precision far out of the money. Above half of the upper bound the logarithm of the distance to
that bound is solved instead. References: Jaeckel, P. (2015), Let's be rational (normalisation and derivatives); Hagan,
P. et al. (2002), Managing smile risk, appendix A (Bachelier's volatility from Black's).

A price tells its volatility as finely as its own float64 rounding: half a unit in the last place, over vega. Out of
the money that is 1e-14 of the volatility from 3 to 18 deviations; in the money the intrinsic value drowns it, so there
an answer less certain than `INFORMATION` is refused. Quoted in-the-money options carry no volatility information at
all (their spread is wider than their time value): invert the out-of-the-money side and copy by parity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.pricing.special import erfcx

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]
Texts = NDArray[np.str_]
Objective = Callable[[Floats, Floats, Floats], tuple[Floats, Floats, Floats]]

INFORMATION = 1e-8
"""Annual vol: a price whose rounding moves the volatility by more holds none. A hundredth of the step to which every
vol is quantised."""
_SQRT_HALF = 0.7071067811865476
_SQRT_2PI = 2.5066282746310002
_MIN_DEVIATION, _MAX_DEVIATION = 1e-9, 40.0
_MAX_STEPS = 60
_CONVERGED = 1e-5  # relative step; the error after it is a quarter of its third power
_LEAST_PRICE = 1e-250  # less is rounding: its logarithm is beyond float64
_EPS = float(np.finfo(np.float64).eps)

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "": "there is an implied volatility",
        "not_a_number": "an argument is not finite, or forward, strike or discount is not positive",
        "no_time": "no time is left: years is zero or negative",
        "zero_price": "the price is zero, negative or below 1e-250: nothing is paid for volatility",
        "below_intrinsic": "the price is at or below the discounted intrinsic value",
        "above_bound": "the price is at or above its upper bound: the discounted forward of a call, strike of a put",
        "no_information": "vega is below the price's own rounding: invert the out-of-the-money side of the strike",
    }
)
"""What each reason means, in the order in which they are asked: the first that holds is the answer."""
REASONS = tuple(MESSAGES)
_NO_INFORMATION = REASONS.index("no_information")


def implied_vol(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Annual volatility (fraction) in the clock of `years`, of the arguments' broadcast shape; NaN where none.

    `price` in discounted points as paid, `forward` and `strike` in points, `discount` the factor to payment, `is_call`
    boolean. Error below 1e-11, or what the price's own rounding leaves open (see the module). Never raises on numbers;
    ask `why` about each NaN.
    """
    return inverted(price, forward, strike, years, discount, is_call)[0]


def why(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> Texts:
    """The reason of each NaN of `implied_vol` (a key of `MESSAGES`), empty where there is a volatility."""
    return np.array(REASONS)[inverted(price, forward, strike, years, discount, is_call)[1]]


def inverted(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, discount: ArrayLike, is_call: ArrayLike
) -> tuple[Floats, Codes]:
    """(`implied_vol`, index into `REASONS` of each element) in one pass."""
    arrays = _arrays(price, forward, strike, years, discount, is_call)
    codes = _codes(*arrays)
    result = np.full(codes.shape, np.nan)
    solvable = codes == 0
    p, f, k, t, d, c = (array[solvable] for array in arrays)
    scale = d * np.sqrt(f * k)
    x = -np.abs(np.log1p((f - k) / k))  # f - k is exact near the money, where ln(f/k) would lose digits
    beta, root = _time_value(p, f, k, d, c) / scale, np.sqrt(t)
    s = np.empty_like(beta)
    high = beta > 0.5 * np.exp(0.5 * x)
    for chosen, objective in ((~high, _log_price), (high, _log_gap)):
        if chosen.any():
            s[chosen] = _solve(beta[chosen], x[chosen], objective)
    unsure = _rounding(p, beta, x, s, scale) > INFORMATION * root
    result[solvable] = np.where(unsure, np.nan, s / root)
    codes[solvable] = np.where(unsure, _NO_INFORMATION, 0)
    return result, codes


def _rounding(p: Floats, beta: Floats, x: Floats, s: Floats, scale: Floats) -> Floats:
    """How far half a unit in the last place of price and intrinsic value moves s: 0 out of the money, where both are
    the time value itself, unless that is next to its upper bound."""
    matters = (p > beta * scale * (1 + 4 * _EPS)) | (beta > 0.5 * np.exp(0.5 * x))
    h, t = x[matters] / s[matters], 0.5 * s[matters]
    vega = np.exp(-0.5 * (h * h + t * t)) / _SQRT_2PI
    result = np.zeros_like(p)
    with np.errstate(divide="ignore"):
        result[matters] = _EPS * (p / scale)[matters] / vega
    return result


def _arrays(*values: ArrayLike) -> tuple[Floats, Floats, Floats, Floats, Floats, Bools]:
    *numbers, side = values
    given = [*(np.asarray(value, dtype=np.float64) for value in numbers), np.asarray(side, bool)]
    alike = all(array.shape == given[0].shape for array in given)
    p, f, k, t, d, c = given if alike else np.broadcast_arrays(*given)
    return p, f, k, t, d, c


def _time_value(p: Floats, f: Floats, k: Floats, d: Floats, is_call: Bools) -> Floats:
    """The price of the out-of-the-money option at the same strike, by parity."""
    return np.asarray(p - d * np.maximum(np.where(is_call, f - k, k - f), 0.0))


def _codes(p: Floats, f: Floats, k: Floats, t: Floats, d: Floats, is_call: Bools) -> Codes:
    """Index into `REASONS` for each element."""
    finite = np.isfinite(p) & np.isfinite(f) & np.isfinite(k) & np.isfinite(t) & np.isfinite(d)
    finite &= (f > 0) & (k > 0) & (d > 0)
    time_value = np.where(finite, _time_value(p, f, k, d, is_call), np.nan)
    bound = d * np.minimum(f, k)
    # Subtracting the intrinsic value leaves rounding noise of this size: it is not a time value.
    noise = 4 * np.finfo(float).eps * np.abs(p)
    is_itm = np.where(is_call, f > k, k > f)
    tests = (
        ~finite,
        t <= 0,
        p <= _LEAST_PRICE,
        time_value <= np.where(is_itm, noise, 0.0),
        time_value >= bound,
    )
    codes = np.zeros(finite.shape, dtype=np.intp)
    for code in range(len(tests), 0, -1):
        codes[tests[code - 1]] = code
    return codes


def _solve(beta: Floats, x: Floats, objective: Objective) -> Floats:
    """s with b(x, s) = beta, all (n,). Halley steps inside a shrinking bracket; each element stops by itself."""
    solution = _guess(beta, x)
    low, high = np.full_like(beta, _MIN_DEVIATION), np.full_like(beta, _MAX_DEVIATION)
    active = np.arange(beta.size)
    s, target, moneyness = solution.copy(), beta, x
    for _ in range(_MAX_STEPS):
        error, slope, curvature = objective(s, target, moneyness)
        low, high = np.where(error < 0, s, low), np.where(error < 0, high, s)
        newton = error / slope
        step = newton / np.maximum(1 - 0.5 * newton * curvature, 0.5)
        proposal = s - step
        outside = ~((proposal >= low) & (proposal <= high))  # also catches NaN from an underflown price
        proposal = np.where(outside, np.sqrt(low * high), proposal)
        solution[active] = proposal
        going = np.abs(proposal - s) > _CONVERGED * s
        if not going.any():
            break
        active, s, target, moneyness = active[going], proposal[going], target[going], moneyness[going]
        low, high = low[going], high[going]
    return solution


def _log_price(s: Floats, beta: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """g, g' and g''/g' of g(s) = ln b - ln beta, increasing in s."""
    h, t = x / s, 0.5 * s
    hh = h * h
    bell = 0.5 * np.exp(-0.5 * (hh + t * t))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        b = bell * (erfcx(-(h + t) * _SQRT_HALF) - erfcx((t - h) * _SQRT_HALF))
        slope = bell * (2 / _SQRT_2PI) / b
        return np.log(b / beta), slope, hh / s - 0.25 * s - slope


def _log_gap(s: Floats, beta: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """The same of g(s) = ln(B - beta) - ln(B - b), where b nears its bound B = exp(x/2)."""
    h, t = x / s, 0.5 * s
    hh = h * h
    bell = 0.5 * np.exp(-0.5 * (hh + t * t))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = bell * (erfcx((h + t) * _SQRT_HALF) + erfcx((t - h) * _SQRT_HALF))
        slope = bell * (2 / _SQRT_2PI) / gap
        return np.log((np.exp(0.5 * x) - beta) / gap), slope, hh / s - 0.25 * s + slope


def _guess(beta: Floats, x: Floats) -> Floats:
    """From Bachelier's deviation, which is a function of one number, by Hagan's expansion in s.

    With the width y = 2 sinh(|x|/2) Bachelier's price is beta = y [phi(h)/h - N(-h)], h = y / his deviation. His is
    s (y/|x|) / (1 + s^2/24 (1 - x^2/120) + s^4/5760 ...): within 3e-6 of s below s = 0.1, 5e-3 below s = 1.
    """
    away = -x + 1e-300
    width = 2 * np.sinh(0.5 * away)
    flat = (beta + width) / np.interp(np.log1p(width / beta), *_BACHELIER) * (away / width)
    tilt = (1 - x * x / 120) / 24
    square = np.minimum(flat * flat, 4.0)
    square *= (1 + square * (tilt + square / 5760)) ** 2  # the expansion is in Black's s, of which this is an estimate
    guess = flat * (1 + square * (tilt + square / 5760))
    return np.asarray(np.clip(guess, _MIN_DEVIATION, _MAX_DEVIATION))


def _bachelier() -> tuple[Floats, Floats]:
    """Bachelier's inverse as a table: ln(1 + y/beta), and (beta + y) / deviation. Smooth from the money to where prices
    end, some 37 deviations away."""
    h = np.linspace(0.0, 37.0, 8192)
    price = np.exp(-0.5 * h * h) / _SQRT_2PI * (1 - h * np.sqrt(np.pi / 2) * erfcx(h * _SQRT_HALF))  # over deviation
    return np.log1p(h / price), price + h


_BACHELIER = _bachelier()
