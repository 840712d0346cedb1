"""Greeks of books at their last marks: Black-76 on each leg's own forward, vol and time.

In rupees or units of the index for all lots: delta in index units (P&L in rupees for one index point), gamma in index
units a point, vega in rupees for one vol point (0.01), theta in rupees a calendar day, held in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Position
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import ValuedLegs, held_legs
from quantsentinel.pricing import black76
from quantsentinel.units import quantise

Floats = NDArray[np.float64]
VOL_POINT = 0.01


@dataclass(frozen=True, slots=True)
class Greeks:
    delta: float
    gamma: float
    vega: float
    theta: float

    def __add__(self, other: Greeks) -> Greeks:
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        return Greeks(*(quantise(mine + its) for mine, its in pairs))


NOTHING = Greeks(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class BookGreeks:
    """`by_underlying`: index points of different indices do not add. `unknown` names signals whose marks do not say
    what they are worth: sums that leave some out are not the whole book."""

    by_underlying: Mapping[str, Greeks] = field(default_factory=dict)
    vega_by_expiry: Mapping[date, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Units:
    """Of one unit of a package; `vega` for each leg, theirs are the expiries."""

    total: Greeks
    vega: tuple[float, ...]


_UNITS: Memo[_Units] = Memo()


def book_greeks(positions: Sequence[Position], desk: Desk) -> BookGreeks:
    """Sums over positions, of several tenants too."""
    totals: dict[str, Greeks] = {}
    vegas: dict[date, float] = {}
    unknown: list[str] = []
    for position in positions:
        found = _of_unit(position, desk)
        if found is None:
            unknown.append(position.signal_id)
            continue
        name = position.package.underlying
        totals[name] = totals.get(name, NOTHING) + _scaled(found.total, position.units)
        for leg, vega in zip(position.package.legs, found.vega, strict=True):
            expiry = leg.instrument.expiry
            vegas[expiry] = quantise(vegas.get(expiry, 0.0) + vega * position.units)
    return BookGreeks(dict(sorted(totals.items())), dict(sorted(vegas.items())), tuple(sorted(unknown)))


def _of_unit(position: Position, desk: Desk) -> _Units | None:
    mark, legs = position.mark, held_legs(position, desk).legs
    if mark is None or legs is None:
        return None
    key = (desk.digest, position.opportunity_id, mark.at, mark.legs, mark.forward)
    return _UNITS.get(key, lambda: _worked_out(legs, _days(position, mark.at, desk)))


def _days(position: Position, at: datetime, desk: Desk) -> Floats:
    """Calendar days from `at` to each leg's settlement observation, at least a second."""
    ends = [desk.rules.settlement(leg.instrument.underlying, leg.instrument.expiry) for leg in position.package.legs]
    return np.array([max((end.observed_at - at).total_seconds(), 1.0) / 86_400.0 for end in ends])


def _worked_out(legs: ValuedLegs, days: Floats) -> _Units:
    """A leg without vol or time left is worth its intrinsic value: delta 1 or 0, nothing else. Theta is per year of the
    variance clock: its mean a calendar day is that times the years left over the days left."""
    found = black76.greeks(legs.forward, legs.strike, legs.years, legs.vol, legs.discount, legs.is_call)
    beyond = np.where(legs.is_call, legs.forward > legs.strike, legs.forward < legs.strike)
    still = np.where(beyond, np.where(legs.is_call, 1.0, -1.0), 0.0) * legs.discount
    delta = np.where(np.isfinite(found.delta), found.delta, still)
    gamma, vega, theta = (np.nan_to_num(part, nan=0.0) for part in (found.gamma, found.vega, found.theta_per_year))
    one = legs.signed * vega * VOL_POINT
    total = Greeks(
        delta=float(legs.signed @ delta),
        gamma=float(legs.signed @ gamma),
        vega=float(np.sum(one)),
        theta=float(legs.signed @ (theta * legs.years / days)),
    )
    return _Units(total, tuple(one.tolist()))


def _scaled(greeks: Greeks, units: int) -> Greeks:
    return Greeks(*(quantise(getattr(greeks, name) * units) for name in Greeks.__slots__))
