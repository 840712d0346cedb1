"""The margin of legs as a person names them: lots, prices, a spot level, a day; the rest is asked of the rule book."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from quantsentinel.costs.charge_sheet import MAX_LOTS
from quantsentinel.costs.margin import MarginEstimate, MarginMarket, margin_days, span_volatility
from quantsentinel.costs.margin_book import HeldLeg, MarginTable, book_margin
from quantsentinel.costs.margin_scan import DAYS_PER_YEAR
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Instrument, Leg
from quantsentinel.market.rule_rows import RuleRow
from quantsentinel.market.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class MarginRequest:
    """`legs` of one underlying with their prices in points, for each of `lots`; `spot` is the index now.

    `closes` are the spot closes before the day, oldest first: the last is the scan range's base, all of them give NSE's
    volatility. `vol_annual` overrules it; without closes `spot` is the base.
    """

    legs: tuple[tuple[Leg, float], ...]
    on: date
    spot: float
    lots: int = 1
    exit_day: date | None = None
    vol_annual: float | None = None
    closes: tuple[float, ...] = ()

    @property
    def underlying(self) -> str:
        return self.legs[0][0].instrument.underlying


@dataclass(frozen=True, slots=True)
class MarginSheet:
    """`legs` as they are held: units of all lots, each to its real last day; `rows` every rule row used, once."""

    request: MarginRequest
    market: MarginMarket
    legs: tuple[HeldLeg, ...]
    estimate: MarginEstimate
    rows: tuple[RuleRow, ...]


def margin_sheet(rules: RuleBook, request: MarginRequest) -> MarginSheet:
    """The estimate and what it stands on. Raises `BadInput` or `RuleGap` that names what is missing or wrong."""
    _check(rules, request)
    lots = {
        leg.instrument.expiry: rules.lot(request.underlying, leg.instrument.expiry, request.on)
        for leg in _legs(request)
    }
    ends = {expiry: rules.final_expiry(request.underlying, expiry) for expiry in lots}
    repo, scan = rules.repo_rate(request.on), rules.scan(request.underlying, request.on)
    held = tuple(
        HeldLeg(
            instrument=_ending(leg.instrument, ends),
            units=leg.signed * request.lots * lots[leg.instrument.expiry].value,
            mark=price,
            forward=_forward(request, ends[leg.instrument.expiry], repo.value),
        )
        for leg, price in request.legs
    )
    last = request.exit_day or min(ends.values())
    market = MarginMarket(
        previous_close=request.closes[-1] if request.closes else request.spot,
        underlying_price=request.spot,
        previous_vol_annual=request.vol_annual or span_volatility(request.closes, scan),
        days=margin_days(rules, request.on, last),
    )
    estimate = book_margin(held, {request.underlying: MarginTable(market, scan)})
    used = (*scan.rows_used, repo.row, *(lot.row for lot in lots.values()))
    return MarginSheet(request, market, held, estimate, tuple({row.id: row for row in used}.values()))


def _legs(request: MarginRequest) -> Sequence[Leg]:
    return [leg for leg, _ in request.legs]


def _ending(instrument: Instrument, ends: Mapping[date, date]) -> Instrument:
    return Instrument(instrument.underlying, ends[instrument.expiry], instrument.strike, instrument.right)


def _forward(request: MarginRequest, expiry: date, repo: float) -> float:
    """The spot carried at the repo rate, simple interest in ACT/365: what NSE's far futures lie near."""
    return request.spot * (1.0 + repo * (expiry - request.on).days / DAYS_PER_YEAR)


def _check(rules: RuleBook, request: MarginRequest) -> None:
    where = "margin"
    if not request.legs:
        raise BadInput("no legs", where=where)
    if rules.session(request.on) is None:
        raise BadInput(f"{request.on} is not a trading day", where=where, fix="Name a session")
    if not 1 <= request.lots <= MAX_LOTS:
        raise BadInput(f"{request.lots} lots", where=where, fix=f"1 to {MAX_LOTS}")
    if not (math.isfinite(request.spot) and request.spot > 0):
        raise BadInput(f"a spot of {request.spot}", where=where, fix="The index level now, in points")
    if request.vol_annual is not None and not 0 < request.vol_annual < 5:
        raise BadInput(f"a volatility of {request.vol_annual}", where=where, fix="A fraction a year, such as 0.15")
    if request.vol_annual is None and not request.closes:
        raise BadInput("no volatility", where=where, fix="Give NSE's volatility of the day before, or daily bars")
    listed = rules.cycles(request.underlying, request.on)
    for leg in _legs(request):
        if leg.instrument.expiry not in listed:
            known = ", ".join(map(str, listed))
            raise BadInput(f"{leg.instrument} is not listed on {request.on}", where=where, fix=f"Listed: {known}")
    if request.exit_day is not None and request.exit_day < request.on:
        raise BadInput(f"an exit on {request.exit_day}, before {request.on}", where=where)
