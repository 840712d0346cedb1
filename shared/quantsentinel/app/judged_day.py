"""A recorded day as the firewall judges it: refusals in groups, masks near the money, and the forwards it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, time
from typing import Final

import numpy as np

from quantsentinel.app.clean_days import CleanTally, count
from quantsentinel.app.fault_trial import Memory, judge
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.verdict import Verdict

CLOSING: Final = (time(15, 0), time(15, 28))
"""The last half hour, whose volume-weighted average NSE takes for a future's close."""
WHY: Final[Mapping[str, str]] = {
    "repeated_snapshot": "the page was read before the exchange had refreshed it: the fetch time was accepted before",
    "lag": "the exchange's time is outside what the source promises (120 s behind to 5 s ahead)",
    "session_open": "the day is a holiday: the page still shows the session before it",
    "monotone_time": "the page is older than the one accepted before it",
}
"""Why a refusal by this guard is right on a recorded day; one by another guard needs a line here to be believed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused snapshot."""

    at: datetime
    verdict: Verdict


@dataclass(slots=True)
class JudgedDay:
    """`forwards` by expiry: (time, forward) of every accepted snapshot."""

    tally: CleanTally
    refused: list[Refused] = field(default_factory=list)
    forwards: dict[date, list[tuple[datetime, float]]] = field(default_factory=dict)

    def closing_forward(self, expiry: date) -> float:
        """Mean parity forward of 15:00-15:28; NaN without one."""
        low, high = CLOSING
        inside = [forward for at, forward in self.forwards.get(expiry, ()) if low <= at.astimezone(IST).time() < high]
        return float(np.mean(inside)) if inside else float("nan")

    def groups(self) -> dict[str, list[Refused]]:
        """Refusals by guard, the most frequent first."""
        found: dict[str, list[Refused]] = {}
        for item in self.refused:
            found.setdefault(item.verdict.guard, []).append(item)
        return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def judge_day(snapshots: Sequence[Snapshot], rules: RuleBook) -> JudgedDay:
    """Judges a day in order, as the poller does; the decision falls on each receipt."""
    first, memory = snapshots[0], Memory()
    day = JudgedDay(CleanTally("recorded", first.underlying, first.received_at.astimezone(IST).date()))
    for snapshot in snapshots:
        firewall, memory = judge(snapshot, rules, memory)
        count(day.tally, firewall)
        if firewall.first_stop is not None:
            day.refused.append(Refused(snapshot.received_at, firewall.first_stop))
            continue
        for part, fit in zip(firewall.snapshot.slices, firewall.forwards, strict=True):
            if fit.is_fitted:
                day.forwards.setdefault(part.expiry, []).append((snapshot.received_at, fit.forward))
    return day


def basis_points(forward: float, future: float) -> float:
    """A forward against a future's close."""
    return 1e4 * (forward / future - 1)
