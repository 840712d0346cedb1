"""Turnover and open interest through the day: round strikes draw it, calls above the index, puts below."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.simulator.listing import Contracts
from quantsentinel.simulator.quotes import Conditions, FairValues

Floats = NDArray[np.float64]

_FRONT_LOTS_PER_MINUTE: Final = 4_000.0
_FRONT_OPEN_LOTS: Final = 60_000.0
_OPENING_SHARE: Final = (-0.03, 0.04)
"""How much of a snapshot's turnover opens (or, below zero, closes) positions."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Units, whole lots; arrays (n_snapshots, n_pairs). `traded`: whether a trade fell since the snapshot before."""

    volume: Floats
    oi: Floats
    oi_change: Floats
    traded: NDArray[np.bool_]


def simulate_flow(
    contracts: Contracts, fair: FairValues, is_call: bool, conditions: Conditions, random: np.random.Generator
) -> Flow:
    """All calls, or all puts, of the day."""
    lot = contracts.lot[contracts.slot]
    distance = _deviations(contracts, fair) * (1.0 if is_call else -1.0)
    usual = conditions.activity * _FRONT_LOTS_PER_MINUTE * contracts.by_pair("turnover") * contracts.round_strike / 4
    rate = usual * (_profile(distance, 0.4) + 0.03)
    lots = random.poisson(conditions.pace[:, None] * rate).astype(np.float64)
    begin = np.rint(conditions.activity * _opening_interest(contracts, distance[0], random))
    opened = np.rint(lots * random.uniform(*_OPENING_SHARE, lots.shape)).cumsum(axis=0)
    oi = np.maximum(begin + opened, 0.0)
    return Flow(lots.cumsum(axis=0) * lot, oi * lot, (oi - begin) * lot, lots > 0)


def _deviations(contracts: Contracts, fair: FairValues) -> Floats:
    """Log-strike in standard deviations of the day's first snapshot, (n_snapshots, n_pairs)."""
    nearest = np.abs(np.log(contracts.strike / fair.forward[0]))
    scale = np.empty(len(contracts.expiries))
    for slot in range(len(scale)):
        of_slot = contracts.slot == slot
        at_money = np.flatnonzero(of_slot)[nearest[of_slot].argmin()]
        price = max(float(np.minimum(fair.call[0], fair.put[0])[at_money]), 1.0)
        scale[slot] = 2.5 * price / fair.forward[0, at_money]
    return np.asarray(np.log(contracts.strike / fair.forward) / scale[contracts.slot], dtype=np.float64)


def _profile(distance: Floats, centre: float) -> Floats:
    """Business by distance in the out-of-the-money direction: fast decay in the money, fat tail outside."""
    offset = distance - centre
    return np.where(offset < 0, np.exp(-0.5 * (offset / 0.7) ** 2), np.exp(-offset / 1.8))


def _opening_interest(contracts: Contracts, distance: Floats, random: np.random.Generator) -> Floats:
    noise = np.exp(0.35 * random.standard_normal(len(distance)))
    lots = _FRONT_OPEN_LOTS * contracts.by_pair("interest") * contracts.round_strike / 4
    return np.asarray(lots * (_profile(distance, 0.9) + 0.004) * noise, dtype=np.float64)
