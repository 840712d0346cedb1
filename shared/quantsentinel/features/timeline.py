"""Times of every slice: discount on the calendar, variance on the variance clock, up to the settlement observation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import lru_cache

from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import Session
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Slice
from quantsentinel.volatility.clock import VarianceClock
from quantsentinel.volatility.parameters import GapWeights

SECONDS_PER_YEAR = 365.0 * 86_400.0
SETTLEMENT_WINDOW = "settlement_window"
UNCOVERED = "uncovered_by_rules"


@dataclass(frozen=True, slots=True)
class Ending:
    """How one expiry ends: last trade, the start of its settlement window, the settlement observation."""

    last_trade: datetime
    window_start: datetime
    settlement_at: datetime
    method: str
    row_id: str


@dataclass(frozen=True, eq=False)
class SessionFrame:
    """What the rules say about one session of one underlying; made once a session, the same for every snapshot."""

    session: Session
    clock: VarianceClock
    endings: Mapping[date, Ending]
    repo_rate: float
    tick: float
    rule_rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SliceTimes:
    """Years from the slice's observation to its settlement observation: ACT/365 for the discount, and in the variance
    clock. All zero with a `reason` when the slice gives no vol (settlement window reached, no rule)."""

    calendar_years: float
    variance_years: float
    discount: float
    reason: str = ""


@lru_cache(maxsize=16)
def session_frame(
    rules: RuleBook,
    underlying: str,
    day: date,
    expiries: tuple[date, ...],
    overnight_share: float,
    weights: GapWeights | None = None,
) -> SessionFrame:
    """Sessions, endings and rates of one day, its clock by the desk's `weights` (None: the packaged ones). An expiry
    that the rules do not cover has no ending, nor have later ones.

    Raises `RuleGap` when `day` itself is not covered or is not a trading day.
    """
    session = rules.session(day)
    if session is None:
        raise RuleGap(f"{day} is not a trading day", where=f"market pass of {underlying}")
    sessions = [rules.previous_session(day), session]
    endings: dict[date, Ending] = {}
    rows = [session.row_id]
    covered = day
    for expiry in sorted(expiries):
        try:
            later = rules.sessions(covered + timedelta(days=1), expiry) if expiry > covered else ()
            settlement = rules.settlement(underlying, expiry)
            last_trade = rules.last_trade(underlying, expiry)
        except RuleGap:
            break
        sessions.extend(later)
        covered = max(covered, expiry)
        endings[expiry] = Ending(
            last_trade, settlement.window_start, settlement.observed_at, settlement.method, settlement.row.id
        )
        rows.append(settlement.row.id)
    with suppress(RuleGap):  # beyond the coverage no later settlement is known either
        sessions.append(rules.next_session(covered))  # a settlement may be observed after the last close
    windows = [window for part in sessions for window in part.windows]
    repo, tick = rules.repo_rate(day), rules.tick(underlying, day)
    rows += [repo.row.id, tick.row.id]
    clock = VarianceClock(windows, overnight_share, weights)
    return SessionFrame(session, clock, endings, repo.value, tick.value, tuple(dict.fromkeys(rows)))


def slice_times(frame: SessionFrame, part: Slice) -> SliceTimes:
    """Times of one slice; from the start of its settlement window on it gives no vol."""
    ending = frame.endings.get(part.expiry)
    if ending is None:
        return SliceTimes(0.0, 0.0, 1.0, UNCOVERED)
    if part.received_at >= ending.window_start:
        return SliceTimes(0.0, 0.0, 1.0, SETTLEMENT_WINDOW)
    start = part.observed_at
    years = (ending.settlement_at - start).total_seconds() / SECONDS_PER_YEAR
    variance = frame.clock.variance_years(start, ending.settlement_at)
    return SliceTimes(years, variance, math.exp(-frame.repo_rate * years))
