"""The sizing ladder: each source of doubt stands on a step, the lowest one is the size, and each says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.sizing import Sizing
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.health import Health
from quantsentinel.risk.ladder import SOURCES, STEPS, rungs
from quantsentinel.signals.decision import TenantDecision
from tests.builders import SESSION, account, as_of, desk, market, offering

NAMES = ("disagreement", "degradation", "drift", "regime", "news")


def decide(features: Any = None, disagreement: float = 0.0, drift: float | None = None) -> TenantDecision:
    facts = doubtful(features, disagreement, drift)
    return tenant_pass(facts.view, Book(), facts.account, facts.desk, facts.as_of)


def doubtful(features: Any = None, disagreement: float = 0.0, drift: float | None = None) -> TenantFacts:
    view = offering(market())
    told = view.features if features is None else features
    view = replace(view, features=told, consensus=replace(view.consensus, disagreement=disagreement))
    health = () if drift is None else (Health("nse vol_gap", "NIFTY", SESSION, drift),)
    return TenantFacts(view, Book(session=SESSION), account(), desk(), as_of(view, health=health))


def sizing(decision: TenantDecision) -> Sizing:
    (event,) = decision.entries
    assert event.sizing is not None
    return event.sizing


def percents(facts: TenantFacts) -> dict[str, int]:
    return {rung.name: rung.percent for rung in rungs(facts)}


def test_without_doubt_the_size_is_full_and_every_source_says_so() -> None:
    found = sizing(decide())
    assert found.multiplier == 100
    assert {rung.name: rung.percent for rung in found.rungs} == dict.fromkeys(NAMES, 100)
    assert all(rung.reason for rung in found.rungs)


@pytest.mark.parametrize("name", ["disagreement", "degradation", "drift"])
def test_a_source_steps_down_once_for_each_limit_it_reaches(name: str) -> None:
    limits = getattr(desk().policy.ladder, name)
    steps = []
    for measured in (limits[0] - 1e-6, *limits):
        given = {"features": {"forecast_qlike_ratio": measured}} if name == "degradation" else {name: measured}
        steps.append(percents(doubtful(**given))[name])
    assert tuple(steps) == STEPS == (100, 75, 50, 25, 0)


def test_the_lowest_rung_is_the_size_and_rungs_do_not_multiply() -> None:
    policy, full = desk().policy.ladder, sizing(decide()).lots
    halved = sizing(decide(disagreement=policy.disagreement[0], drift=policy.drift[1]))
    assert halved.multiplier == 50
    assert halved.lots == full // 2
    assert full >= 4


def test_a_rung_at_zero_takes_the_last_lot_and_is_named() -> None:
    decision = decide(drift=desk().policy.ladder.drift[3])
    (refusal,) = decision.refusals
    assert refusal.first.guard == "sizing"
    assert "drift" in refusal.first.detail


def test_a_forecast_that_cannot_be_judged_yet_gets_less_than_the_full_size() -> None:
    assert percents(doubtful(features={}))["degradation"] == desk().policy.ladder.unknown_degradation < 100
    assert percents(doubtful(features={"forecast_qlike_ratio": None}))["degradation"] < 100


@pytest.mark.parametrize("name", ["disagreement", "drift"])
def test_a_doubt_that_is_no_number_takes_the_whole_size(name: str) -> None:
    assert percents(doubtful(**{name: float("nan")}))[name] == 0


def test_a_reading_that_is_no_number_is_the_worst_whatever_stands_beside_it() -> None:
    facts = doubtful()
    for values in ((0.1, float("nan")), (float("nan"), 0.1)):
        health = tuple(Health(f"relation {at}", "NIFTY", SESSION, value) for at, value in enumerate(values))
        assert percents(replace(facts, as_of=replace(facts.as_of, health=health)))["drift"] == 0


def test_a_forecast_loss_that_is_no_number_counts_as_unknown() -> None:
    told = percents(doubtful(features={"forecast_qlike_ratio": float("nan")}))
    assert told["degradation"] == desk().policy.ladder.unknown_degradation


def test_the_drift_of_another_underlying_says_nothing() -> None:
    facts = doubtful()
    other = replace(facts.as_of, health=(Health("nse vol_gap", "BANKNIFTY", SESSION, 9.0),))
    assert percents(replace(facts, as_of=other))["drift"] == 100


def test_every_source_is_asked() -> None:
    assert tuple(rung.name for rung in rungs(doubtful())) == NAMES
    assert len(SOURCES) == len(NAMES) == 5
