"""Which expiries to fetch at a tick, and the request budget that all underlyings of one account share.

Upstox allows 50 calls a second, 500 a minute and 2,000 in 30 minutes per API; an option-chain call returns one expiry.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from quantsentinel.errors import BadInput, RateLimited
from quantsentinel.frozen import dataclass

WINDOWS: tuple[tuple[float, int], ...] = ((1.0, 50), (60.0, 500), (1800.0, 2000))
"""(seconds, calls): every sliding window of that length holds at most so many calls."""
SHARE = 0.8
"""Of each limit: the rest is for other uses of the account and for clocks that differ."""
LISTED_EXPIRIES: Mapping[str, int] = {"NIFTY": 18, "BANKNIFTY": 6, "FINNIFTY": 3, "SENSEX": 18}
"""What an exchange lists at most; those without rule rows are not polled."""
MAX_SLICE_AGE_S = 60.0
SLOWEST_FAR_S = 600.0
MOST_NEAR = 4


@dataclass(frozen=True, slots=True)
class PollPlan:
    """`near` expiries of each underlying at every tick, the others every `far_every`-th, spread over the ticks.

    `expiries` is the number of expiries polled by underlying, `interval_s` the time between two ticks. A plan above
    80 % of any limit is refused when it is made. A far slice is `interval_s * far_every` old before it comes again;
    above 60 s it is masked for pricing in between.
    """

    interval_s: float
    near: int
    far_every: int
    expiries: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.interval_s <= 0 or self.near < 1 or self.far_every < 1 or not self.expiries:
            raise BadInput(
                f"interval {self.interval_s} s, {self.near} near, far every {self.far_every}, {len(self.expiries)} "
                "underlyings",
                where="poll plan",
                fix="All of them must be at least 1",
            )
        for seconds, limit in WINDOWS:
            calls = self.calls_within(seconds)
            if calls > SHARE * limit:
                raise BadInput(self._arithmetic(seconds, limit, calls), where="poll plan", fix=self._advice())

    @classmethod
    def standard(cls, underlyings: Sequence[str], interval_s: float) -> PollPlan:
        """The plan with the freshest chains that fits: far expiries within 60 s if possible, then many near ones.

        Raises `BadInput` with the arithmetic when even one near expiry a tick does not fit.
        """
        expiries = {name: LISTED_EXPIRIES.get(name, max(LISTED_EXPIRIES.values())) for name in underlyings}
        fresh = max(math.floor(MAX_SLICE_AGE_S / interval_s), 1) if interval_s > 0 else 1
        slow = max(math.ceil(SLOWEST_FAR_S / interval_s), fresh) if interval_s > 0 else 1
        choices = [(near, fresh) for near in range(MOST_NEAR, 1, -1)]
        choices += [(near, every) for every in range(fresh + 1, slow + 1) for near in range(MOST_NEAR, 1, -1)]
        for near, every in choices:
            try:
                return cls(interval_s, near, every, expiries)
            except BadInput:
                continue
        return cls(interval_s, 1, slow, expiries)

    def calls_within(self, seconds: float) -> int:
        """The most calls in any window of that length: each tick inside it, far expiries rounded up."""
        ticks = max(math.ceil(seconds / self.interval_s), 1)
        calls = 0
        for count in self.expiries.values():
            # In any `ticks` ticks in a row a far expiry comes at most ceil(ticks / far_every) times, and in less than a
            # full round only so many of them as have their turn.
            turns = math.ceil(max(count - self.near, 0) / self.far_every)
            far = min(max(count - self.near, 0) * math.ceil(ticks / self.far_every), turns * ticks)
            calls += min(self.near, count) * ticks + far
        return calls

    def due(self, tick: int, expiries: Sequence[date]) -> tuple[date, ...]:
        """The expiries to fetch at a tick: the near ones, and those far ones whose turn it is."""
        listed = sorted(expiries)
        far = (day for place, day in enumerate(listed[self.near :]) if (tick - place) % self.far_every == 0)
        return (*listed[: self.near], *far)

    def _arithmetic(self, seconds: float, limit: int, calls: int) -> str:
        counted = ", ".join(f"{name} {count}" for name, count in sorted(self.expiries.items()))
        return (
            f"{calls} calls in {seconds:g} s, allowed {SHARE:.0%} of {limit} = {SHARE * limit:g} "
            f"(expiries: {counted}; {self.near} near every {self.interval_s:g} s, the others every "
            f"{self.interval_s * self.far_every:g} s)"
        )

    def _advice(self) -> str:
        return f"Poll less often than every {self.interval_s:g} s, fewer near expiries, or fewer underlyings"


class RateBudget:
    """The calls made lately, against 80 % of every window. One object for all feeds of one account."""

    def __init__(self, windows: Sequence[tuple[float, int]] = WINDOWS, share: float = SHARE) -> None:
        self._windows = [(timedelta(seconds=seconds), math.floor(share * limit)) for seconds, limit in windows]
        self._calls: deque[datetime] = deque()

    def take(self, calls: int, now: datetime) -> None:
        """Books `calls` at `now`, all or none. Raises `RateLimited` with the wait when a window has no room."""
        wait = self.wait_s(calls, now)
        if wait > 0:
            raise RateLimited(
                f"{calls} calls do not fit the shared request budget",
                retry_after_s=wait,
                where="poll plan",
                fix=f"Wait {wait:.1f} s",
            )
        self._calls.extend([now] * calls)

    def wait_s(self, calls: int, now: datetime) -> float:
        """Seconds until every window has room for `calls`; 0.0 when it has. Raises `BadInput` when it never will."""
        longest = max(length for length, _ in self._windows)
        while self._calls and self._calls[0] <= now - longest:
            self._calls.popleft()
        return max(self._window_wait(length, limit, calls, now) for length, limit in self._windows)

    def _window_wait(self, length: timedelta, limit: int, calls: int, now: datetime) -> float:
        if calls > limit:
            raise BadInput(f"{calls} calls at once, the budget of {length.total_seconds():g} s is {limit}")
        inside = [at for at in self._calls if at > now - length]
        excess = len(inside) + calls - limit
        return (inside[excess - 1] + length - now).total_seconds() if excess > 0 else 0.0
