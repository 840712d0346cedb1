"""What holds for the walls and their switches: what is worse never opens one, and what is not known always blocks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.errors import BadInput
from quantsentinel.risk.facts import Facts
from quantsentinel.risk.switches.correlation_cluster import correlation_cluster
from quantsentinel.risk.switches.margin_utilisation import margin_utilisation
from quantsentinel.risk.walls import correlation, cost, margin, policy, tail_hedge
from quantsentinel.units import rupees
from quantsentinel.verdict import Outcome, Verdict
from tests.builders import condor_package, market, vertical_package
from tests.wall_facts import bear_put, by_name, long_call, wall_facts, with_limits, with_offer, with_policy, with_terms

CHECKS = (*policy.CHECKS, *margin.CHECKS, *correlation.CHECKS, *cost.CHECKS, *tail_hedge.CHECKS)
SWITCHES = ("margin_utilisation", "correlation_cluster")
NAN = Decimal("NaN")
NONE_NUMBER = float("nan")


def asked(facts: Facts) -> dict[str, Verdict]:
    walls = (policy.policy, margin.margin, correlation.correlation, cost.cost, tail_hedge.tail_hedge)
    verdicts = tuple(verdict for wall in walls for verdict in wall(facts))
    return dict(by_name((*verdicts, margin_utilisation(facts.tenant), correlation_cluster(facts.tenant))))


def passed(facts: Facts) -> set[str]:
    return {name for name, verdict in asked(facts).items() if verdict.outcome is Outcome.PASSED}


@cache
def base(kind: str) -> Facts:
    """A condor beside a vertical spread; `paid` is a debit spread under the balanced profile; `single` one leg."""
    if kind == "paid":
        return with_policy(wall_facts(bear_put(), held=(condor_package(),)), "hard_rules", profile="balanced")
    if kind == "single":
        return wall_facts(long_call(24_700.0), held=(condor_package(),), lots=2)
    return wall_facts(held=(vertical_package(),))


@cache
def two_held() -> Facts:
    return wall_facts(long_call(), held=(condor_package(), vertical_package()))


# --- What is worse never opens a wall ---------------------------------------------------------------------------------
def dearer(facts: Facts, by: float) -> Facts:
    loss = rupees(facts.terms.bounded_loss * (1 + rupees(5 * by)))
    return with_terms(facts, max_loss=loss, funds=rupees(facts.terms.funds * (1 + rupees(20 * by))))


def poorer(facts: Facts, by: float) -> Facts:
    return with_limits(facts, capital=rupees(2_000_000 * (1 - by)))


def tighter(facts: Facts, by: float) -> Facts:
    old = facts.tenant.account.limits
    shares = ("max_loss_per_trade", "max_loss_per_day", "max_sector_loss", "max_correlation", "max_share_of_book")
    counts = ("max_positions", "max_per_expiry", "max_per_family", "max_single_leg")
    limits = {name: getattr(old, name) * (1 - by) for name in (*shares, "max_margin_utilisation")}
    limits |= {name: int(getattr(old, name) * (1 - by)) for name in counts}
    return with_limits(facts, **limits, margin_buffer=old.margin_buffer + 10 * by)


def stricter(facts: Facts, by: float) -> Facts:
    rules, walls = facts.tenant.desk.policy.hard_rules, facts.tenant.desk.policy.walls
    lower = {"max_cost_ratio": rules.max_cost_ratio * (1 - by)}
    names = ("min_win_probability", "min_net_ev_of_stressed_loss", "balanced_min_net_ev_of_premium")
    raised = {name: getattr(rules, name) * (1 + 3 * by) for name in names}
    facts = with_policy(facts, "hard_rules", **lower, **raised)
    ceilings = ("max_units_of_displayed", "max_relative_spread", "max_tail_of_trade_loss")
    return with_policy(facts, "walls", **{name: getattr(walls, name) * (1 - by) for name in ceilings})


def weaker(facts: Facts, by: float) -> Facts:
    terms = facts.terms
    return with_terms(
        facts,
        net_ev=rupees(terms.net_ev * rupees(1 - 1.2 * by)),
        net_ev_of_stressed_loss=(terms.net_ev_of_stressed_loss or 0.0) * (1 - 1.2 * by),
        cost_ratio=(terms.cost_ratio or 0.0) + by,
        win_probability=terms.win_probability * (1 - by),
    )


def thinner(facts: Facts, by: float) -> Facts:
    legs = tuple(
        replace(
            quote,
            bid_size=quote.bid_size * (1 - by) ** 9,
            ask_size=quote.ask_size * (1 - by) ** 9,
            bid=quote.bid * (1 - by),
        )
        for quote in facts.opportunity.legs
    )
    return with_offer(facts, legs=legs)


def lossier(facts: Facts, by: float) -> Facts:
    economics = facts.opportunity.economics
    stressed = rupees(economics.stressed_loss * (1 + rupees(10 * by)))
    facts = with_offer(facts, economics=replace(economics, stressed_loss=stressed))
    spent = rupees(facts.budget.day_loss * rupees(by))
    return replace(
        facts, budget=replace(facts.budget, day_spent=spent, margin_used=rupees(facts.budget.margin * rupees(by)))
    )


WORSE = (dearer, poorer, tighter, stricter, weaker, thinner, lossier)


@pytest.mark.parametrize("worse", WORSE, ids=lambda change: change.__name__)
@given(kind=st.sampled_from(["collects", "paid", "single"]), first=st.floats(0, 0.99), more=st.floats(0, 0.99))
@settings(max_examples=25, deadline=None)
def test_what_is_worse_never_opens_a_check(
    worse: Callable[[Facts, float], Facts], kind: str, first: float, more: float
) -> None:
    bad, good = round(max(first, more), 4), round(min(first, more), 4)
    assert passed(worse(base(kind), bad)) <= passed(worse(base(kind), good)) <= passed(base(kind))


def test_each_way_to_be_worse_closes_what_it_is_about() -> None:
    closed = {change.__name__: passed(base("collects")) - passed(change(base("collects"), 0.99)) for change in WORSE}
    assert all(closed.values()), closed
    every = set().union(*closed.values()) | (passed(base("paid")) - passed(weaker(base("paid"), 0.99)))
    every |= passed(base("single")) - passed(tighter(base("single"), 0.99))
    every |= passed(two_held()) - passed(tighter(two_held(), 0.99))
    assert every == {*CHECKS, *SWITCHES} - {
        "tail_hedge.bounded"
    }  # a loss has a bound or none: there is no more or less


# --- What is not known blocks -----------------------------------------------------------------------------------------
def broken(value: Any, path: str, lost: Any) -> Any:
    """A copy of `value` with the thing at `path` lost; where the type itself refuses that, past its refusal."""
    name, _, rest = path.partition(".")
    if name.isdigit():
        return tuple(broken(item, rest, lost) if str(index) == name else item for index, item in enumerate(value))
    new = broken(getattr(value, name), rest, lost) if rest else lost
    if hasattr(value, "model_copy"):
        return value.model_copy(update={name: new})
    try:
        return replace(value, **{name: new})
    except (BadInput, TypeError):
        changed = copy.copy(value)
        object.__setattr__(changed, name, new)
        return changed


LIMITS, POLICY = "tenant.account.limits", "tenant.desk.policy"
HELD = ("book.positions.0", "tenant.book.positions.0")
P, M, C, T = ("policy.", "margin.", "cost.", "tail_hedge.")
PAIRED = {f"{M}stressed", "correlation.scenario_pnl"}

UNFITTED = replace(base("collects").tenant.view, analytics=market(forward_known=False).analytics, history_digest="-")
"""The same snapshot, of which no forward is known."""

INPUTS: list[tuple[str, Any, set[str]]] = [
    (
        "terms.max_loss",
        NAN,
        {f"{P}{name}" for name in ("trade_loss", "day_loss", "sector", "concentration")} | {f"{T}bounded"},
    ),
    ("budget.trade_loss", NAN, {f"{P}trade_loss", f"{T}adequate"}),
    ("budget.day_loss", NAN, {f"{P}day_loss"}),
    ("budget.day_spent", NAN, {f"{P}day_loss"}),
    (f"{LIMITS}.max_positions", None, {f"{P}positions"}),
    (f"{LIMITS}.max_per_expiry", None, {f"{P}per_expiry"}),
    (f"{LIMITS}.max_per_family", None, {f"{P}per_family"}),
    (f"{LIMITS}.max_single_leg", None, {f"{P}single_leg"}),
    (f"{LIMITS}.max_sector_loss", None, {f"{P}sector"}),
    (f"{LIMITS}.max_share_of_book", None, {f"{P}concentration"}),
    (f"{LIMITS}.max_correlation", None, {"correlation.scenario_pnl", "correlation_cluster"}),
    (f"{LIMITS}.max_margin_utilisation", None, {"margin_utilisation"}),
    ("tenant.account.capital", NAN, {f"{P}sector", "margin_utilisation"}),
    ("budget.equity", NAN, {f"{M}stressed"}),
    (f"{POLICY}.walls.sectors", {}, {f"{P}sector"}),
    (f"{POLICY}.walls.max_units_of_displayed", None, {f"{P}depth"}),
    (f"{POLICY}.walls.max_relative_spread", None, {f"{P}spread"}),
    (f"{POLICY}.walls.max_tail_of_trade_loss", None, {f"{T}adequate"}),
    (f"{POLICY}.hard_rules.max_cost_ratio", None, {f"{C}ratio"}),
    (f"{POLICY}.hard_rules.min_win_probability", None, {f"{C}win_probability"}),
    (f"{POLICY}.hard_rules.min_net_ev_of_stressed_loss", None, {f"{C}net_ev_of_stressed_loss"}),
    ("opportunity.legs.0.ask_size", 0.0, {f"{P}depth"}),
    ("opportunity.legs.3.bid_size", NONE_NUMBER, {f"{P}depth"}),
    ("opportunity.legs.0.mid", NONE_NUMBER, {f"{P}spread", f"{T}adequate", *PAIRED}),
    ("opportunity.legs.0.ask", NONE_NUMBER, {f"{P}spread"}),
    ("opportunity.mid", NONE_NUMBER, {f"{M}stressed"}),
    ("opportunity.executable", NONE_NUMBER, {f"{M}stressed", f"{C}net_ev_of_premium", f"{T}adequate"}),
    ("opportunity.economics.stressed_loss", NAN, {f"{T}adequate"}),
    ("terms.funds", NAN, {f"{M}buffer", f"{M}stressed"}),
    ("budget.margin_used", NAN, {f"{M}buffer", f"{M}stressed"}),
    ("budget.margin", NAN, {f"{M}buffer"}),
    ("terms.entry_charges", NAN, {f"{M}stressed", f"{T}adequate"}),
    ("terms.net_ev", NAN, {f"{C}net_ev"}),
    ("terms.net_ev_of_stressed_loss", None, {f"{C}net_ev_of_stressed_loss"}),
    ("terms.cost_ratio", NONE_NUMBER, {f"{C}ratio"}),
    ("terms.win_probability", NONE_NUMBER, {f"{C}win_probability"}),
    ("tenant.view.factors", None, PAIRED),
    ("tenant.view", UNFITTED, {f"{T}adequate", *PAIRED}),
    ("book.positions.0.mark", None, PAIRED),
    ("book.positions.0.mark.forward", None, PAIRED),
    ("book.positions.0.max_loss", NAN, {f"{P}sector", f"{P}concentration"}),
    ("tenant.book.positions.0.margin", NAN, {"margin_utilisation"}),
]
PAID: list[tuple[str, Any, set[str]]] = [
    ("terms.net_ev", NAN, {f"{C}net_ev", f"{C}net_ev_of_premium"}),
    ("terms.win_probability", NONE_NUMBER, {f"{C}win_probability"}),
    (f"{POLICY}.hard_rules.balanced_min_net_ev_of_premium", None, {f"{C}net_ev_of_premium"}),
]
TWO: list[tuple[str, Any, set[str]]] = [
    ("tenant.book.positions.0.mark", None, {"correlation_cluster"}),
    ("tenant.book.positions.1.mark.forward", None, {"correlation_cluster"}),
    ("tenant.view.factors", None, {"correlation_cluster"}),
]
CASES = [("collects", *case) for case in INPUTS] + [("paid", *case) for case in PAID] + [("two", *case) for case in TWO]


@pytest.mark.parametrize(("kind", "path", "lost", "checks"), CASES, ids=[f"{case[0]}:{case[1]}" for case in CASES])
def test_an_input_that_is_not_known_blocks(kind: str, path: str, lost: Any, checks: set[str]) -> None:
    facts = two_held() if kind == "two" else base(kind)
    before = asked(facts)
    assert {before[name].outcome for name in checks} == {Outcome.PASSED}
    after = asked(broken(facts, path, lost))
    assert {name: after[name].outcome.value for name in checks} == dict.fromkeys(checks, "unknown")
    assert all(after[name].measured is None or after[name].limit is None for name in checks)


def test_every_input_of_every_check_was_taken_away() -> None:
    pairs = [(path, check) for _, path, _, checks in CASES for check in checks]
    assert (len(CASES), len(pairs)) == (48, 70)
    assert {check for _, check in pairs} == {*CHECKS, *SWITCHES}
