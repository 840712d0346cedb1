"""How the indices moved together on the last 60 sessions: what scenarios of a whole book are drawn from.

Worked out once a snapshot from daily closes known before it. Correlations are shrunk (`volatility.covariance`) and
never taken below what two indices ever had (policy): a book that leans on their differing is not diversified. An index
without closes of its own moves one to one with the view's: the adverse bound, and it has no margin market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quantsentinel.canonical import short_id
from quantsentinel.costs.margin import FEWEST_CLOSES, span_volatility
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.history import History
from quantsentinel.units import quantise
from quantsentinel.volatility.covariance import shrunk_correlation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Factors:
    """`names`: the view's underlying first. `vol_daily`: deviation of daily log returns; `correlation` between them,
    quantised; `previous_close` in points and NSE's `span_vol_annual` of the day before, for margins; `sessions` that
    the correlations stand on."""

    names: tuple[str, ...]
    vol_daily: tuple[float, ...]
    correlation: tuple[tuple[float, ...], ...]
    previous_close: tuple[float, ...]
    span_vol_annual: tuple[float, ...]
    sessions: int
    shrinkage: float

    @worked_out
    def key(self) -> str:
        """Names these numbers."""
        return short_id("fac", self.names, self.vol_daily, self.correlation, self.previous_close, self.span_vol_annual)

    def index_of(self, underlying: str) -> int:
        """0, the view's own underlying, for one that is not known: the adverse bound."""
        return self.names.index(underlying) if underlying in self.names else 0


def factors_of(history: History, desk: Desk) -> Factors | None:
    """None when the underlying's own closes are too few: then nothing about a book of two packages is known."""
    every = {history.underlying: history.daily, **dict(sorted(history.neighbours.items()))}
    return _factors(Evening(tuple(every.items()), history.session, desk.digest, desk))


@dataclass(frozen=True, slots=True)
class Evening:
    """All that factors depend on, the same for every snapshot of a session: each index with its bars, the view's own
    first, and the desk by its digest."""

    bars: tuple[tuple[str, tuple[DailyBar, ...]], ...]
    session: date
    desk_digest: str
    desk: Desk = field(compare=False)


@lru_cache(maxsize=16)
def _factors(asked: Evening) -> Factors | None:
    desk, (own, daily) = asked.desk, asked.bars[0]
    wanted = desk.policy.scenarios.sessions + 1
    usable = {name: bars for name, bars in asked.bars if len(bars) >= FEWEST_CLOSES}
    if own not in usable:
        return None
    if len(_shared(usable, wanted)) < FEWEST_CLOSES:
        usable = {own: daily}
    returns = _returns(usable, wanted)
    try:
        correlation, shrinkage = shrunk_correlation(returns)
        spans = [_span_vol(name, bars, asked.session, desk) for name, bars in usable.items()]
    except (BadInput, RuleGap):
        return None
    floor = desk.policy.scenarios.min_index_correlation
    raised = np.clip(np.where(np.eye(len(usable)) > 0, 1.0, np.maximum(correlation, floor)), -1.0, 1.0)
    return Factors(
        names=tuple(usable),
        vol_daily=tuple(quantise(float(vol)) for vol in returns.std(axis=0)),
        correlation=tuple(tuple(quantise(cell) for cell in row) for row in raised.tolist()),
        previous_close=tuple(bars[-1].close for bars in usable.values()),
        span_vol_annual=tuple(spans),
        sessions=len(returns),
        shrinkage=quantise(shrinkage),
    )


def _shared(usable: Mapping[str, Sequence[DailyBar]], wanted: int) -> list[date]:
    """The newest days on which every index has a close."""
    days = set.intersection(*({bar.day for bar in bars} for bars in usable.values()))
    return sorted(days)[-wanted:]


def _returns(usable: Mapping[str, Sequence[DailyBar]], wanted: int) -> Floats:
    """(n, k) log returns between the shared days."""
    days = set(_shared(usable, wanted))
    closes = np.array([[bar.close for bar in bars if bar.day in days] for bars in usable.values()])
    return np.asarray(np.diff(np.log(closes), axis=1).T)


def _span_vol(name: str, bars: Sequence[DailyBar], session: date, desk: Desk) -> float:
    """NSE's volatility of the day before. Raises `RuleGap` when the rules do not cover the index on the session."""
    scan = desk.rules.scan(name, session)
    return quantise(span_volatility([bar.close for bar in bars], scan))
