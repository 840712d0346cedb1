"""Bids, asks, sizes and last prices around fair values; all arrays are (n_snapshots, n_pairs) unless said otherwise.

Every quote straddles its fair value before and after rounding to the tick. So no quote is crossed, parity holds inside
the spread, and the fair surface being free of arbitrage, no package can be traded for an arbitrage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.pricing import black76
from quantsentinel.simulator.listing import Contracts
from quantsentinel.simulator.surface import SurfacePath

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SLACK: Final = 1e-9
"""Keeps a price that is on the tick there: 7.05 / 0.05 is 140.99999999999997."""
_MIN_YEARS: Final = 1e-9
_DEEP: Final = 0.035
_FLICKER: Final = 0.01
"""Share of illiquid contracts whose quotes appear or vanish at a snapshot."""
_ONE_SIDED: Final = 0.5
"""Share of the contracts without two quotes that still show an ask."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What holds at each snapshot: forward, discount and clock years by expiry, each (n_snapshots, n_expiries)."""

    forward: Floats
    discount: Floats
    clock_years: Floats
    calendar_years: Floats


@dataclass(frozen=True, slots=True)
class Conditions:
    """The day's trading: `stress` widens the spreads and `pace` is minutes of usual turnover of each snapshot, both
    (n_snapshots,); `activity` scales turnover and open interest, `tick` is in points.
    """

    stress: Floats
    pace: Floats
    activity: float
    tick: float


@dataclass(frozen=True, slots=True)
class FairValues:
    """Calls and puts in points; `vol` annual in the variance clock; `forward` by pair."""

    call: Floats
    put: Floats
    vol: Floats
    forward: Floats

    def side(self, is_call: bool) -> Floats:
        return self.call if is_call else self.put


def fair_values(contracts: Contracts, moments: Moments, surface: SurfacePath) -> FairValues:
    """The out-of-the-money side by Black (1976) on the surface, the other by parity, so that parity is exact."""
    slot, strike = contracts.slot, contracts.strike
    forward, discount = moments.forward[:, slot], moments.discount[:, slot]
    years = np.maximum(moments.clock_years, _MIN_YEARS)[:, slot]
    vol = np.sqrt(surface.total_variance(np.log(strike / forward), slot) / years)
    is_call = strike >= forward
    outside = black76.price(forward, strike, years, vol, discount, is_call)
    inside = outside + discount * np.abs(forward - strike)
    return FairValues(np.where(is_call, outside, inside), np.where(is_call, inside, outside), vol, forward)


@dataclass(frozen=True, slots=True)
class Side:
    """The quotes of all calls, or of all puts. 0.0 where absent. Sizes in units."""

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats

    @property
    def is_two_sided(self) -> Bools:
        return np.asarray((self.bid > 0) & (self.ask > 0))


def quote_side(
    contracts: Contracts, fair: FairValues, is_call: bool, conditions: Conditions, random: np.random.Generator
) -> Side:
    """All calls, or all puts, of the day."""
    value, tick = fair.side(is_call), conditions.tick
    width = _spread(contracts, fair, is_call, tick) * conditions.stress[:, None]
    centre = random.uniform(0.2, 0.8, value.shape)
    bid = np.floor((value - centre * width) / tick + _SLACK) * tick
    ask = np.maximum(np.ceil((value + (1 - centre) * width) / tick - _SLACK), 1.0) * tick
    has_bid, has_ask = _presence(contracts, value.shape, random)
    bid = np.where(has_bid & (bid > 0.5 * tick), bid.round(2), 0.0)
    ask = np.where(has_ask, ask.round(2), 0.0)
    size = _sizes(contracts, value, random), _sizes(contracts, value, random)
    return Side(bid, ask, np.where(bid > 0, size[0], 0.0), np.where(ask > 0, size[1], 0.0))


def _spread(contracts: Contracts, fair: FairValues, is_call: bool, tick: float) -> Floats:
    """A tick plus a share of the out-of-the-money price, plus what deep and odd strikes cost in the money."""
    outside = np.minimum(fair.call, fair.put)
    depth = np.maximum((fair.forward - contracts.strike) if is_call else (contracts.strike - fair.forward), 0.0)
    odd = np.where(contracts.round_strike >= 4, 0.0, np.where(contracts.round_strike > 1, 4.0, 9.0))
    deep = 1 / (1 + np.exp(-np.clip((depth / fair.forward - _DEEP) / 0.006, -30, 30)))
    liquidity = contracts.by_pair("spread") * np.where(contracts.round_strike > 1, 1.0, 1.3)
    return np.asarray(0.5 * tick + liquidity * (0.0018 * outside) + 0.003 * depth * (1 + odd * deep), dtype=np.float64)


def _presence(contracts: Contracts, shape: tuple[int, ...], random: np.random.Generator) -> tuple[Bools, Bools]:
    """Whether a contract shows a bid and an ask: mostly settled for the day, flickering now and then."""
    share = contracts.by_pair("two_sided")
    share = np.where(contracts.round_strike >= 4, np.sqrt(share), share)
    luck = random.random(shape[1])
    flicker = (random.random(shape) < _FLICKER) & (share < 1)
    two_sided = (luck < share) ^ flicker
    ask_only = random.random(shape[1]) < _ONE_SIDED
    return np.asarray(two_sided), np.asarray(two_sided | ask_only)


def _sizes(contracts: Contracts, value: Floats, random: np.random.Generator) -> Floats:
    """Lots are log-normal, many where an option costs little, few where its expiry is illiquid."""
    usual = 1 + 6 * contracts.round_strike / contracts.by_pair("spread") * (1 + 150 * np.exp(-value / 1.5))
    lots = np.ceil(usual * np.exp(0.9 * random.standard_normal(value.shape) - 1.0))
    return np.asarray(lots * contracts.lot[contracts.slot], dtype=np.float64)


def last_prices(side: Side, fair_value: Floats, traded: Bools, tick: float, random: np.random.Generator) -> Floats:
    """The last trade, on the tick and inside its quotes of that moment; it stays until the next one, 0.0 before any."""
    inside = side.bid + (side.ask - side.bid) * random.random(fair_value.shape)
    fresh = np.where(side.is_two_sided, inside, fair_value)
    price = np.maximum(np.rint(fresh / tick), 1.0) * tick
    rows = np.arange(len(price))[:, None]
    latest = np.maximum.accumulate(np.where(traded, rows, -1), axis=0)
    return np.where(latest >= 0, np.take_along_axis(price, np.maximum(latest, 0), axis=0).round(2), 0.0)


def vendor_vols(side: Side, fair: FairValues, moments: Moments, slot: NDArray[np.int64]) -> Mapping[str, Floats]:
    """The vol a vendor prints: calendar-clock, in basis points; 0.0 where a side is missing or time has run out."""
    calendar = moments.calendar_years[:, slot]
    ratio = np.divide(moments.clock_years[:, slot], calendar, out=np.zeros_like(calendar), where=calendar > 0)
    return {"vendor_iv": np.where(side.is_two_sided, (fair.vol * np.sqrt(ratio)).round(4), 0.0)}
