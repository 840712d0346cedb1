"""Small honest objects for tests of the tenant's side: a flat-vol market, packages priced on it, accounts, decisions.

Prices come from Black-76 on one expiry, charges and lots from the real rule book; nothing here is typed in by hand that
the code under test would compute.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from quantsentinel.accounts.account import Account, Limits, Mode, Status
from quantsentinel.alpha.view import Consensus
from quantsentinel.canonical import digest, short_id
from quantsentinel.desk import Desk, load_policy
from quantsentinel.distribution import Relation
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.regime import Regime
from quantsentinel.features.timeline import SliceTimes
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Family, Instrument, Leg, Package
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import VALUE_COLUMNS, Slice, Snapshot
from quantsentinel.opportunity.candidates import Candidates
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Economics, LegExpectation, Opportunity, PackageGreeks
from quantsentinel.opportunity.reprice import Costs, Ticket, costs_at
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.marks import payoff
from quantsentinel.pricing import black76
from quantsentinel.risk.facts import AsOf
from quantsentinel.units import Rupees, quantise, quantise_price, rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.index_factors import factors

SESSION = date(2025, 8, 21)
EXPIRY = date(2025, 8, 28)
TEN = datetime(2025, 8, 21, 10, 0, tzinfo=IST)
YEARS = 5 / 252
TICK = 0.05
SIZE = 75_000.0
FORWARDS = {"NIFTY": 24_500.0, "BANKNIFTY": 55_500.0}


@cache
def desk() -> Desk:
    return Desk(rules=load_rules(), policy=load_policy(), code_version="test")


def market(
    at: datetime = TEN,
    *,
    underlying: str = "NIFTY",
    move: float = 0.0,
    vol: float = 0.12,
    unquoted: tuple[tuple[float, str], ...] = (),
    half_spread: float = 0.25,
    forward_known: bool = True,
) -> MarketView:
    """One expiry of 21 strikes, 100 points apart, at one vol; `move` shifts the forward, `unquoted` empties quotes."""
    forward = FORWARDS[underlying] + move
    strike = FORWARDS[underlying] + 100.0 * np.arange(-10, 11)
    received = at - timedelta(seconds=2)
    sides = {
        right: _quotes(forward, strike, vol, right, half_spread, [k for k, r in unquoted if r == right])
        for right in ("CE", "PE")
    }
    snapshot = Snapshot.build(
        underlying=underlying,
        source="simulator",
        capability="quotes",
        slices={EXPIRY: Slice(EXPIRY, received - timedelta(seconds=1), received)},
        expiry=np.full(len(strike), np.datetime64(EXPIRY)),
        strike=strike,
        call=sides["CE"],
        put=sides["PE"],
        spot=forward,
    )
    return _view(snapshot, _analytics(snapshot, forward if forward_known else None, vol, received))


def _view(snapshot: Snapshot, analytics: MarketAnalytics) -> MarketView:
    """Without opportunities. The history's digest tells a known forward from an unknown one."""
    return MarketView(
        underlying=snapshot.underlying,
        session=snapshot.received_at.astimezone(IST).date(),
        observed_at=snapshot.received_at,
        received_at=snapshot.received_at,
        snapshot_digest=snapshot.digest,
        history_digest=digest(["history", analytics.slices[0].forward]),
        desk_digest=desk().digest,
        features={"forecast_qlike_ratio": 0.9},
        views=(),
        consensus=Consensus(None, None, 0.0, 0.0, (), "no view in this test"),
        opportunities=(),
        candidates=no_candidates(),
        entries_refused="",
        regime=Regime("normal", "ranging", forecast_vol=0.14, implied_over_forecast=1.0, trend_sds=0.2),
        analytics=analytics,
        snapshot=snapshot,
        factors=factors(snapshot.underlying),
    )


def no_candidates() -> Candidates:
    legs = np.zeros((0, 4))
    return Candidates({}, np.zeros((0, 3), dtype=np.int64), (), (), (), legs, legs > 0, legs)


