"""Conditions of an entry at their limits and one step beyond."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quantsentinel.portfolio.book import ClosedEntry
from quantsentinel.portfolio.sizing import size
from quantsentinel.risk.conditions.entry_window import entry_window
from quantsentinel.risk.conditions.live_entry import cool_down
from quantsentinel.risk.conditions.lots import sizing
from quantsentinel.risk.facts import Facts
from quantsentinel.verdict import Outcome
from tests.builders import desk
from tests.wall_facts import wall_facts, with_limits, with_offer

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize("end", ["valid_until", "time_stop"])
def test_a_minute_must_be_left_of_the_validity_and_before_the_time_stop(end: str) -> None:
    facts = wall_facts()
    at = facts.tenant.as_of.decided_at
    enough = entry_window(with_offer(facts, **{end: at + MINUTE}))
    short = entry_window(with_offer(facts, **{end: at + MINUTE - SECOND}))
    gone = entry_window(with_offer(facts, **{end: at - MINUTE}))
    assert (enough.outcome, enough.measured, enough.limit) == (Outcome.PASSED, 1.0, 1.0)
    assert (short.outcome, short.measured) == (Outcome.BLOCKED, pytest.approx(59 / 60, abs=1e-6))
    assert (gone.outcome, gone.measured) == (Outcome.BLOCKED, -1.0)


def ended(facts: Facts, ago: timedelta) -> Facts:
    entry = ClosedEntry(n=1, ended_at=facts.tenant.as_of.decided_at - ago)
    return replace(facts, book=replace(facts.book, closed={str(facts.key): entry}))


def test_a_key_cools_down_for_as_long_as_the_policy_says_and_another_key_does_not() -> None:
    facts = wall_facts()
    limit = facts.tenant.desk.policy.exits.cool_down_minutes * MINUTE
    assert cool_down(facts).outcome is Outcome.PASSED
    assert cool_down(ended(facts, limit)).outcome is Outcome.PASSED
    assert cool_down(ended(facts, limit - SECOND)).outcome is Outcome.BLOCKED
    other = replace(
        facts, book=replace(facts.book, closed={f"{facts.key}-other": ended(facts, SECOND).book.closed[str(facts.key)]})
    )
    assert cool_down(other).outcome is Outcome.PASSED


def sized(**limits: Any) -> Facts:
    """The offer at the lots that these limits leave."""
    facts = with_limits(wall_facts(), **limits)
    return replace(facts, sizing=size(facts.opportunity, facts.budget, desk()))


def test_one_lot_that_is_left_is_an_entry_and_none_is_not() -> None:
    one, none = sizing(sized(max_lots=1)), sizing(sized(max_lots=0))
    assert (one.outcome, one.measured, one.limit) == (Outcome.PASSED, 1, 1)
    assert (none.outcome, none.measured) == (Outcome.BLOCKED, 0)
    assert none.detail == "bound by max_lots"
