"""The variance clock: one measure of time for implied vol, forecasts, densities and their ratio (`definitions.md` §3).

One unit is a full session of 375 trading minutes with an average close-to-open gap before it; 252 units are a year. Of
a unit the average gap holds `overnight_share`, gained evenly in calendar time between close and open; the rest is
spread evenly over trading minutes, so a session of another length gains its minutes' share (a one-hour Muhurat session
60/375 of it). A gap over closed days holds more than one between neighbouring days, and a session with the Union Budget
more than others: `GapWeights`, fitted (`gaps.py`) and stored with their intervals (`parameters.toml`). A break inside
one day (special sessions in two parts) gains nothing. Calendar time discounts only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import field
from datetime import date, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.volatility.parameters import GapWeights, served

Floats = NDArray[np.float64]

SESSIONS_PER_YEAR = 252.0
SESSION_MINUTES = 375.0
OVERNIGHT_SHARE = 0.332
"""Of the 2024 NIFTY variance, close to open, over 152 gaps between full sessions (`fit_overnight_share`)."""
_OVERNIGHT_S = 6 * 3600.0  # a shorter break lies inside one day


@dataclass(frozen=True, slots=True)
class VarianceClock:
    """Covers the first open to the last close of `sessions` (aware open and close, ascending, without overlap).

    `weights` None: those that are served. Raises `BadInput` for unordered or naive sessions, an empty list, or a share
    outside [0, 1).
    """

    sessions: Sequence[tuple[datetime, datetime]]
    overnight_share: float = OVERNIGHT_SHARE
    weights: GapWeights | None = None
    _seconds: list[float] = field(init=False, repr=False, compare=False)
    _units: list[float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.sessions or not 0 <= self.overnight_share < 1:
            raise BadInput("the clock needs a session and a share in [0, 1)", where="VarianceClock")
        times = [time for window in self.sessions for time in window]
        if any(time.tzinfo is None for time in times):
            raise BadInput("session times must be timezone-aware", where="VarianceClock")
        seconds = [time.timestamp() for time in times]
        if any(late <= early for early, late in pairwise(seconds)):
            raise BadInput("sessions must ascend without overlap", where="VarianceClock")
        units = [0.0]
        days = [time.astimezone(IST).date() for time in times]
        for index, span in enumerate(zip(pairwise(seconds), pairwise(days), strict=True)):
            units.append(units[-1] + self._weight(*span, trading=index % 2 == 0))
        object.__setattr__(self, "_seconds", seconds)
        object.__setattr__(self, "_units", units)

    @property
    def gap_weights(self) -> GapWeights:
        return self.weights or served().gaps

    def _weight(self, seconds: tuple[float, float], days: tuple[date, date], *, trading: bool) -> float:
        length = seconds[1] - seconds[0]
        if trading:
            busy = self.gap_weights.session(days[0])
            return (1 - self.overnight_share) * busy * length / (60 * SESSION_MINUTES)
        return self.overnight_share * self.gap_weights.gap(*days) if length >= _OVERNIGHT_S else 0.0

    def units(self, start: datetime, end: datetime) -> float:
        """Average sessions between two times; negative when `end` comes first. Raises `BadInput` outside."""
        return self._at(end) - self._at(start)

    def variance_years(self, start: datetime, end: datetime) -> float:
        """`units` / 252: multiplies an annual variance."""
        return self.units(start, end) / SESSIONS_PER_YEAR

    def close_to_close_units(self, days: Sequence[date]) -> Floats:
        """Units from the close of each full session to that of the next, (n - 1,), of n ascending trading days."""
        pairs = list(pairwise(days))
        gap = np.array([self.gap_weights.gap(*pair) for pair in pairs], dtype=np.float64)
        session = np.array([self.gap_weights.session(later) for _, later in pairs], dtype=np.float64)
        return self.overnight_share * gap + (1 - self.overnight_share) * session

    def session_at(self, time: datetime) -> tuple[datetime, datetime] | None:
        """Open and close of the session under way, its last moment included; None between sessions."""
        place = bisect_right(self._seconds, time.timestamp())
        if place % 2 == 0 and place and self._seconds[place - 1] == time.timestamp():
            place -= 1
        return self.sessions[place // 2] if place % 2 else None

    def _at(self, time: datetime) -> float:
        at = time.timestamp()
        if not self._seconds[0] <= at <= self._seconds[-1]:
            raise BadInput(f"{time.isoformat()} is outside the sessions of the variance clock", where="VarianceClock")
        place = min(bisect_right(self._seconds, at), len(self._seconds) - 1)
        low, high = self._seconds[place - 1], self._seconds[place]
        below, above = self._units[place - 1], self._units[place]
        return below + (above - below) * (at - low) / (high - low)


def fit_overnight_share(opens: ArrayLike, closes: ArrayLike, realised: ArrayLike) -> float:
    """Overnight / (overnight + session) variance over consecutive full sessions.

    `opens`, `closes` (points) and `realised` (each session's realised variance of 5-minute log-returns from open to
    close), all (n,). The n - 1 gaps are squared log-returns close to open; the session after each gap counts. Raises
    `BadInput` with fewer than two sessions, unequal lengths or a price that is not positive.
    """
    o, c, r = (np.asarray(value, dtype=np.float64) for value in (opens, closes, realised))
    if not o.shape == c.shape == r.shape or o.size < 2 or not np.all((o > 0) & (c > 0) & (r >= 0)):
        raise BadInput("needs at least two sessions of positive prices", where="fit_overnight_share")
    overnight = float(np.sum(np.log(o[1:] / c[:-1]) ** 2))
    inside = float(np.sum(r[1:]))
    if overnight + inside <= 0:
        raise BadInput("prices never moved", where="fit_overnight_share")
    return overnight / (overnight + inside)
