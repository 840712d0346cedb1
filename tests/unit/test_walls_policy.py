"""Wall 3: every count, share and size at its limit and one step beyond it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from quantsentinel.portfolio.displayed import lots_displayed
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.walls.policy import CHECKS, policy
from quantsentinel.units import rupees
from tests.builders import condor_package, desk, vertical_package
from tests.wall_facts import (
    bear_put,
    by_name,
    long_call,
    outcome,
    wall_facts,
    with_limits,
    with_offer,
    with_policy,
    with_terms,
)

THREE = (vertical_package(), long_call(), bear_put())


def said(facts: Facts, check: str) -> tuple[str, Any, Any]:
    verdict = by_name(policy(facts))[check]
    return verdict.outcome.value, verdict.measured, verdict.limit


def test_a_good_trade_passes_every_check_in_order() -> None:
    verdicts = policy(wall_facts())
    assert tuple(verdict.guard for verdict in verdicts) == CHECKS
    assert {verdict.outcome.value for verdict in verdicts} == {"passed"}


@pytest.mark.parametrize(
    ("check", "limit", "at", "after"),
    [
        ("policy.positions", "max_positions", 4, 4),
        ("policy.per_expiry", "max_per_expiry", 4, 4),
        ("policy.per_family", "max_per_family", 1, 1),
    ],
)
def test_a_count_may_reach_its_limit_and_not_pass_it(check: str, limit: str, at: int, after: int) -> None:
    facts = wall_facts(held=THREE)
    assert said(with_limits(facts, **{limit: at}), check) == ("passed", after, at)
    assert said(with_limits(facts, **{limit: at - 1}), check) == ("blocked", after, at - 1)


def test_an_expiry_counts_its_own_underlying_and_a_family_every_one() -> None:
    facts = wall_facts(held=(condor_package("BANKNIFTY"),))
    assert said(facts, "policy.per_expiry")[1] == 1
    assert said(facts, "policy.per_family")[1] == 2


def test_single_legs_are_limited_and_packages_of_several_are_not() -> None:
    assert said(wall_facts(long_call(24_700.0), held=(long_call(),)), "policy.single_leg") == ("blocked", 2, 1)
    assert said(wall_facts(long_call(), max_single_leg=0), "policy.single_leg")[0] == "blocked"
    assert said(wall_facts(held=(long_call(),), max_single_leg=0), "policy.single_leg")[0] == "passed"


def test_losses_of_a_sector_add_up_and_those_of_another_do_not() -> None:
    alone = wall_facts()
    nifty, bank = wall_facts(held=(vertical_package(),)), wall_facts(held=(condor_package("BANKNIFTY"),))
    own = float(alone.terms.max_loss or 0)
    assert said(nifty, "policy.sector")[1] == pytest.approx(own + float(nifty.book.positions[0].max_loss))
    assert said(bank, "policy.sector")[1] == pytest.approx(own)
    tight = own / 2_000_000
    assert said(with_limits(nifty, max_sector_loss=tight), "policy.sector")[0] == "blocked"
    assert said(with_limits(bank, max_sector_loss=tight), "policy.sector")[0] == "passed"


def test_a_held_underlying_without_a_sector_counts_against_every_one_and_an_offered_one_is_unknown() -> None:
    facts = wall_facts(held=(condor_package("BANKNIFTY"),))
    unnamed = with_policy(facts, "walls", sectors={"NIFTY": "broad_market"})
    assert said(unnamed, "policy.sector")[1] > said(facts, "policy.sector")[1]
    assert said(with_policy(facts, "walls", sectors={}), "policy.sector")[0] == "unknown"


def test_a_trade_may_not_be_too_much_of_the_book_once_there_is_one() -> None:
    facts = wall_facts(held=(vertical_package(),), max_share_of_book=0.4)
    loss, held = facts.terms.max_loss or Decimal(0), facts.book.positions[0].max_loss
    assert said(facts, "policy.concentration")[:2] == ("passed", pytest.approx(float(loss / (loss + held)), abs=1e-6))
    assert said(with_terms(facts, max_loss=rupees(held)), "policy.concentration")[:2] == ("blocked", 0.5)
    assert said(wall_facts(max_share_of_book=0.0), "policy.concentration")[0] == "passed"


def test_the_thinnest_leg_says_how_much_may_be_asked_of_the_market() -> None:
    facts = wall_facts(lots=5)
    first, *rest = facts.opportunity.legs
    for size, expected in ((375.0 / 4, "passed"), (93.0, "blocked"), (0.0, "unknown"), (float("nan"), "unknown")):
        thin = with_offer(facts, legs=(replace(first, ask_size=size, bid_size=1e9), *rest))
        assert outcome(policy(thin), "policy.depth") == expected


def test_the_lots_that_the_displayed_size_allows_are_those_that_pass() -> None:
    facts = wall_facts()
    first, *rest = facts.opportunity.legs
    for size, lots in ((75.0, 4.0), (225.0, 12.0), (0.0, 0.0)):
        thin = with_offer(facts, legs=(replace(first, ask_size=size), *rest))
        assert lots_displayed(thin.opportunity, desk()) == lots
        allowed = with_terms(thin, lots=int(lots)), with_terms(thin, lots=int(lots) + 1)
        assert [outcome(policy(one), "policy.depth") for one in allowed] == (
            ["passed", "blocked"] if lots else ["unknown"] * 2
        )


def test_a_spread_that_eats_a_quarter_of_the_premium_is_too_wide() -> None:
    facts = wall_facts()
    limit = by_name(policy(facts))["policy.spread"].measured
    assert outcome(policy(with_policy(facts, "walls", max_relative_spread=limit)), "policy.spread") == "passed"
    assert outcome(policy(with_policy(facts, "walls", max_relative_spread=limit - 1e-5)), "policy.spread") == "blocked"
    free = with_offer(facts, legs=tuple(replace(quote, mid=0.0) for quote in facts.opportunity.legs))
    assert outcome(policy(free), "policy.spread") == "unknown"


def test_an_unbounded_loss_blocks_and_one_that_is_no_number_is_unknown() -> None:
    facts = wall_facts(held=(vertical_package(),))
    for loss, expected in ((None, "blocked"), (Decimal("NaN"), "unknown")):
        found = by_name(policy(with_terms(facts, max_loss=loss)))
        assert {found[name].outcome.value for name in ("policy.trade_loss", "policy.day_loss")} == {expected}
        assert {found[name].outcome.value for name in ("policy.sector", "policy.concentration")} == {"unknown"}
