"""Wall 6: the hard rules at the sized lots, under both profiles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantsentinel.portfolio.terms import terms_at
from quantsentinel.risk.walls.cost import CHECKS, cost
from quantsentinel.units import rupees
from tests.builders import vertical_package
from tests.wall_facts import by_name, outcome, wall_facts, with_offer, with_policy, with_terms

CENT = rupees("0.01")
COLLECTS, PAYS = wall_facts(), wall_facts(vertical_package())


def test_a_good_trade_passes_every_check_in_order() -> None:
    for facts in (COLLECTS, PAYS, with_policy(PAYS, "hard_rules", profile="balanced")):
        verdicts = cost(facts)
        assert tuple(verdict.guard for verdict in verdicts) == CHECKS
        assert {verdict.outcome.value for verdict in verdicts} == {"passed"}


@pytest.mark.parametrize(
    ("check", "field", "at", "beyond"),
    [
        ("cost.net_ev", "net_ev", rupees("0.01"), rupees(0)),
        ("cost.net_ev_of_stressed_loss", "net_ev_of_stressed_loss", 0.02, 0.019999),
        ("cost.ratio", "cost_ratio", 0.40, 0.400001),
        ("cost.win_probability", "win_probability", 0.45, 0.449999),
    ],
)
def test_a_rule_holds_at_its_limit_and_not_beyond_it(check: str, field: str, at: object, beyond: object) -> None:
    assert outcome(cost(with_terms(COLLECTS, **{field: at})), check) == "passed"
    assert outcome(cost(with_terms(COLLECTS, **{field: beyond})), check) == "blocked"


def test_no_gross_edge_means_no_ratio_and_no_entry() -> None:
    verdict = by_name(cost(with_terms(COLLECTS, cost_ratio=None)))["cost.ratio"]
    assert (verdict.outcome.value, verdict.measured, verdict.detail) == ("blocked", None, "no gross edge")


def test_without_a_stressed_loss_the_quotes_are_not_known() -> None:
    facts = with_terms(COLLECTS, net_ev_of_stressed_loss=None)
    assert outcome(cost(facts), "cost.net_ev_of_stressed_loss") == "unknown"


def test_the_win_probability_of_one_lot_holds_where_a_unit_costs_no_more_than_the_zone_allows() -> None:
    one = COLLECTS.opportunity.economics
    alone = rupees(sum((line.amount for line in one.cost_lines), one.depth_impact))
    lots, terms = COLLECTS.terms.lots, COLLECTS.terms
    room = rupees((COLLECTS.opportunity.entry_zone[1] - COLLECTS.opportunity.executable) * terms.lot)
    assert room > 0
    least = (one.gross_edge - one.half_spread - alone - room) * lots - (terms.charges - terms.entry_charges)
    at, beyond = (
        by_name(cost(with_terms(COLLECTS, net_ev=least - paisa)))["cost.win_probability"]
        for paisa in (0, 2 * lots * CENT)
    )
    assert (at.outcome.value, at.measured) == ("passed", terms.win_probability)
    assert (beyond.outcome.value, beyond.measured) == ("unknown", None)
    assert "5 lots exceed" in beyond.detail


def test_what_depth_makes_dear_is_not_known_to_win_as_often_as_one_lot() -> None:
    legs = tuple(replace(leg, bid_size=750.0, ask_size=750.0) for leg in COLLECTS.opportunity.legs)
    thin = with_offer(COLLECTS, legs=legs, entry_zone=(COLLECTS.opportunity.mid, COLLECTS.opportunity.executable))
    found = {}
    for lots in (1, 2, 20, 40):
        at = replace(thin, terms=terms_at(thin.opportunity, lots, thin.tenant.desk))
        found[lots] = outcome(cost(at), "cost.win_probability")
    assert found == {1: "passed", 2: "passed", 20: "passed", 40: "unknown"}


def test_the_article_asks_every_package_for_its_win_probability() -> None:
    for facts in (COLLECTS, PAYS):
        assert outcome(cost(with_terms(facts, win_probability=0.3)), "cost.win_probability") == "blocked"


def test_the_balanced_profile_asks_those_that_collect_premium_only() -> None:
    for facts, expected in ((COLLECTS, "blocked"), (PAYS, "passed")):
        balanced = with_policy(with_terms(facts, win_probability=0.3), "hard_rules", profile="balanced")
        assert outcome(cost(balanced), "cost.win_probability") == expected


def test_the_balanced_profile_asks_paid_packages_for_a_tenth_of_their_premium() -> None:
    paid = rupees(PAYS.opportunity.executable * PAYS.terms.lots * PAYS.terms.lot)
    for share, article, balanced in (("0.10", "passed", "passed"), ("0.0999", "passed", "blocked")):
        facts = with_terms(PAYS, net_ev=rupees(float(paid) * float(share)))
        assert outcome(cost(facts), "cost.net_ev_of_premium") == article
        assert outcome(cost(with_policy(facts, "hard_rules", profile="balanced")), "cost.net_ev_of_premium") == balanced
    collected = with_policy(with_terms(COLLECTS, net_ev=rupees(1)), "hard_rules", profile="balanced")
    assert outcome(cost(collected), "cost.net_ev_of_premium") == "passed"
