"""How the report says numbers, times and names. Unknown is a dash, never a zero."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from quantsentinel.cli.output import rupees_text
from quantsentinel.market.calendar import IST

UNKNOWN = "–"
GUARD_WORDS = {
    "session_open": "session closed",
    "repeated_snapshot": "same snapshot again",
    "monotone_time": "time ran backwards",
    "lag": "exchange time too old",
    "age": "received too long ago",
    "zero_chain": "all-zero chain",
    "crossed_quotes": "crossed quotes",
    "two_sided_share": "too few two-sided quotes",
    "net_ev": "net expected value not positive",
    "cost_ratio": "costs eat the edge",
    "win_probability": "wins too seldom",
    "net_ev_of_stressed_loss": "edge too small for the tail",
    "bounded_loss": "loss is unbounded",
    "unbounded_loss": "loss is unbounded",
    "no_two_sided_quote": "a leg without bid or ask",
    "slice_skew": "its expiries were received too far apart",
    "outranked": "outranked before exact pricing",
    "priced": "a better one was offered",
    "offered": "offered",
    "late": "handled too late",
    "entry_window": "too near the close for an entry",
    "entries_allowed": "no entries from this snapshot",
    "entries_offered": "no entries at that time of day",
    "session_ending": "the session is ending",
    "ltp_only": "last prices only, no quotes",
    "no_forecast_history": "no history to forecast from",
    "stale_history": "the daily bars end too early",
    "expiry_day_premium": "premium on an expiry day, not opted in",
    "tenant_paused": "tenant paused",
    "live_entry": "already in this trade",
    "cool_down": "cooling down after an exit",
    "reconciled": "a position is not answered for more than a session",
    "policy.positions": "all position slots taken",
    "policy.trade_loss": "loss above the tenant's limit a trade",
    "policy.day_loss": "the day's loss budget is spent",
    "policy.per_expiry": "enough in this expiry",
    "policy.per_family": "enough of this structure",
    "policy.single_leg": "enough single legs",
    "policy.sector": "enough at risk in this sector",
    "policy.concentration": "too much of the book in one trade",
    "policy.depth": "the market shows too little",
    "policy.spread": "spread too wide",
    "daily_loss": "daily loss reached",
    "cost.net_ev": "no edge left at the tenant's size",
    "cost.ratio": "costs eat the edge at the tenant's size",
    "cost.net_ev_of_stressed_loss": "edge too small for the tail at the tenant's size",
    "cost.win_probability": "wins too seldom for the profile",
    "cost.net_ev_of_premium": "edge too small for the premium",
    "correlation.scenario_pnl": "gains and loses with what is held",
    "tail_hedge.bounded": "nothing bounds its loss",
    "tail_hedge.adequate": "a gap or the tail would take too much",
    "margin.stressed": "a shock would leave too little for the margin",
    "regime.structure": "not a structure for this regime",
    "news_events.event_window": "a scheduled event is near",
    "news_events.news": "news leaves no size",
    "event_hedge.protection": "too little protection over a scheduled event",
    "sizing": "less than one lot fits",
    "margin_utilisation": "too much of the equity is blocked",
    "correlation_cluster": "what is held moves together",
    "stale_data": "data was stale",
    "stale_marks": "open positions without fresh marks",
    "dry_run_lock": "dry-run lock (paper only)",
    "master": "everything is switched off",
    "tenant_kill": "the tenant is switched off",
    "symbol_anomaly": "the underlying is switched off",
    "broker_outage": "the broker does not answer",
    "exchange_event": "an event at the exchange",
    "model_staleness": "fitted parameters are too old",
    "capital_floor": "capital below its floor",
    "strategy_drawdown": "too far below the peak of equity",
}
"""Plain words beside a guard's name, where the name alone does not say it."""


def points(value: float | None) -> str:
    """Index points: `24,512.35`."""
    return UNKNOWN if value is None else f"{value:z,.2f}".replace("-", "−")


def signed(value: float) -> str:
    """With its sign, and no minus before a zero: `+0.25`, `−1.50`."""
    return f"{value:+z.2f}".replace("-", "−")


def level(value: float) -> str:
    """A strike or an index level on an axis."""
    return f"{value:z,.0f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    return UNKNOWN if value is None else f"{100 * value:z.{digits}f}\u00a0%".replace("-", "−")


def money(value: Decimal | float | None, *, paise: bool = False) -> str:
    return UNKNOWN if value is None else rupees_text(value, paise=paise)


def signed_money(value: Decimal | float | None) -> str:
    """With a plus in front of a gain."""
    return UNKNOWN if value is None else ("+" if value > 0 else "") + rupees_text(value, paise=False)


def compact_money(value: float) -> str:
    """Axis labels: `₹2.5k`, `−₹1.2L`, `₹3Cr`."""
    size = abs(value)
    for unit, name in ((1e7, "Cr"), (1e5, "L"), (1e3, "k")):
        if size >= unit:
            return f"{'−' if value < 0 else ''}₹{_short(size / unit)}{name}"
    return f"{'−' if value < 0 else ''}₹{_short(size)}"


def _short(size: float) -> str:
    """Three digits or so, without an exponent."""
    return f"{size:,.0f}" if size >= 100 else f"{size:.3g}"


def compact(value: float) -> str:
    """Large counts: `1.2L`, `3.4Cr`."""
    return compact_money(value).replace("₹", "")


def clock(value: datetime) -> str:
    return f"{value.astimezone(IST):%H:%M}"


def clock_s(value: datetime) -> str:
    return f"{value.astimezone(IST):%H:%M:%S}"


def stamp(value: datetime) -> str:
    return f"{value.astimezone(IST):%d %b %Y %H:%M} IST"


def day(value: date) -> str:
    return f"{value:%d %b %Y}"


def long_day(value: date) -> str:
    return f"{value:%A} {value.day} {value:%B %Y}"


def name(text: str) -> str:
    """`iron_condor` → `Iron condor`."""
    return text.replace("_", " ").capitalize()


def guard(text: str) -> str:
    return GUARD_WORDS.get(text, text.replace("_", " "))


def entry_price(value: float) -> str:
    """A package's net entry price from the trader's side: positive is paid."""
    return f"receive {points(-value)}" if value < 0 else f"pay {points(value)}"


def closing_price(value: float | None) -> str:
    """What closing a held package returns, from the trader's side: positive is received."""
    if value is None:
        return UNKNOWN
    return f"pay {points(-value)}" if value < 0 else f"receive {points(value)}"
