"""Payoff at expiry of a package of options, exactly: it is piecewise linear in the settlement price.

Per unit of the underlying, points. `quantity` is signed (long positive). `net_premium` is what the package cost (debit
positive, credit negative), so profit = payoff - net_premium.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput

Floats = NDArray[np.float64]

_LEVEL = 1e-9  # points: smaller profits are rounding, not a side of a breakeven


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """Options of one expiry, arrays (n_legs,): strike in points, is_call, signed quantity in units per package."""

    strike: Floats
    is_call: NDArray[np.bool_]
    quantity: Floats

    @staticmethod
    def of(strike: ArrayLike, is_call: ArrayLike, quantity: ArrayLike) -> Legs:
        """Raises `BadInput` when there is no leg, the lengths differ or a strike is not positive."""
        k, q = np.asarray(strike, dtype=np.float64), np.asarray(quantity, dtype=np.float64)
        c = np.asarray(is_call, dtype=np.bool_)
        if k.ndim != 1 or not k.size or not k.shape == q.shape == c.shape or not np.all(k > 0):
            raise BadInput("legs need equal lengths, at least one leg and positive strikes", where="Legs.of")
        return Legs(k, c, q)


def payoff_at(spots: ArrayLike, legs: Legs, net_premium: float = 0.0) -> Floats:
    """Profit at each settlement price, same shape as `spots`."""
    s = np.asarray(spots, dtype=np.float64)[..., None]
    sign = np.where(legs.is_call, 1.0, -1.0)
    return np.asarray(np.maximum(sign * (s - legs.strike), 0.0) @ legs.quantity - net_premium)


def slope_at_infinity(legs: Legs) -> float:
    """Profit per point above the highest strike: the net number of calls."""
    return float(np.sum(legs.quantity[legs.is_call]))


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
    points = np.append(kinks, 2.0 * kinks[-1])
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
