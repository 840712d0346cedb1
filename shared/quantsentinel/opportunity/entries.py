"""Whether any entry may be issued from a view at all."""

from __future__ import annotations

from datetime import date

from quantsentinel.desk import Desk
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.timeline import SessionFrame
from quantsentinel.market.history import History
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.expiry_terms import valid_until


def entries_refused(
    snapshot: Snapshot, history: History, analytics: MarketAnalytics, frame: SessionFrame, desk: Desk
) -> str:
    """The first reason, or empty: `ltp_only`, `analytics_only` (the underlying's lot is not confirmed), `no_surface`,
    `no_forecast_history`, `stale_history` (the daily bars end before the last full session: neither the forecast nor
    the close that scan ranges stand on is known), `session_ending` (no time left to enter and be sure)."""
    if snapshot.capability != "quotes":
        return snapshot.capability
    if snapshot.underlying not in desk.rules.underlyings(entries=True):
        return "analytics_only"
    if not analytics.fitted:
        return "no_surface"
    if analytics.forecast is None:
        return analytics.forecast_reason
    if history.daily[-1].day < _last_full_session(desk.rules, history.session):
        return "stale_history"
    last = max(valid_until(frame, frame.endings[part.expiry], desk, analytics.received_at) for part in analytics.fitted)
    return "session_ending" if last <= analytics.received_at else ""


def _last_full_session(rules: RuleBook, day: date) -> date:
    """The last ordinary session before a day: daily files may leave out a Muhurat or a special session."""
    session = rules.previous_session(day)
    while session.kind != "normal":
        session = rules.previous_session(session.day)
    return session.day
