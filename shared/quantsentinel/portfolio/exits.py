"""When an open position ends: settlement, square-off, time stop, stop or target, at the worse side of the market.

Stop and target are judged on the worse-side mark of quoted legs; on a flagged mark they never fire (such a mark is
adverse by construction, and wrong prices firing stops is what burnt others). Time always does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.market.schedules import Settlement
from quantsentinel.portfolio.book import Mark, Position
from quantsentinel.portfolio.marks import payoff
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.settlement import settlement_pnl
from quantsentinel.units import Rupees


class ExitReason(StrEnum):
    SETTLEMENT = "settlement"
    SQUARE_OFF = "square_off"
    TIME_STOP = "time_stop"
    STOP = "stop"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Exit:
    """`price` in net points per unit; `measured` against `limit` in `unit` is what fired; `pnl` after all charges."""

    reason: ExitReason
    price: float
    measured: float | str
    limit: float | str
    unit: str
    charges: Rupees
    pnl: Rupees
    note: str = ""


@dataclass(frozen=True, slots=True)
class LastHours:
    """When a contract is squared off by us, stops trading, and settles."""

    square_off_at: datetime
    last_trade: datetime
    settlement: Settlement


_HOURS: Memo[LastHours] = Memo(256)


def last_hours(position: Position, desk: Desk) -> LastHours:
    """Raises `RuleGap` when the rule book does not cover the expiry."""
    underlying, expiry = position.package.underlying, position.package.expiry

    def find() -> LastHours:
        settlement = desk.rules.settlement(underlying, expiry)
        last_trade = desk.rules.last_trade(underlying, expiry)
        margin = timedelta(minutes=desk.policy.exits.square_off_minutes_before_close)
        return LastHours(min(settlement.window_start, last_trade) - margin, last_trade, settlement)

    return _HOURS.get((desk.digest, underlying, expiry), find)


def exit_of(position: Position, desk: Desk, decided_at: datetime, official: float | None = None) -> Exit | None:
    """The exit of a freshly marked position, or None while it stays open. `official`: the exchange's settlement value,
    where it is known."""
    mark = position.mark
    if mark is None:
        return None
    hours = last_hours(position, desk)
    if decided_at >= hours.settlement.observed_at:
        return settled_exit(position, hours, desk, official)
    if decided_at >= hours.square_off_at:
        return _by_time(ExitReason.SQUARE_OFF, position, mark, decided_at, hours.square_off_at)
    if decided_at >= position.time_stop:
        return _by_time(ExitReason.TIME_STOP, position, mark, decided_at, position.time_stop)
    return None if mark.flagged else _by_level(position, mark)


def _by_level(position: Position, mark: Mark) -> Exit | None:
    if mark.price <= position.stop:
        return _by_price(ExitReason.STOP, mark, position.stop)
    if mark.price >= position.target:
        return _by_price(ExitReason.TARGET, mark, position.target)
    return None


def _by_price(reason: ExitReason, mark: Mark, limit: float) -> Exit:
    return Exit(reason, mark.price, mark.price, limit, "points", mark.exit_charges, mark.pnl, _note(mark))


def _by_time(reason: ExitReason, position: Position, mark: Mark, at: datetime, limit: datetime) -> Exit:
    minutes = round((at - limit).total_seconds() / 60, 6)
    return Exit(reason, mark.price, minutes, 0.0, "minutes past", mark.exit_charges, mark.pnl, _note(mark))


def _note(mark: Mark) -> str:
    return "a leg had no quote: adverse mark" if mark.flagged else ""


def settled_exit(position: Position, hours: LastHours, desk: Desk, official: float | None) -> Exit:
    """Intrinsic on the settlement value. Until the exchange's is known the last accepted forward stands in, and says
    so; without any forward the package counts at the least it can pay."""
    mark, legs = position.mark, position.package.legs
    value = official if official is not None else (mark.forward if mark else None)
    if value is None:
        # A piecewise-linear payoff is lowest at zero or at a strike, where it is bounded at all.
        value = min((0.0, *(leg.instrument.strike for leg in legs)), key=lambda level: payoff(legs, level))
        known: float | str = "unknown"
    else:
        known = round(value, 2)
    price, charges, gained = settlement_pnl(position, value, desk)
    return Exit(
        reason=ExitReason.SETTLEMENT,
        price=price,
        measured=known,
        limit=hours.settlement.method,
        unit="settlement value" if official is not None else "settlement value, proxy",
        charges=charges,
        pnl=gained,
        note="" if official is not None else "last accepted forward stands in for the exchange's settlement value",
    )
