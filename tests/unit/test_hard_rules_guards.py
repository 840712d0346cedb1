"""The hard rules of the market pass: each holds at its limit, refuses beyond it and refuses what is no number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quantsentinel.opportunity.hard_rules import HARD_RULES, RuleNumbers, judge
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import desk

NAN = float("nan")
POLICY = desk().policy.hard_rules
GOOD = RuleNumbers(
    gross_edge=10_000.0,
    frictions=1_000.0,
    win_probability=0.9,
    stressed_loss=10_000.0,
    max_loss=20_000.0,
    premium=-5_000.0,
)
PAID = replace(GOOD, premium=5_000.0)


def said(numbers: RuleNumbers, name: str, profile: str = "article") -> Verdict:
    policy = POLICY.model_copy(update={"profile": profile})
    return next(verdict for verdict in judge(numbers, policy, "seen") if verdict.guard == name)


def net_ev_of(share: float, of: str) -> RuleNumbers:
    """Paid numbers whose net expected value is a share of their stressed loss or their premium."""
    return replace(PAID, gross_edge=share * getattr(PAID, of), frictions=0.0)


def test_good_numbers_pass_every_rule_in_order_under_both_profiles() -> None:
    for profile in ("article", "balanced"):
        for numbers in (GOOD, PAID):
            verdicts = judge(numbers, POLICY.model_copy(update={"profile": profile}), "seen")
            assert [verdict.guard for verdict in verdicts] == [name for name, _ in HARD_RULES]
            assert {verdict.outcome for verdict in verdicts} == {Outcome.PASSED}
            assert {verdict.input_hash for verdict in verdicts} == {"seen"}


@pytest.mark.parametrize(
    ("rule", "holds", "breaks"),
    [
        ("bounded_loss", replace(GOOD, max_loss=0.01), replace(GOOD, max_loss=0.0)),
        ("bounded_loss", GOOD, replace(GOOD, max_loss=None)),
        ("net_ev", replace(GOOD, frictions=9_999.99), replace(GOOD, frictions=10_000.0)),
        (
            "cost_ratio",
            replace(GOOD, frictions=POLICY.max_cost_ratio * 10_000.0),
            replace(GOOD, frictions=POLICY.max_cost_ratio * 10_000.0 + 0.1),
        ),
        ("cost_ratio", GOOD, replace(GOOD, gross_edge=0.0)),
        (
            "win_probability",
            replace(GOOD, win_probability=POLICY.min_win_probability),
            replace(GOOD, win_probability=POLICY.min_win_probability - 1e-6),
        ),
        (
            "net_ev_of_stressed_loss",
            net_ev_of(POLICY.min_net_ev_of_stressed_loss, "stressed_loss"),
            net_ev_of(POLICY.min_net_ev_of_stressed_loss - 1e-6, "stressed_loss"),
        ),
    ],
)
def test_a_rule_holds_at_its_limit_and_not_one_step_beyond(rule: str, holds: Any, breaks: Any) -> None:
    assert said(holds, rule).outcome is Outcome.PASSED
    assert said(breaks, rule).outcome is Outcome.BLOCKED


def test_the_balanced_profile_asks_paid_packages_for_their_premium_and_not_for_winning_often() -> None:
    at = net_ev_of(POLICY.balanced_min_net_ev_of_premium, "premium")
    below = net_ev_of(POLICY.balanced_min_net_ev_of_premium - 1e-6, "premium")
    seldom = replace(below, win_probability=0.0)
    assert said(at, "net_ev_of_premium", "balanced").outcome is Outcome.PASSED
    assert said(below, "net_ev_of_premium", "balanced").outcome is Outcome.BLOCKED
    assert said(below, "net_ev_of_premium").outcome is Outcome.PASSED
    assert said(seldom, "win_probability", "balanced").outcome is Outcome.PASSED
    assert said(replace(seldom, premium=-1.0), "win_probability", "balanced").outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ("bounded_loss", "max_loss"),
        ("net_ev", "gross_edge"),
        ("net_ev", "frictions"),
        ("cost_ratio", "gross_edge"),
        ("cost_ratio", "frictions"),
        ("win_probability", "win_probability"),
        ("net_ev_of_stressed_loss", "gross_edge"),
        ("net_ev_of_stressed_loss", "stressed_loss"),
        ("net_ev_of_premium", "gross_edge"),
        ("net_ev_of_premium", "premium"),
    ],
)
def test_what_is_no_number_refuses(rule: str, missing: str) -> None:
    assert said(replace(PAID, **{missing: NAN}), rule, "balanced" if "premium" in rule else "article").stops
