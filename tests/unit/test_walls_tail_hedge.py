"""Wall 7: what is not bounded is blocked, what is bounded is judged by its gap and its adverse tail."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from quantsentinel.market.instruments import Package
from quantsentinel.portfolio.marks import payoff
from quantsentinel.portfolio.tail_loss import TailLoss, adverse_shortfall, tail_loss
from quantsentinel.pricing.tails import TailBounds
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.tail_hedge import CHECKS, tail_hedge
from quantsentinel.units import rupees
from tests.builders import YEARS, condor_package, market, vertical_package
from tests.wall_facts import (
    bear_put,
    by_name,
    long_call,
    outcome,
    short_strangle,
    wall_facts,
    with_limits,
    with_offer,
    with_terms,
)


def test_a_good_trade_passes_every_check_in_order_and_names_its_hedge() -> None:
    verdicts = tail_hedge(wall_facts())
    assert tuple(verdict.guard for verdict in verdicts) == CHECKS
    assert {verdict.outcome.value for verdict in verdicts} == {"passed"}
    assert verdicts[0].detail == "hedged by 24200 PE, 24800 CE"
    assert tail_hedge(wall_facts(long_call()))[0].detail == "nothing is sold"


def test_a_naked_structure_is_blocked_and_its_hedged_composite_is_not() -> None:
    naked = by_name(tail_hedge(wall_facts(short_strangle())))
    assert naked["tail_hedge.bounded"].outcome.value == "blocked"
    assert naked["tail_hedge.bounded"].measured is None
    assert naked["tail_hedge.adequate"].outcome.value == "unknown"
    assert outcome(tail_hedge(wall_facts(condor_package(width=200.0))), "tail_hedge.bounded") == "passed"


def test_a_priced_loss_does_not_hide_a_sold_call_that_nothing_covers() -> None:
    facts = with_terms(wall_facts(short_strangle()), max_loss=rupees(1_000))
    verdict = tail_hedge(facts)[0]
    assert (verdict.outcome.value, verdict.detail[:26]) == ("blocked", "1 sold calls without a bou")


@pytest.mark.parametrize(("loss", "expected"), [(None, "blocked"), (Decimal("NaN"), "unknown")])
def test_a_loss_without_a_number_never_passes(loss: Any, expected: str) -> None:
    assert outcome(tail_hedge(with_terms(wall_facts(), max_loss=loss)), "tail_hedge.bounded") == expected


def test_the_tail_may_reach_the_trade_loss_budget_and_not_pass_it() -> None:
    facts = wall_facts()
    loss = by_name(tail_hedge(facts))["tail_hedge.adequate"].measured
    assert isinstance(loss, float)
    for more, expected in ((0.01, "passed"), (-0.01, "blocked")):
        limited = with_limits(facts, max_loss_per_trade=0.5, capital=rupees(2 * (loss + more)))
        assert outcome(tail_hedge(limited), "tail_hedge.adequate") == expected


def test_the_gap_is_valued_at_once_and_the_stressed_loss_without_its_flat_costs() -> None:
    facts = wall_facts(vertical_package())
    found = tail_loss(facts.opportunity, facts.tenant.view, facts.tenant.desk)
    paid = facts.opportunity.executable
    assert found.gap == pytest.approx(paid, rel=0.02)
    assert found.shortfall == pytest.approx(paid, rel=0.02)
    assert found.stressed == pytest.approx(facts.opportunity.entry_zone[1], abs=0.01)
    assert found.worst == max(found.gap or 0, found.shortfall or 0, found.stressed or 0)


def flat_bounds(strikes: list[float], above: list[float], slack: float = 0.0) -> TailBounds:
    exact = np.array(above)
    return TailBounds(np.array(strikes), np.clip(exact - slack, 0, 1), np.clip(exact + slack, 0, 1))


def test_the_adverse_shortfall_is_the_mean_of_the_worst_mass_that_quotes_allow() -> None:
    strikes = [24_000.0, 24_100.0, 24_200.0, 24_300.0, 24_700.0, 24_800.0]
    package = condor_package()
    # 1 % lies below 24,200 (loss 100), 1 % between 24,200 and 24,300 (up to 100), 2 % above 24,700 (up to 100).
    exact = flat_bounds(strikes, [1.0, 1.0, 0.99, 0.98, 0.02, 0.01])
    assert adverse_shortfall(package, exact, 24_500.0, 0.025) == pytest.approx(100.0)
    # A tail of 1 % in all: three quarters of the worst 4 % are not in it, and lose nothing.
    thin = flat_bounds(strikes, [1.0, 1.0, 1.0, 1.0, 0.01, 0.01])
    assert adverse_shortfall(package, thin, 24_500.0, 0.04) == pytest.approx(25.0)
    loose = flat_bounds(strikes, [1.0, 1.0, 1.0, 1.0, 0.01, 0.01], slack=0.005)
    assert adverse_shortfall(package, loose, 24_500.0, 0.04) > 25.0
    assert adverse_shortfall(short_strangle(), exact, 24_500.0, 0.025) == float("inf")


@pytest.mark.parametrize("vol", [0.06, 0.12, 0.25])
@pytest.mark.parametrize("package", [condor_package(), condor_package(out=500.0), vertical_package(), bear_put()])
def test_the_adverse_tail_is_never_better_than_the_density_that_made_the_quotes(package: Package, vol: float) -> None:
    view = market(vol=vol)
    (part,) = view.analytics.slices
    levels = np.linspace(0.0, 1.0, 20_002)[1:-1]
    deviation = vol * np.sqrt(YEARS)
    settled = 24_500.0 * np.exp(deviation * ndtri(levels) - deviation**2 / 2)
    lost = np.sort([-payoff(package.legs, level) for level in settled.tolist()])[::-1][:500].mean()
    assert adverse_shortfall(package, part.tail_bounds, 24_500.0, 0.025) >= lost - 1e-6


def unknowns() -> dict[str, Facts]:
    facts = wall_facts()
    economics = facts.opportunity.economics
    view = replace(facts.tenant.view, analytics=market(forward_known=False).analytics, history_digest="other")
    first, *rest = facts.opportunity.legs
    return {
        "forward": replace(facts, tenant=replace(facts.tenant, view=view)),
        "stressed": with_offer(facts, economics=replace(economics, stressed_loss=Decimal("NaN"))),
        "prices": with_offer(facts, legs=(replace(first, mid=float("nan")), *rest)),
        "charges": with_terms(facts, entry_charges=Decimal("NaN")),
        "budget": replace(facts, budget=replace(facts.budget, trade_loss=Decimal("NaN"))),
    }


@pytest.mark.parametrize(("name", "facts"), unknowns().items())
def test_a_tail_that_cannot_be_told_is_unknown(name: str, facts: Facts) -> None:
    assert outcome(tail_hedge(facts), "tail_hedge.adequate") == "unknown", name


def test_a_calendar_has_its_maximum_loss_for_a_tail() -> None:
    facts = wall_facts(vertical_package())
    near, far = facts.opportunity.package.legs
    later = replace(far, instrument=replace(far.instrument, expiry=facts.key.expiry.replace(month=9, day=30)))
    calendar = with_offer(facts, package=Package(facts.opportunity.family, (near, later)))
    found = tail_loss(calendar.opportunity, facts.tenant.view, facts.tenant.desk)
    assert isinstance(found, TailLoss)
    assert found.shortfall == pytest.approx(facts.opportunity.entry_zone[1], abs=0.01)
    unbounded = with_offer(calendar, max_loss=None)
    assert tail_loss(unbounded.opportunity, facts.tenant.view, facts.tenant.desk).worst is None
