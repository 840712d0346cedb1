"""Contracts and packages of contracts."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from quantsentinel.frozen import dataclass

Right = Literal["CE", "PE"]


@dataclass(frozen=True, slots=True, order=True)
class Instrument:
    """One listed European index option; `strike` in index points."""

    underlying: str
    expiry: date
    strike: float
    right: Right

    @property
    def is_call(self) -> bool:
        return self.right == "CE"

    def __str__(self) -> str:
        return f"{self.underlying} {self.expiry:%d-%b-%Y} {self.strike:g} {self.right}"


@dataclass(frozen=True, slots=True)
class Leg:
    """`side` +1 buys, -1 sells; `ratio` contracts of it per package unit (always >= 1)."""

    instrument: Instrument
    side: Literal[1, -1]
    ratio: int = 1

    @property
    def signed(self) -> int:
        return self.side * self.ratio

    @property
    def action(self) -> str:
        return "BUY" if self.side > 0 else "SELL"


class Family(StrEnum):
    """Structure families: one live entry per (tenant, underlying, expiry, family)."""

    IRON_CONDOR = "iron_condor"
    IRON_BUTTERFLY = "iron_butterfly"
    BULL_CALL = "bull_call_spread"
    BEAR_CALL = "bear_call_spread"
    BULL_PUT = "bull_put_spread"
    BEAR_PUT = "bear_put_spread"
    LONG_STRADDLE = "long_straddle"
    LONG_STRANGLE = "long_strangle"
    LONG_CALL = "long_call"
    LONG_PUT = "long_put"
    SHORT_STRADDLE = "short_straddle"
    SHORT_STRANGLE = "short_strangle"
    CALL_CALENDAR = "call_calendar"
    PUT_CALENDAR = "put_calendar"


@dataclass(frozen=True, slots=True)
class Package:
    """Legs of one underlying, priced and traded together, in order of execution (bought legs first). All of one expiry,
    but for a calendar: it sells the near one and buys the far one."""

    family: Family
    legs: tuple[Leg, ...]

    @property
    def underlying(self) -> str:
        return self.legs[0].instrument.underlying

    @property
    def expiry(self) -> date:
        return min(leg.instrument.expiry for leg in self.legs)

    @property
    def far_expiry(self) -> date:
        """The latest: a calendar's bought leg, else `expiry`."""
        return max(leg.instrument.expiry for leg in self.legs)

    @property
    def is_calendar(self) -> bool:
        """Legs of two expiries: it must be closed before the nearer one's last day, nothing of it is settled."""
        return self.far_expiry != self.expiry
