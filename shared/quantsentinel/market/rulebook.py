"""The rule book: every dated fact that gates money, asked by date, answered with the row it stands on.

Methods raise `RuleGap` when no usable row covers the date: uncovered, unverified, or past its `verified_until`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST, Session, at_ist, session_on
from quantsentinel.market.expiry import Cycle, final_expiry, listed_expiries
from quantsentinel.market.rule_rows import OVERLAY_FIX, Row, Ruled, RuleRow, RuleRows, read_rows
from quantsentinel.market.rule_schema import COVERAGE_KEYS, Status
from quantsentinel.market.schedules import BrokerPlan, ChargeSchedule, ScanRule, Settlement

__all__ = ["IST", "RuleBook", "RuleRow", "Ruled", "Session", "Settlement", "Status", "load_rules"]

T = TypeVar("T")
P = ParamSpec("P")
Product = Literal["options", "futures"]
DAY = timedelta(days=1)
LONGEST_CLOSURE_DAYS = 15
MARGIN_NAMES = tuple(item.name for item in fields(ScanRule) if item.name != "price_scan_floor")
"""The floor is asked for beside them: it has a row for each underlying."""


def load_rules(overlay: Path | None = None) -> RuleBook:
    """The package's rules and an optional overlay TOML. Raises `BadInput` with every schema error at once."""
    return RuleBook(read_rows(overlay))


def _once(ask: Callable[Concatenate[RuleBook, P], T]) -> Callable[Concatenate[RuleBook, P], T]:
    """One answer a question: the rows never change. A refusal is found anew."""

    @wraps(ask)
    def answer(book: RuleBook, /, *given: P.args, **named: P.kwargs) -> T:
        question = (ask.__name__, given, *named.items())
        if question not in book._cache:
            book._cache[question] = ask(book, *given, **named)
        found: T = book._cache[question]
        return found

    return answer


