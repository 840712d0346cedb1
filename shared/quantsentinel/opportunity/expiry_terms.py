"""What all packages of one expiry share when they are priced: rules, times, margin parameters."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from quantsentinel.alpha.view import Consensus
from quantsentinel.costs.margin import FEWEST_CLOSES, MarginMarket, margin_days, span_volatility
from quantsentinel.desk import Desk
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.timeline import Ending, SessionFrame
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.history import History
from quantsentinel.market.schedules import ChargeSchedule, ScanRule
from quantsentinel.opportunity.payoff_profile import ExitCost


@dataclass(frozen=True, eq=False)
class Shared:
    """Of the whole snapshot. `entries_refused` says why nothing may be entered at all, or is empty."""

    desk: Desk
    frame: SessionFrame
    analytics: MarketAnalytics
    history: History
    consensus: Consensus
    snapshot_digest: str
    entries_refused: str

    @worked_out
    def closes(self) -> list[float]:
        return [bar.close for bar in self.history.daily]

    @worked_out
    def span_vol_annual(self) -> float | None:
        """NSE's volatility of the day before, the same for every expiry; None without enough closes."""
        if len(self.closes) < FEWEST_CLOSES:
            return None
        return span_volatility(self.closes, self.desk.rules.scan(self.analytics.underlying, self.analytics.session))


@dataclass(frozen=True, eq=False)
class ExpiryTerms:
    """Of one expiry. `freeze_units` is the largest order; `valid_until` ends an entry's life."""

    shared: Shared
    part: SliceAnalytics
    ending: Ending
    lot: int
    schedule: ChargeSchedule
    scan: ScanRule
    margin_market: MarginMarket
    freeze_units: int
    valid_until: datetime
    time_stop: datetime
    on_expiry_day: bool
    rule_rows: tuple[str, ...]

    @property
    def exit_cost(self) -> ExitCost:
        """Of one lot: the broker's fee with its GST is spread over the lot's units."""
        fee = self.schedule.broker.exercise_rupees.value * (1 + self.schedule.gst.value)
        return ExitCost(tax=float(self.schedule.stt_exercise.value), fee=float(fee) / self.lot)


def valid_until(frame: SessionFrame, ending: Ending, desk: Desk, received_at: datetime) -> datetime:
    """min(receipt + 15 minutes, the earliest end of trading - 10 minutes): the contract's last trade, today's close."""
    exits = desk.policy.exits
    ends = min(ending.last_trade, frame.session.close) - timedelta(minutes=exits.entry_last_trade_margin_minutes)
    return min(received_at + timedelta(minutes=exits.entry_valid_minutes), ends)


def expiry_terms(shared: Shared, part: SliceAnalytics) -> ExpiryTerms:
    """Raises `RuleGap` when a rule that gates money does not cover the underlying or the expiry."""
    desk, frame, analytics = shared.desk, shared.frame, shared.analytics
    rules, underlying, day = desk.rules, analytics.underlying, analytics.session
    ending = frame.endings[part.expiry]
    lot, freeze = rules.lot(underlying, part.expiry, day), rules.freeze_quantity(underlying, day)
    schedule, scan = rules.charges(underlying, day, desk.broker), rules.scan(underlying, day)
    rows = [lot.row, freeze.row, *schedule.rows_used, *scan.rows_used]
    square_off = timedelta(minutes=desk.policy.exits.square_off_minutes_before_close)
    return ExpiryTerms(
        shared=shared,
        part=part,
        ending=ending,
        lot=lot.value,
        schedule=schedule,
        scan=scan,
        margin_market=_margin_market(shared, part),
        freeze_units=freeze.value,
        valid_until=valid_until(frame, ending, desk, analytics.received_at),
        time_stop=min(ending.window_start, ending.last_trade) - square_off,
        on_expiry_day=ending.last_trade.date() == day,
        rule_rows=tuple(dict.fromkeys([*frame.rule_rows, *(row.id for row in rows)])),
    )


def _margin_market(shared: Shared, part: SliceAnalytics) -> MarginMarket:
    """Scan ranges stand on the previous spot close and NSE's volatility of the day before.

    Without enough closes (entries are refused then) the forward and the at-the-money vol stand in, so that a refused
    offer still shows the size of its margin.
    """
    analytics = shared.analytics
    vol = shared.span_vol_annual
    near = analytics.slices[0].forward or part.forward
    assert near is not None
    days = _margin_days(shared.desk.rules, analytics.session, shared.frame.endings[part.expiry].last_trade.date())
    return MarginMarket(
        previous_close=near if vol is None else shared.closes[-1],
        underlying_price=near,
        previous_vol_annual=part.atm_vol or 1.0 if vol is None else vol,
        days=days,
    )


_margin_days = lru_cache(maxsize=64)(margin_days)
"""The same all day: walking over the sessions to every expiry takes longer than the rest of `expiry_terms`."""
