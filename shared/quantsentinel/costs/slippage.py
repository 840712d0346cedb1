"""Depth impact: what an order pays beyond the quoted spread. The spread itself is counted where bid and ask are.

A declared model, to be replaced by measured fills. Two parts for each leg; decisions double both (`conservative`):

- **Depth.** The displayed size fills at the touch. What exceeds it walks a book that repeats the displayed size at
  every further step; a step is the larger of one tick and the half spread. So q units against s displayed pay, a unit
  on average, step * max(q/s - 1, 0) / 2.
- **Legs.** Legs are executed one after another. Each one before it lets the market move half a tick against the next:
  with n legs, tick * (n - 1) / 4 a unit on average.

No displayed size means that the depth is unknown: infinite impact, which no rule passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Mode = Literal["conservative", "plain"]
MULTIPLES: Mapping[Mode, float] = {"conservative": 2.0, "plain": 1.0}
"""`conservative` is what decisions use until fills are measured; `plain` is the model itself, to hold against them."""


def depth_impact(
    signed_units: ArrayLike,
    displayed_units: ArrayLike,
    half_spread: ArrayLike,
    tick: float,
    mode: Mode = "conservative",
) -> Floats:
    """Rupees of impact of each package: arrays (..., n_legs) broadcast, the last axis is summed.

    `displayed_units` is the size on the side that is hit (the ask when buying), `half_spread` and `tick` in points.
    A leg with 0 units costs nothing and does not count as a leg.
    """
    units = np.abs(np.asarray(signed_units, dtype=np.float64))
    shown = np.asarray(displayed_units, dtype=np.float64)
    step = np.maximum(np.asarray(half_spread, dtype=np.float64), tick)
    if not units.shape == shown.shape == step.shape:
        units, shown, step = np.broadcast_arrays(units, shown, step)
    is_leg = units > 0
    known = is_leg & (shown > 0)
    beyond = np.maximum(np.divide(units, shown, out=np.ones_like(units), where=known) - 1.0, 0.0)
    legs = over_legs(is_leg.astype(np.float64))[..., None]
    per_unit = step * beyond / 2.0 + tick * np.maximum(legs - 1, 0) / 4.0
    rupees = np.where(is_leg, np.where(known, MULTIPLES[mode] * per_unit * units, np.inf), 0.0)
    return over_legs(rupees)


def over_legs(values: Floats) -> Floats:
    """Sum over the last axis, first to last: as numpy's own, which is slow along so short an axis."""
    total = values[..., 0].copy()
    for leg in range(1, values.shape[-1]):
        total += values[..., leg]
    return np.asarray(total)
