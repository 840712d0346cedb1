"""Switches that the market, the clock or a person pulls: drawdown, broker, exchange, symbol, stale models, silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from quantsentinel.desk import Desk
from quantsentinel.market.calendar import IST
from quantsentinel.models.predictor import Prediction
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.castle import SWITCHES, ask_switches
from quantsentinel.risk.facts import KillState, TenantFacts
from quantsentinel.risk.kill_state import Ack, Rearm
from quantsentinel.risk.switches.scopes import scopes_of
from quantsentinel.risk.tripped import turned
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.units import Rupees, rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import SESSION, TEN, account, as_of, desk, market, offering

TENANT = "acme-fund"
ON = ("master", f"tenant:{TENANT}", f"strategy:{TENANT}", "symbol:NIFTY", "broker:upstox", "exchange:NSE")
BLOCKS = dict(
    zip(
        (*ON, "broker:simulator", "stale_data:NIFTY"),
        ("master", "tenant_kill", "strategy_drawdown", "symbol_anomaly", "broker_outage", "exchange_event")
        + ("broker_outage", "stale_data"),
        strict=True,
    )
)


def kill(scope: str, at: datetime = TEN - timedelta(minutes=5), released: datetime | None = None) -> KillState:
    return KillState(scope, "risk desk", "drill", at, released=Ack("ben", "looked", released) if released else None)


def decide(view: MarketView, book: Book, *kills: KillState) -> TenantDecision:
    return tenant_pass(view, book, account(), desk(), as_of(view, kills=kills))


def blocking(decision: TenantDecision) -> list[str]:
    return [verdict.guard for verdict in decision.switches if verdict.stops]


def asked(name: str, **changes: Any) -> Verdict:
    view = offering(market())
    facts = replace(TenantFacts(view, Book(session=SESSION), account(), desk(), as_of(view)), **changes)
    return next(verdict for verdict in ask_switches(facts) if verdict.guard == name)


@pytest.mark.parametrize("scope", BLOCKS)
def test_a_pulled_switch_blocks_by_its_own_name_and_says_who_and_why(scope: str) -> None:
    decision = decide(offering(market()), Book(), kill(scope))
    assert decision.entries == ()
    assert blocking(decision) == [BLOCKS[scope]]
    assert "drill" in next(verdict.detail for verdict in decision.switches if verdict.stops)


@pytest.mark.parametrize(
    "scope", ["tenant:other", "strategy:other", "symbol:BANKNIFTY", "broker:groww", "exchange:BSE"]
)
def test_a_switch_of_somebody_else_blocks_nothing(scope: str) -> None:
    assert blocking(decide(offering(market()), Book(), kill(scope))) == []


def test_a_pass_sees_the_switches_of_its_tenant_underlying_broker_source_and_exchange() -> None:
    assert scopes_of(TENANT, market(), desk()) == set(BLOCKS)
    bank = scopes_of("other", market(underlying="BANKNIFTY"), desk())
    assert {"symbol:BANKNIFTY", "tenant:other", "exchange:NSE"} <= bank
    assert not {"symbol:NIFTY", f"tenant:{TENANT}"} & bank


def test_an_underlying_of_which_no_rule_says_where_it_is_traded_is_unknown() -> None:
    view = market()
    assert asked("exchange_event", view=replace(view, underlying="DOGE")).outcome is Outcome.UNKNOWN


# --- Drawdown ---
def test_equity_a_tenth_below_its_peak_trips_and_only_a_person_re_arms_it() -> None:
    book = decide(market(), Book()).book_after
    assert book.peak_equity == 2_000_000
    fallen = replace(book, realised=rupees(-200_001), settlement_pnl=rupees(-200_001))
    tripped = decide(market(TEN + timedelta(minutes=1)), fallen)
    assert blocking(tripped) == ["strategy_drawdown"]
    since = datetime.fromisoformat(tripped.book_after.latched["strategy_drawdown"])
    better = replace(tripped.book_after, realised=rupees(0), settlement_pnl=rupees(0))
    assert blocking(decide(market(TEN + timedelta(minutes=2)), better)) == ["strategy_drawdown"]
    later = market(TEN + timedelta(minutes=3))
    stale = kill(f"strategy:{TENANT}", at=since - timedelta(days=9), released=since - timedelta(days=8))
    assert blocking(decide(later, tripped.book_after, stale)) == ["strategy_drawdown"], "a word about another trip"
    tomorrow = kill(f"strategy:{TENANT}", at=since, released=since + timedelta(days=1))
    assert blocking(decide(later, tripped.book_after, tomorrow)) == ["strategy_drawdown"], "its time has not come"
    word = kill(f"strategy:{TENANT}", at=since, released=since + timedelta(seconds=30))
    again = decide(later, tripped.book_after, word)
    assert blocking(again) == []
    assert again.book_after.peak_equity == 2_000_000 - 200_001, "the peak counts anew"
    assert again.book_after.latched == {}


@pytest.mark.parametrize(("lost", "outcome"), [(200_000, Outcome.PASSED), (200_002, Outcome.BLOCKED)])
def test_a_drawdown_is_measured_to_a_millionth_against_its_limit(lost: int, outcome: Outcome) -> None:
    book = Book(session=SESSION, realised=rupees(-lost), settlement_pnl=rupees(-lost), peak_equity=rupees(2_000_000))
    verdict = asked("strategy_drawdown", book=book)
    assert (verdict.outcome, verdict.measured) == (outcome, round(lost / 2_000_000, 6))


@pytest.mark.parametrize("peak", [rupees(0), rupees(-5)])
def test_a_peak_of_which_no_share_can_be_taken_is_unknown(peak: Rupees) -> None:
    book = Book(session=SESSION, peak_equity=peak)
    assert asked("strategy_drawdown", book=book).outcome is Outcome.UNKNOWN


# --- What the book's latches tell ---
def test_a_trip_in_the_book_is_told_once_with_its_rule_and_its_end() -> None:
    fallen = Book(session=SESSION, realised=rupees(-300_000), peak_equity=rupees(2_000_000))
    view = market()
    decision = decide(view, fallen)
    told = {turn.scope: turn for turn in turned(fallen, decision.inputs, decision.switches)}
    assert {scope: turn.rearm for scope, turn in told.items()} == {
        f"daily_loss:{TENANT}": Rearm.NEXT_OPEN,
        f"strategy:{TENANT}": Rearm.ACKNOWLEDGED,
    }
    states = {scope: turn.state for scope, turn in told.items() if turn.state}
    assert states[f"daily_loss:{TENANT}"].until == datetime(2025, 8, 22, 9, 15, tzinfo=IST)
    assert states[f"strategy:{TENANT}"].why == "strategy_drawdown: 0.15 share of peak equity, limit 0.1"
    after = decide(market(TEN + timedelta(minutes=1)), decision.book_after)
    assert turned(decision.book_after, after.inputs, after.switches) == ()


def test_a_floor_that_is_broken_is_told_and_a_quiet_pass_tells_nothing() -> None:
    poor = account(capital=rupees(40_000))
    view = market()
    decision = tenant_pass(view, Book(), poor, desk(), as_of(view))
    assert [turn.scope for turn in turned(Book(), decision.inputs, decision.switches)] == [f"capital_floor:{TENANT}"]
    quiet = decide(view, Book())
    assert turned(Book(), quiet.inputs, quiet.switches) == ()


# --- Models ---
@dataclass(frozen=True)
class Model:
    """A fitted model that says until when it learned, or not."""

    trained: str | None
    fingerprint: str = "sha256:of-this-test"
    inputs: tuple[str, ...] = ()

    def predict(self, features: Mapping[str, float | str | None]) -> Prediction:
        return Prediction(None, 0.0, "abstains")


def fitted(trained: str | None, cadence: float | None) -> Desk:
    policy = desk().policy
    cadences = {**policy.switches.cadence_days, **({"model.direction_tilt": cadence} if cadence else {})}
    switches = policy.switches.model_copy(update={"cadence_days": cadences})
    return replace(
        desk(), models={"direction_tilt": Model(trained)}, policy=policy.model_copy(update={"switches": switches})
    )


@pytest.mark.parametrize(
    ("trained", "cadence", "outcome"),
    [
        ("2025-06-01..2025-08-07", 7.0, Outcome.PASSED),
        ("2025-06-01..2025-08-06", 7.0, Outcome.BLOCKED),
        ("2025-06-01..2026-08-06", 7.0, Outcome.PASSED),
        ("some day", 7.0, Outcome.UNKNOWN),
        (None, 7.0, Outcome.UNKNOWN),
        ("2025-06-01..2025-08-07", None, Outcome.UNKNOWN),
    ],
)
def test_a_model_older_than_twice_its_cadence_stops(
    trained: str | None, cadence: float | None, outcome: Outcome
) -> None:
    verdict = asked("model_staleness", desk=fitted(trained, cadence))
    assert verdict.outcome is outcome
    assert "model.direction_tilt" in verdict.detail or outcome is Outcome.PASSED


def test_newer_parameters_re_arm_and_what_is_served_today_has_a_cadence() -> None:
    late = replace(offering(market()), session=date(2031, 1, 6))
    old = asked("model_staleness", view=late)
    assert (old.outcome, old.detail[:16]) == (Outcome.BLOCKED, "volatility.clock")
    served = desk().volatility
    newer = replace(served, trained=dict.fromkeys(served.trained, "2011-01-03..2030-12-31"), digest="sha256:newer")
    assert asked("model_staleness", view=late, desk=replace(desk(), volatility=newer)).outcome is Outcome.PASSED
    assert asked("model_staleness").outcome is Outcome.PASSED


def test_every_switch_is_asked_under_one_name() -> None:
    names = [guard.name for guard in SWITCHES]
    assert len(names) == len(set(names))
    twelve = {"strategy_drawdown", "daily_loss", "symbol_anomaly", "broker_outage", "exchange_event", "capital_floor"}
    twelve |= {"stale_data", "model_staleness", "dry_run_lock", "master"}
    assert twelve <= set(names)