def _quotes(
    forward: float, strike: Any, vol: float, right: str, half_spread: float, empty: list[float]
) -> dict[str, Any]:
    fair = np.asarray(black76.price(forward, strike, YEARS, vol, 1.0, right == "CE"))
    quoted = ~np.isin(strike, empty)
    bid = np.maximum(np.floor((fair - half_spread) / TICK) * TICK, 0.0)
    ask = np.ceil((fair + half_spread) / TICK) * TICK
    columns = {name: np.zeros(len(strike)) for name in VALUE_COLUMNS}
    columns["bid"], columns["ask"] = np.where(quoted, bid, 0.0).round(2), np.where(quoted, ask, 0.0).round(2)
    columns["bid_size"], columns["ask_size"] = np.where(quoted, SIZE, 0.0), np.where(quoted, SIZE, 0.0)
    return columns


def _analytics(snapshot: Snapshot, forward: float | None, vol: float, at: datetime) -> MarketAnalytics:
    chain = snapshot.chain(0)
    greeks = black76.greeks(forward or 1.0, chain.strike, YEARS, vol, 1.0, True)
    known = np.full(len(chain), vol if forward else np.nan)
    part = SliceAnalytics(
        chain=chain,
        times=SliceTimes(7 / 365, YEARS, 1.0),
        usable_call=(chain.call["bid"] > 0) & (chain.call["ask"] > 0),
        usable_put=(chain.put["bid"] > 0) & (chain.put["ask"] > 0),
        forward=forward,
        forward_stderr=0.1,
        vol=known,
        call_delta=np.asarray(greeks.delta),
        put_delta=np.asarray(greeks.delta) - 1.0,
        gamma=np.asarray(greeks.gamma),
        vega=np.asarray(greeks.vega),
        theta_call=np.asarray(greeks.theta),
        theta_put=np.asarray(greeks.theta),
        svi=None,
        atm_vol=vol if forward else None,
        density=None,
        physical=None,
        reason="",
    )
    return MarketAnalytics(
        underlying=snapshot.underlying,
        session=SESSION,
        observed_at=at,
        received_at=at,
        tick=TICK,
        slices=(part,),
        forecast=None,
        forecast_reason="none in this test",
        realised=None,
        sessions=0,
        rule_rows=(),
    )


# --- Packages ---------------------------------------------------------------------------------------------------------
def condor_package(underlying: str = "NIFTY", width: float = 100.0, out: float = 200.0) -> Package:
    """Sells a strangle `out` points from the middle strike and buys wings `width` further out."""
    middle = FORWARDS[underlying]

    def leg(strike: float, right: Any, side: Any) -> Leg:
        return Leg(Instrument(underlying, EXPIRY, strike, right), side)

    wings = (leg(middle - out - width, "PE", 1), leg(middle + out + width, "CE", 1))
    return Package(Family.IRON_CONDOR, (*wings, leg(middle - out, "PE", -1), leg(middle + out, "CE", -1)))


def vertical_package(underlying: str = "NIFTY") -> Package:
    middle = FORWARDS[underlying]
    buy, sell = Instrument(underlying, EXPIRY, middle, "CE"), Instrument(underlying, EXPIRY, middle + 200, "CE")
    return Package(Family.BULL_CALL, (Leg(buy, 1), Leg(sell, -1)))


def opportunity(view: MarketView, package: Package | None = None, **changes: Any) -> Opportunity:
    """The package as quoted on the view, believed to be worth 40 points a unit more than its mid."""
    package = package or condor_package(view.underlying)
    ticket = _ticket(view, package)
    legs = list(zip(package.legs, ticket.legs, strict=True))
    mid = round(sum(leg.signed * quote.mid for leg, quote in legs), 6)
    now = round(sum(leg.signed * (quote.ask if leg.side > 0 else quote.bid) for leg, quote in legs), 6)
    worst = quantise_price(now + 1.0, TICK)
    costs = costs_at(ticket, 1, desk().rules.charges(view.underlying, view.session))
    corners = [payoff(package.legs, level) for level in (0.0, 1e6, *(leg.instrument.strike for leg in package.legs))]
    flat = costs.entry + costs.depth_impact
    loss = rupees(Decimal(str(worst - min(corners))) * ticket.lot + flat)
    built = Opportunity(
        opportunity_id=short_id("opp", view.underlying, package, view.snapshot_digest),
        package=package,
        legs=ticket.legs,
        lot=ticket.lot,
        tick=TICK,
        freeze_units=desk().rules.freeze_quantity(view.underlying, view.session).value,
        mid=mid,
        executable=now,
        entry_zone=(mid, worst),
        target=quantise_price(worst + 20.0, TICK),
        stop=quantise_price(worst - 30.0, TICK),
        time_stop=datetime(2025, 8, 26, 15, 15, tzinfo=IST),
        valid_until=view.received_at + timedelta(minutes=15, seconds=2),
        max_profit=rupees(Decimal(str(max(corners) - worst)) * ticket.lot - flat),
        max_loss=loss,
        breakevens=(FORWARDS[view.underlying] - 250.0, FORWARDS[view.underlying] + 250.0),
        margin_now=rupees(30_000),
        margin_expiry_day=rupees(36_000),
        greeks=PackageGreeks(0.0, -0.1, -50.0, 200.0),
        economics=_economics(ticket, costs, rupees(Decimal(str(round(now - mid, 6))) * ticket.lot), loss),
        score=0.1,
        verdicts=hard_rules(view),
        rule_rows=("lot-nifty",),
        expectations=ticket.expectations,
    )
    return replace(built, **changes)


