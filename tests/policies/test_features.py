"""Every scenario of `terraform/policies` passes on the plan of production, and fails on a plan that breaks its rule."""

from __future__ import annotations

import re

import pytest

from tests.policies.conftest import Tried
from tests.policies.features import FEATURES, NEGATIVE, Scenario, scenarios
from tests.policies.patches import load_patch

pytestmark = pytest.mark.slow
KNOWN = scenarios()
ABSENT = {"passed", "skipped"}
"""A scenario about what must not be there at all is skipped by a plan without it."""


def test_every_scenario_is_read_has_a_name_of_its_own_and_a_plan_that_fails_it() -> None:
    written = sum(path.read_text(encoding="utf-8").count("Scenario:") for path in FEATURES.glob("*.feature"))
    assert len(KNOWN) == written >= 25
    assert len({one.slug for one in KNOWN}) == len(KNOWN)
    assert {path.stem for path in NEGATIVE.glob("*.json")} == {one.slug for one in KNOWN}


def test_a_scenario_that_may_not_apply_says_that_something_is_absent() -> None:
    for one in KNOWN:
        assert one.must_apply != one.text.rstrip().endswith("Then it must fail"), one.name


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.slug)
def test_the_plan_of_production_keeps_the_rule(one: Scenario, tried: Tried) -> None:
    said = tried.real[one.name]
    assert said["state"] in ({"passed"} if one.must_apply else ABSENT), said["messages"]


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.slug)
def test_a_plan_that_breaks_the_rule_is_refused_for_that_reason(one: Scenario, tried: Tried) -> None:
    said, plan = tried.bad[one.name], tried.plans[one.slug]
    assert said["state"] == "failed", said
    wanted = load_patch(NEGATIVE / f"{one.slug}.json").get("says")
    named = [wanted] if wanted else [re.escape(address) for address in plan.touched[one.slug]]
    for name in named:
        assert any(re.search(name, message) for message in said["messages"]), said["messages"]
    # Nothing that was left alone is refused.
    touched = [address for addresses in plan.touched.values() for address in addresses]
    assert wanted or all(any(address in message for address in touched) for message in said["messages"]), said
