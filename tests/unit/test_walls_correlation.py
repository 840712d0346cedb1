"""Wall 5 and its switch: what gains and loses together, by the P&L of scenarios and not by names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from quantsentinel.market.instruments import Family, Package
from quantsentinel.opportunity.factors import Factors
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, Position
from quantsentinel.portfolio.codec import decode_book, encode_book
from quantsentinel.portfolio.comovement import book_correlation, normal_draws, scenario_moves
from quantsentinel.risk.facts import Facts, TenantFacts
from quantsentinel.risk.switches.correlation_cluster import correlation_cluster, latched
from quantsentinel.risk.walls.correlation import correlation
from quantsentinel.verdict import Verdict
from tests.builders import TEN, account, as_of, condor_package, desk, market, offering, vertical_package
from tests.index_factors import factors
from tests.wall_facts import bear_put, leg, long_call, positions, wall_facts

WIDE = condor_package(width=200.0)


def asked(facts: Facts) -> Verdict:
    (verdict,) = correlation(facts)
    return verdict


def alike(*packages: Package) -> float:
    value = book_correlation(positions(*packages), market(), desk()).value
    assert value is not None
    return value


def test_the_draws_have_mean_zero_and_covariance_one() -> None:
    draws = normal_draws(128, 3)
    assert draws.shape == (128, 3)
    assert draws.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert draws.T @ draws / 128 == pytest.approx(np.eye(3), abs=1e-9)


def test_the_scenarios_have_the_covariance_of_the_factors() -> None:
    known, policy = factors("NIFTY"), desk().policy.scenarios
    moves, scales = scenario_moves(known, desk())
    logs = np.column_stack([np.log1p(moves), np.log(scales)])
    found = np.corrcoef(logs.T)
    assert logs.std(axis=0) == pytest.approx([*known.vol_daily, policy.vol_of_vol_daily], rel=1e-6)
    assert found[0, 1] == pytest.approx(known.correlation[0][1], abs=1e-6)
    # Vol goes with the mean of the indices; each of them alone is a little less alike.
    assert found[0, 2] == pytest.approx(policy.vol_index_correlation * np.sqrt((1 + 0.862) / 2), abs=1e-6)


def test_correlations_that_contradict_each_other_become_one_common_factor() -> None:
    torn = factors("NIFTY", correlation=((1.0, 1.2), (1.2, 1.0)))
    moves, _ = scenario_moves(torn, desk())
    assert np.corrcoef(np.log1p(moves).T)[0, 1] == pytest.approx(1.0)


def test_the_same_package_twice_is_one_and_its_mirror_image_minus_one() -> None:
    assert alike(condor_package(), condor_package()) == pytest.approx(1.0)
    assert alike(vertical_package(), bear_put()) < -0.9


def test_what_is_alike_by_name_may_be_unlike_and_the_other_way_round() -> None:
    assert abs(alike(condor_package(), vertical_package())) < 0.3
    assert alike(long_call(), vertical_package()) > 0.7
    assert alike(vertical_package(), vertical_package("BANKNIFTY")) > 0.7


def test_a_stranger_to_the_factors_moves_one_to_one_with_the_views_index() -> None:
    only = Factors(("NIFTY",), (0.0073,), ((1.0,),), (24_500.0,), (0.14,), 60, 0.0)
    held, view = positions(vertical_package(), vertical_package("BANKNIFTY")), market()
    known, adverse = (book_correlation(held, replace(view, factors=one), desk()).value for one in (view.factors, only))
    assert known is not None
    assert adverse is not None
    assert known < adverse


def test_the_first_package_passes_and_measures_nothing() -> None:
    verdict = asked(wall_facts())
    assert (verdict.outcome.value, verdict.measured, verdict.limit) == ("passed", None, 0.70)


def test_a_trade_like_one_that_is_held_is_refused_and_named() -> None:
    verdict = asked(wall_facts(WIDE, held=(condor_package(),)))
    assert (verdict.outcome.value, verdict.limit) == ("blocked", 0.70)
    assert verdict.measured == pytest.approx(1.0, abs=0.01)
    assert verdict.detail.startswith("the offer with sig-")
    assert asked(wall_facts(held=(vertical_package(),))).outcome.value == "passed"


def test_a_trade_unlike_each_held_package_but_like_all_of_them_together_is_refused() -> None:
    put = Package(Family.BULL_PUT, (leg(24_200.0, "PE", 1), leg(24_300.0, "PE", -1)))
    call = Package(Family.BEAR_CALL, (leg(24_800.0, "CE", 1), leg(24_700.0, "CE", -1)))
    for side in (put, call):
        assert asked(wall_facts(held=(side,))).outcome.value == "passed"
    facts = wall_facts(held=(put, call))
    even = replace(facts, book=replace(facts.book, positions=tuple(replace(p, lots=3) for p in facts.book.positions)))
    verdict = asked(even)
    assert (verdict.outcome.value, verdict.detail) == ("blocked", "the offer with all others")
    assert verdict.measured == pytest.approx(1.0, abs=0.01)


def test_a_trade_that_makes_a_held_package_like_the_rest_of_the_book_is_refused_before_the_switch_trips() -> None:
    put = Package(Family.BULL_PUT, (leg(24_200.0, "PE", 1), leg(24_300.0, "PE", -1)))
    call = Package(Family.BEAR_CALL, (leg(24_800.0, "CE", 1), leg(24_700.0, "CE", -1)))
    facts = wall_facts(call, held=(condor_package(), put), lots=30)
    condor, side = facts.book.positions
    held = (replace(condor, lots=1), replace(side, lots=30))
    verdict = asked(replace(facts, book=replace(facts.book, positions=held)))
    assert (verdict.outcome.value, verdict.detail) == ("blocked", f"{condor.signal_id} with all others")
    after = book_correlation((*held, replace(positions(call)[0], lots=30)), market(), desk())
    assert verdict.measured == pytest.approx(after.value, abs=0.02)


def unknowns() -> dict[str, Facts]:
    facts = wall_facts(held=(vertical_package(),))
    (held,) = facts.book.positions
    assert held.mark is not None
    blind = {
        "no mark": replace(held, mark=None),
        "no forward": replace(held, mark=replace(held.mark, forward=None)),
        "no number": replace(held, mark=replace(held.mark, legs=(float("nan"), 1.0))),
    }
    cases = {name: replace(facts, book=replace(facts.book, positions=(one,))) for name, one in blind.items()}
    closeless = replace(facts.tenant, view=replace(facts.tenant.view, factors=None))
    return cases | {"no factors": replace(facts, tenant=closeless)}


@pytest.mark.parametrize(("name", "facts"), unknowns().items())
def test_a_package_whose_scenarios_are_not_known_is_unknown(name: str, facts: Facts) -> None:
    verdict = asked(facts)
    assert (verdict.outcome.value, verdict.measured) == ("unknown", None), name
    assert verdict.detail


# --- The switch -------------------------------------------------------------------------------------------------------
def held_facts(held: tuple[Position, ...], limit: float, since: str = "") -> TenantFacts:
    view = market()
    book = Book(session=view.session, positions=held, latched={"correlation_cluster": since} if since else {})
    return TenantFacts(view, book, account(max_correlation=limit), desk(), as_of(view))


@pytest.mark.parametrize(
    ("above", "since", "stays", "expected"),
    [
        (0.0, "", False, "passed"),
        (-0.001, "", True, "blocked"),
        (0.05, "2025-08-21", True, "blocked"),
        (0.051, "2025-08-21", False, "passed"),
    ],
)
def test_it_trips_above_its_limit_and_re_arms_a_step_below(
    above: float, since: str, stays: bool, expected: str
) -> None:
    held = positions(condor_package(), condor_package("BANKNIFTY"))
    found = book_correlation(held, market(), desk()).value
    assert found is not None
    facts = held_facts(held, found + above, since)
    book = latched(facts.book, facts)
    assert ("correlation_cluster" in book.latched) is stays
    assert correlation_cluster(replace(facts, book=book)).outcome.value == expected


def test_a_book_of_one_package_has_nothing_to_measure_and_re_arms() -> None:
    facts = held_facts(positions(condor_package()), 0.7, since="2025-08-21")
    book = latched(facts.book, facts)
    verdict = correlation_cluster(replace(facts, book=book))
    assert (verdict.outcome.value, verdict.measured, verdict.detail) == ("passed", None, "fewer than two packages")


def test_an_unmarked_package_is_unknown_and_changes_no_latch() -> None:
    one, two = positions(condor_package(), vertical_package())
    facts = held_facts((one, replace(two, mark=None)), 0.7)
    assert correlation_cluster(facts).outcome.value == "unknown"
    assert latched(facts.book, facts) is facts.book


def test_lots_weigh_in_the_book_and_not_between_two() -> None:
    held = positions(condor_package(), vertical_package())
    doubled = (replace(held[0], lots=held[0].lots * 2), held[1])
    values = [book_correlation(book, market(), desk()).value for book in (held, doubled)]
    assert values[0] == values[1]
    assert values[0] is not None


def test_a_tenant_is_refused_the_same_trade_in_the_other_index_and_stopped_when_it_holds_both() -> None:
    first = offering(market(), condor_package())
    book = tenant_pass(first, Book(), account(), desk(), as_of(first)).book_after
    bank = offering(market(TEN + timedelta(minutes=1), underlying="BANKNIFTY"), condor_package("BANKNIFTY"))
    (refusal,) = tenant_pass(bank, book, account(), desk(), as_of(bank)).refusals
    assert refusal.first.guard == "correlation.scenario_pnl"
    both = tenant_pass(bank, book, account(max_correlation=0.95), desk(), as_of(bank))
    assert len(both.book_after.positions) == 2
    later = offering(market(TEN + timedelta(minutes=2)), vertical_package())
    tripped = tenant_pass(later, both.book_after, account(), desk(), as_of(later))
    assert [refusal.first.guard for refusal in tripped.refusals] == ["correlation_cluster"]
    kept = decode_book(encode_book(tripped.book_after))
    assert kept.latched["correlation_cluster"] == as_of(later).decided_at.isoformat()
