"""What a package of options and futures is worth over the index level: at expiry exactly, and now by Black-76.

Per unit of the underlying, points. `quantity` is signed (long positive). `net_premium` is what the options cost (debit
positive, credit negative), so profit = payoff - net_premium; a future costs nothing and is worth its level less its
entry price. At expiry the profit is piecewise linear in the settlement price, so bounds and breakevens are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.pricing import black76

Floats = NDArray[np.float64]

_LEVEL = 1e-9  # points: smaller profits are rounding, not a side of a breakeven


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """Options of one settlement, arrays (n_legs,): strike in points, is_call, signed quantity in units per package;
    and futures as one line, `futures` net signed units bought for `futures_cost` (sum of quantity times entry)."""

    strike: Floats
    is_call: NDArray[np.bool_]
    quantity: Floats
    futures: float = 0.0
    futures_cost: float = 0.0

    @staticmethod
    def of(
        strike: ArrayLike,
        is_call: ArrayLike,
        quantity: ArrayLike,
        futures_quantity: ArrayLike = (),
        futures_price: ArrayLike = (),
    ) -> Legs:
        """Raises `BadInput` when there is no leg at all, lengths differ, a number is not finite, or a strike or entry
        price is not positive."""
        k, q, fq, fp = (np.asarray(x, dtype=np.float64) for x in (strike, quantity, futures_quantity, futures_price))
        c = np.asarray(is_call, dtype=np.bool_)
        if k.ndim != 1 or fq.ndim != 1 or not k.shape == q.shape == c.shape or fq.shape != fp.shape:
            raise BadInput("legs need equal lengths", where="Legs.of")
        if not k.size + fq.size or not (np.all(np.isfinite(q)) and np.all(np.isfinite(fq))):
            raise BadInput("a package needs at least one leg, and finite quantities", where="Legs.of")
        if not all(np.all(np.isfinite(x) & (x > 0)) for x in (k, fp)):
            raise BadInput("strikes and entry prices must be positive and finite", where="Legs.of")
        return Legs(k, c, q, float(np.sum(fq)), float(fq @ fp))


@dataclass(frozen=True, slots=True, eq=False)
class LegMarket:
    """What Black-76 needs of each option leg, (n_legs,) or one number for all: years in the clock of `sigma`, annual
    vol (it stays with the strike), discount, and `carry`, the leg's forward as a multiple of the level asked about."""

    years: ArrayLike
    sigma: ArrayLike
    discount: ArrayLike
    carry: ArrayLike = 1.0


@dataclass(frozen=True, slots=True)
class PayoffProfile:
    """At expiry: highest and lowest profit over all S >= 0 (inf and -inf where unbounded), and breakevens, ascending.

    `profit_unbounded`, `loss_unbounded`: profit or loss grows for ever as the price rises.
    """

    best: float
    worst: float
    breakevens: tuple[float, ...]
    profit_unbounded: bool
    loss_unbounded: bool


def payoff_at(spots: ArrayLike, legs: Legs, net_premium: float = 0.0) -> Floats:
    """Profit at each settlement price, same shape as `spots`."""
    s = np.asarray(spots, dtype=np.float64)
    sign = np.where(legs.is_call, 1.0, -1.0)
    options = np.maximum(sign * (s[..., None] - legs.strike), 0.0) @ legs.quantity
    return np.asarray(options + _futures(legs, s) - net_premium)


def value_at(levels: ArrayLike, legs: Legs, market: LegMarket, net_premium: float = 0.0) -> Floats:
    """Profit now (T+0) if the level moved at once to each of `levels`, same shape: options by Black-76, discounted;
    futures marked at the level. Years of zero give a leg its intrinsic value, so a package whose near leg expires is
    valued too. NaN where a leg's vol is."""
    s = np.asarray(levels, dtype=np.float64)
    forward = s[..., None] * np.asarray(market.carry, dtype=np.float64)
    values = black76.price(forward, legs.strike, market.years, market.sigma, market.discount, legs.is_call)
    return np.asarray(values @ legs.quantity + _futures(legs, s) - net_premium)


def _futures(legs: Legs, level: Floats) -> Floats:
    return np.asarray(legs.futures * level - legs.futures_cost)


def slope_at_infinity(legs: Legs) -> float:
    """Profit per point above the highest strike: the net number of calls and futures."""
    return float(np.sum(legs.quantity[legs.is_call])) + legs.futures


def profile(legs: Legs, net_premium: float = 0.0) -> PayoffProfile:
    """Bounds, breakevens and unbounded sides at expiry in one value."""
    best, worst = max_profit_loss(legs, net_premium)
    slope = slope_at_infinity(legs)
    return PayoffProfile(best, worst, breakevens(legs, net_premium), slope > 0, slope < 0)


def max_profit_loss(legs: Legs, net_premium: float = 0.0) -> tuple[float, float]:
    """(highest, lowest) profit over all settlement prices S >= 0; inf or -inf where unbounded."""
    values = payoff_at(_kinks(legs), legs, net_premium)
    slope = slope_at_infinity(legs)
    best = float("inf") if slope > 0 else float(np.max(values))
    worst = float("-inf") if slope < 0 else float(np.min(values))
    return best, worst


def breakevens(legs: Legs, net_premium: float = 0.0) -> tuple[float, ...]:
    """Settlement prices at which the profit changes side, ascending; where it rests on zero, the ends of the rest."""
    kinks = _kinks(legs)
    # One more point on the last ray stands for infinity.
    points = np.append(kinks, 2.0 * kinks[-1] + 1.0)
    profit = payoff_at(points, legs, net_premium)
    profit[np.abs(profit) < _LEVEL] = 0.0
    found = {
        float(points[i]) for i in range(len(kinks)) if profit[i] == 0 and (i == 0 or profit[i - 1] or profit[i + 1])
    }
    for i in range(len(kinks) - 1):
        left, right = profit[i], profit[i + 1]
        if left * right < 0:
            found.add(float(points[i] - left * (points[i + 1] - points[i]) / (right - left)))
    slope, last = slope_at_infinity(legs), profit[len(kinks) - 1]
    if slope * last < 0:
        found.add(float(kinks[-1] - last / slope))
    return tuple(sorted(found))


def _kinks(legs: Legs) -> Floats:
    """Zero and the strikes, ascending, each once."""
    return np.unique(np.append(legs.strike, 0.0))
