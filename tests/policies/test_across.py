"""Every rule across resources is kept by the plan of production, and broken by a plan made to break it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.policies.across import RULES, main
from tests.policies.features import NEGATIVE, slug
from tests.policies.patches import Plan, Spoiled, load_patch

ACROSS = NEGATIVE / "across"


def test_every_rule_has_a_plan_that_breaks_it() -> None:
    assert {path.stem for path in ACROSS.glob("*.json")} == {slug(name) for name in RULES}
    assert len(RULES) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES, ids=slug)
def test_the_plan_of_production_keeps_the_rule_and_its_bad_variant_does_not(name: str, prod_plan: Plan) -> None:
    assert list(RULES[name](prod_plan)) == []
    bad, patch = Spoiled(prod_plan), load_patch(ACROSS / f"{slug(name)}.json")
    assert bad.takes(name, patch["changes"]), patch
    said = "\n".join(RULES[name](bad.plan))
    assert re.search(patch.get("says") or re.escape(bad.touched[name][0]), said), said


@pytest.mark.slow
def test_the_command_names_what_is_broken_and_fails(
    prod_plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "Each function and job has a service account of its own"
    bad, path = Spoiled(prod_plan), tmp_path / "plan.json"
    bad.takes(name, load_patch(ACROSS / f"{slug(name)}.json")["changes"])
    path.write_text(json.dumps(prod_plan))
    assert main(path) == 0
    assert "broken " not in capsys.readouterr().out
    path.write_text(json.dumps(bad.plan))
    assert main(path) == 1
    assert re.search(rf"broken  {name}\n +module\.\S+: runs as", capsys.readouterr().out)