@dataclass(frozen=True, eq=False)
class RuleBook:
    rows: RuleRows
    _cache: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        return self.rows.digest

    # --- Underlyings --------------------------------------------------------------------------------------------------
    @_once
    def underlyings(self, *, entries: bool = False) -> tuple[str, ...]:
        """Every known underlying; with `entries`, only those that may be traded."""
        rows = self.rows.of("underlying")
        return tuple(row.values["underlying"] for row in rows if row.values["entries"] or not entries)

    def require_underlying(self, name: str) -> None:
        if name not in self.underlyings():
            raise BadInput(
                f"unknown underlying {name!r}", where="rule book", fix="Known: " + ", ".join(self.underlyings())
            )

    @_once
    def _exchange(self, underlying: str, on: date) -> str:
        self.require_underlying(underlying)
        return str(self.rows.pick("underlying", on, underlying=underlying).values["exchange"])

    # --- Sessions -----------------------------------------------------------------------------------------------------
    @_once
    def session(self, on: date) -> Session | None:
        """None when closed (weekend, holiday). `RuleGap`: a year without a holiday list, a session of unknown hours."""
        return session_on(self.rows, on)

    def is_trading_day(self, on: date) -> bool:
        return self.session(on) is not None

    def previous_session(self, on: date) -> Session:
        """The last session before a day. A day whose hours are unverified is passed over: nothing is accepted on it."""
        return self._step(on, -DAY)

    def next_session(self, on: date) -> Session:
        """The first session after a day; see `previous_session`."""
        return self._step(on, DAY)

    @_once
    def _step(self, on: date, step: timedelta) -> Session:
        day = on
        for _ in range(LONGEST_CLOSURE_DAYS):
            day += step
            session = None if self._is_unverified(day) else self.session(day)
            if session is not None:
                return session
        raise RuleGap(f"no session within {LONGEST_CLOSURE_DAYS} days of {on}", where="rule book", fix=OVERLAY_FIX)

    def sessions(self, start: date, end: date) -> tuple[Session, ...]:
        """The sessions of [start, end], without the days that `unverified_days` names."""
        days = (start + index * DAY for index in range((end - start).days + 1))
        found = (None if self._is_unverified(day) else self.session(day) for day in days)
        return tuple(session for session in found if session is not None)

    def unverified_days(self, start: date, end: date) -> tuple[date, ...]:
        """Days with a session whose hours are not known (a Muhurat session before its circular): refused, left out."""
        days = (start + index * DAY for index in range((end - start).days + 1))
        return tuple(day for day in days if self._is_unverified(day))

    def _is_unverified(self, day: date) -> bool:
        special = [row for row in self.rows.of("special_session") if row.effective == day]
        return bool(special) and not special[-1].is_usable(day)

    # --- Expiries -----------------------------------------------------------------------------------------------------
    @_once
    def expiries(self, underlying: str, on: date) -> tuple[date, ...]:
        """As listed on a date, ascending, expiring that day included; years without a holiday list left out."""
        return tuple(self.cycles(underlying, on))

    @_once
    def cycles(self, underlying: str, on: date) -> Mapping[date, Cycle]:
        """The listed expiries with the cycle each belongs to."""
        self.require_underlying(underlying)
        return listed_expiries(self.rows, underlying, on)

    @_once
    def final_expiry(self, underlying: str, expiry: date) -> date:
        """The day a contract listed under `expiry` really ends (2026-03-31 as listed in 2025 ends on 2026-03-30)."""
        self.require_underlying(underlying)
        return final_expiry(self.rows, underlying, expiry)

    @_once
    def last_trade(self, underlying: str, expiry: date) -> datetime:
        """The last moment the contract trades."""
        day = self.final_expiry(underlying, expiry)
        session = self.session(day)
        if session is not None and session.kind == "special":
            return session.close
        return at_ist(day, self.rows.pick("hours", day).get("expiring_close", day))

    @_once
    def settlement(self, underlying: str, expiry: date) -> Settlement:
        """How and when the contract settles."""
        day = self.final_expiry(underlying, expiry)
        row = self.rows.pick("settlement", day, exchange=self._exchange(underlying, day))
        return Settlement(
            method=row.get("method", day),
            window_start=at_ist(day, row.get("window_start", day)),
            observed_at=at_ist(day, row.get("observed_at", day)),
            row=row.cite(day),
        )

    # --- Contracts ----------------------------------------------------------------------------------------------------
    @_once
    def lot(self, underlying: str, expiry: date, on: date) -> Ruled[int]:
        """Units a lot of a contract (by its expiry as listed) on a trade date."""
        self.require_underlying(underlying)

        def covers(row: Row) -> bool:
            until = row.values["expiry_until"]
            return bool(row.values["expiry_from"] <= expiry and (until is None or expiry <= until))

        return _ruled(self.rows.pick("lot", on, covers, underlying=underlying), "units", on, int)

    @_once
    def tick(self, underlying: str, on: date) -> Ruled[float]:
        """Price step of options, in points."""
        return _ruled(self.rows.pick("tick", on, exchange=self._exchange(underlying, on)), "points", on, float)

    @_once
    def strike_step(self, underlying: str, on: date) -> Ruled[float]:
        """Distance of listed strikes near the money on near expiries, in points."""
        self.require_underlying(underlying)
        return _ruled(self.rows.pick("strike_step", on, underlying=underlying), "points", on, float)

    def strike_step_long_dated(self, underlying: str, on: date) -> Ruled[float]:
        """Distance of listed strikes of quarterly and half-yearly contracts, in points."""
        self.require_underlying(underlying)
        return _ruled(self.rows.pick("strike_step_long_dated", on, underlying=underlying), "points", on, float)

    def futures_tick(self, underlying: str, level: float, on: date) -> Ruled[float]:
        """Price step of index futures, in points, at a level of the index (points)."""

        def covers(row: Row) -> bool:
            until = row.values["level_to"]
            return bool(row.values["level_from"] <= level and (until is None or level < until))

        exchange = self._exchange(underlying, on)
        return _ruled(self.rows.pick("futures_tick", on, covers, exchange=exchange), "points", on, float)

    @_once
    def freeze_quantity(self, underlying: str, on: date) -> Ruled[int]:
        """The largest order, in units: an order above it is sliced."""
        self.require_underlying(underlying)
        return _ruled(self.rows.pick("freeze", on, underlying=underlying), "units", on, int)

    # --- Money --------------------------------------------------------------------------------------------------------
    @_once
    def charges(
        self, underlying: str, on: date, broker: str = "upstox", product: Product = "options"
    ) -> ChargeSchedule:
        """Every charge of a trade date under a broker's plan."""
        exchange = self._exchange(underlying, on)

        def covers(row: Row) -> bool:
            """A row that names an index holds for that index alone."""
            return row.values["index"] in (None, underlying)

        def rate(levy: str, of: Product = product) -> Ruled[Decimal]:
            row = self.rows.pick("charge", on, covers, exchange=exchange, product=of, levy=levy)
            return _ruled(row, "rate", on, Decimal)

        return ChargeSchedule(
            stt_sale=rate("stt_sale"),
            stt_exercise=rate("stt_exercise", "options"),
            transaction=rate("transaction"),
            ipft=rate("ipft"),
            sebi=rate("sebi"),
            stamp=rate("stamp"),
            gst=rate("gst"),
            broker=self._broker(broker, product, on),
            freeze_quantity=self.freeze_quantity(underlying, on),
        )

    def _broker(self, broker: str, product: Product, on: date) -> BrokerPlan:
        known = sorted({row.values["broker"] for row in self.rows.of("broker")})
        if broker not in known:
            raise BadInput(f"unknown broker {broker!r}", where="rule book", fix="Known: " + ", ".join(known))
        row = self.rows.pick("broker", on, broker=broker, product=product)
        fee = self.rows.pick("exercise_fee", on, broker=broker)
        return BrokerPlan(
            name=broker,
            order_rupees=_ruled(row, "order_rupees", on, Decimal),
            order_fraction_cap=row.get("order_fraction_cap", on),
            exercise_rupees=_ruled(fee, "order_rupees", on, Decimal),
            gst_on_ipft=row.get("gst_on_ipft", on),
        )

    def tax_note(self, on: date) -> Ruled[str]:
        """One line on how gains are taxed: information, not advice."""
        return _ruled(self.rows.pick("tax_note", on), "text", on, str)

    @_once
    def scan(self, underlying: str, on: date) -> ScanRule:
        """SPAN parameters and exposure rates."""
        self.require_underlying(underlying)
        named = {name: _ruled(self.rows.pick("margin", on, name=name), "value", on, float) for name in MARGIN_NAMES}
        floor = _ruled(self.rows.pick("price_scan", on, underlying=underlying), "floor", on, float)
        return ScanRule(price_scan_floor=floor, **named)

    def repo_rate(self, on: date) -> Ruled[float]:
        """RBI repo rate, an annual fraction: the proxy for discounting."""
        return _ruled(self.rows.pick("repo", on), "fraction", on, float)

    # --- Coverage -----------------------------------------------------------------------------------------------------
    def coverage(self) -> dict[str, date]:
        """The last covered day of each line that entries need, as `charge NSE options gst`."""
        traded = self.underlyings(entries=True)
        exchanges = {row.values["exchange"] for row in self.rows.of("underlying") if row.values["entries"]}
        ends: dict[str, date] = {}
        for kind, names in COVERAGE_KEYS.items():
            for row in self.rows.of(kind):
                needed = row.values.get("underlying", traded[0]) in traded
                if row.status == "unverified" or not needed or row.values.get("exchange", "NSE") not in exchanges:
                    continue
                line = " ".join([kind, *(str(row.values[name]) for name in names)])
                ends[line] = max(ends.get(line, row.end), row.end)
        return ends

    def coverage_end(self) -> date:
        """The last day on which everything needed for entries is still covered."""
        return min(self.coverage().values())


def _ruled(row: Row, name: str, on: date, convert: Callable[[Any], T]) -> Ruled[T]:
    return Ruled(convert(row.get(name, on)), row.cite(on), row.is_adverse(on))
