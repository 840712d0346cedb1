"""Wall 1: a structure is entered only in a regime that allows it, and never in one that is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantsentinel.circumstances import REGIMES
from quantsentinel.features.regime import Regime
from quantsentinel.market.instruments import Family
from quantsentinel.opportunity.structures import NAKED
from quantsentinel.portfolio.sizing import Rung
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.regime import CHECKS, regime, regime_rung
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import desk
from tests.wall_facts import wall_facts, with_policy

UNKNOWN = Regime(reason="no_forecast_history")


def known(name: str) -> Regime:
    level, trend = name.split("_")
    return Regime(level, trend, forecast_vol=0.15, implied_over_forecast=1.1, trend_sds=0.4)


def under(found: Regime, family: Family = Family.IRON_CONDOR) -> Facts:
    facts = wall_facts()
    tenant = replace(facts.tenant, view=replace(facts.tenant.view, regime=found))
    package = replace(facts.opportunity.package, family=family)
    return replace(facts, tenant=tenant, opportunity=replace(facts.opportunity, package=package))


def asked(found: Regime, family: Family = Family.IRON_CONDOR) -> Verdict:
    (verdict,) = regime(under(found, family))
    assert verdict.guard == CHECKS[0]
    return verdict


@pytest.mark.parametrize("name", REGIMES)
@pytest.mark.parametrize("family", Family)
def test_exactly_the_structures_on_the_regime_s_list_pass(name: str, family: Family) -> None:
    listed = family in desk().policy.regime.allowed[name]
    verdict = asked(known(name), family)
    assert verdict.outcome is (Outcome.PASSED if listed else Outcome.BLOCKED)
    assert (verdict.measured, verdict.limit) == (family.value, name)


def test_no_regime_allows_a_naked_structure_and_stress_with_a_trend_none_that_collects() -> None:
    allowed = desk().policy.regime.allowed
    assert not NAKED.intersection(family for families in allowed.values() for family in families)
    collecting = {Family.IRON_CONDOR, Family.IRON_BUTTERFLY, Family.BULL_PUT, Family.BEAR_CALL}
    assert not collecting.intersection(allowed["stressed_trending"])


@pytest.mark.parametrize(
    "found",
    [UNKNOWN, replace(known("calm_ranging"), level=None), replace(known("calm_ranging"), trend=None)]
    + [replace(known("calm_ranging"), trend="sideways")],
)
def test_a_regime_that_is_not_known_allows_nothing_and_leaves_no_size(found: Regime) -> None:
    assert asked(found).outcome is Outcome.UNKNOWN
    assert "not known" in asked(found).detail
    assert regime_rung(under(found).tenant).percent == 0


def test_the_verdict_says_what_the_regime_was_seen_by() -> None:
    strained = replace(known("normal_ranging"), strained=True)
    assert asked(strained).detail == "forecast vol 15.0%, options far from it, trend 0.4 deviations"
    assert asked(UNKNOWN).detail.endswith("no_forecast_history")


@pytest.mark.parametrize("name", REGIMES)
def test_the_regime_s_rung_is_the_policy_s_size(name: str) -> None:
    percent = desk().policy.regime.size_percent[name]
    assert regime_rung(under(known(name)).tenant) == Rung("regime", percent, name.replace("_", ", "))


def test_another_policy_s_list_decides() -> None:
    only = dict.fromkeys(REGIMES, (Family.LONG_PUT,))
    facts = with_policy(under(known("calm_ranging")), "regime", allowed=only)
    assert regime(facts)[0].outcome is Outcome.BLOCKED


def test_receipts_of_different_readings_differ() -> None:
    found = {asked(known(name), family).input_hash for name in REGIMES for family in Family}
    assert len(found) == len(REGIMES) * len(Family)