def _ticket(view: MarketView, package: Package) -> Ticket:
    """Raises when a leg is not quoted on the view."""
    quotes = [view.analytics.leg_price(leg.instrument) for leg in package.legs]
    legs = tuple(quote for quote in quotes if quote is not None)
    assert len(legs) == len(quotes), "every leg is quoted on the view"
    lot = desk().rules.lot(view.underlying, EXPIRY, view.session).value
    return Ticket(package, legs, tuple(LegExpectation(10.0, 0.2) for _ in legs), lot, TICK)


def _economics(ticket: Ticket, costs: Costs, spread: Rupees, loss: Rupees) -> Economics:
    gross = rupees(40.0 * ticket.lot)
    frictions = rupees(spread + costs.entry + costs.depth_impact + costs.exit_charges)
    return Economics(
        gross_edge=gross,
        frictions=frictions,
        net_ev=rupees(gross - frictions),
        cost_ratio=quantise(float(frictions / gross)),
        win_probability=0.6,
        stressed_loss=loss,
        cost_lines=costs.charges.lines,
        half_spread=spread,
        depth_impact=costs.depth_impact,
        exit_charges=costs.exit_charges,
    )


def hard_rules(view: MarketView, failing: str = "") -> tuple[Verdict, ...]:
    """Verdicts as the market pass makes them; `failing` names one that blocks."""
    names = ("bounded_loss", "net_ev", "cost_ratio", "win_probability", "net_ev_of_stressed_loss")
    outcomes = {name: Outcome.BLOCKED if name == failing else Outcome.PASSED for name in names}
    return tuple(
        Verdict(name, 1, outcome, 1.0, 0.5, "share", view.snapshot_digest) for name, outcome in outcomes.items()
    )


def offering(view: MarketView, *packages: Package, **changes: Any) -> MarketView:
    """The view with an opportunity for each package (one condor without any), best first."""
    found = tuple(opportunity(view, package, **changes) for package in (packages or (condor_package(view.underlying),)))
    return replace(view, opportunities=found)


# --- Tenants and decisions --------------------------------------------------------------------------------------------
def account(tenant_id: str = "acme-fund", **changes: Any) -> Account:
    """Thirty days old, live, ₹20 lakh, default limits; `changes` may name limits too."""
    limits = {name: changes.pop(name) for name in list(changes) if name in Limits.__dataclass_fields__}
    base = Account(
        tenant_id=tenant_id,
        name="Acme Fund",
        created_at=TEN - timedelta(days=30),
        status=Status.ACTIVE,
        mode=Mode.LIVE,
        capital=rupees(2_000_000),
        capital_declared_on=SESSION - timedelta(days=30),
        relation=Relation.SELF,
        limits=replace(Limits(), **limits),
    )
    return replace(base, **changes)


def as_of(view: MarketView, **changes: Any) -> AsOf:
    """Decided two seconds after the receipt, a minute after the cycle before."""
    decided = view.received_at + timedelta(seconds=2)
    base = AsOf(
        decided_at=decided,
        cycle_id=short_id("cyc", view.snapshot_digest),
        previous_accepted_at=decided - timedelta(seconds=60),
    )
    return replace(base, **changes)


def empty_book() -> Book:
    return Book()
