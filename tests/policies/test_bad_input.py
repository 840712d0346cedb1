"""What somebody gets wrong is refused before anything is applied, with the resource and the rule in the message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulators.function_map import MAP, load_map
from quantsentinel.errors import BadInput
from tests.conftest import ROOT
from tests.policies.across import RULES, _every_folder_runs
from tests.policies.conftest import asked_alone
from tests.policies.features import NEGATIVE, scenarios, slug
from tests.policies.patches import Plan, Spoiled, load_patch
from tests.terraform_plan import initialised, plan_of

VALUES = (ROOT / "terraform" / "envs" / "prod" / "offline.tfvars").read_text(encoding="utf-8")
IMAGE = "serve_image "


def said_of(prod_root: Path, change: Callable[[str], str]) -> str:
    """What Terraform says of production with other values."""
    lines = [change(line) for line in VALUES.splitlines()]
    (prod_root / "changed.tfvars").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(AssertionError) as refused:
        plan_of(initialised(prod_root), prod_root / "changed.tfvars")
    return str(refused.value)


@pytest.mark.slow
def test_a_missing_variable_is_named(prod_root: Path) -> None:
    said = said_of(prod_root, lambda line: "" if line.startswith(IMAGE) else line)
    assert 'The root module input variable "serve_image" is not set' in said


@pytest.mark.slow
def test_a_tag_instead_of_a_digest_is_refused_with_the_variable_and_the_rule(prod_root: Path) -> None:
    tag = f'{IMAGE} = "asia-south1-docker.pkg.dev/quantsentinel-prod-example/quantsentinel/serve:latest"'
    said = " ".join(said_of(prod_root, lambda line: tag if line.startswith(IMAGE) else line).split())
    assert "serve_image" in said
    assert "sha256:" in said
    assert "a tag" in said


@pytest.mark.slow
def test_a_bucket_made_public_is_refused_by_the_policy_that_says_so(prod_plan: Plan, tmp_path: Path) -> None:
    (rule,) = [one for one in scenarios() if one.name == "No member is the public"]
    bad = Spoiled(prod_plan)
    change = {"type": "google_storage_bucket_iam_member", "where": {"bucket": "-decisions$"}}
    assert bad.takes(rule.slug, [change | {"set": {"member": "allUsers"}}])
    (said,) = asked_alone(tmp_path, rule, bad.plan)
    assert (said["name"], said["state"]) == (rule.name, "failed")
    assert any('module.bucket["decisions"].google_storage_bucket_iam_member' in line for line in said["messages"])
    assert any("allUsers" in line for line in said["messages"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("Each function and job has a service account of its own", 'function["fan_out"]'),
        ("Every topic is read by a subscription with a dead letter", 'topic["snapshot.taken"]'),
    ],
)
def test_a_shared_account_and_a_topic_without_a_dead_letter_are_refused(
    rule: str, resource: str, prod_plan: Plan
) -> None:
    bad = Spoiled(prod_plan)
    assert bad.takes(rule, load_patch(NEGATIVE / "across" / f"{slug(rule)}.json")["changes"])
    assert any(resource in line for line in RULES[rule](bad.plan))


@pytest.mark.slow
def test_a_folder_that_the_map_does_not_list_is_named(prod_plan: Plan, tmp_path: Path) -> None:
    for name in (*load_map().functions, "backdoor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").touch()
    assert list(_every_folder_runs(prod_plan, tmp_path)) == [
        "functions/backdoor: no service runs it; terraform/functions.json has no row for it"
    ]


# --- Before there is a plan ---
def _shared(known: dict[str, Any]) -> None:
    known["jobs"]["decide"] = known["jobs"]["check_deployment"]


def _bare(known: dict[str, Any]) -> None:
    del known["functions"]["decide"]["trigger"]["subscription"]


@pytest.mark.parametrize(
    ("spoil", "resource", "rule"),
    [(_shared, "qs-decide", "each has its own"), (_bare, "functions.decide.trigger.subscription", "required")],
)
def test_the_map_itself_refuses_a_shared_account_and_a_topic_without_retries_and_dead_letter(
    spoil: Callable[[dict[str, Any]], None], resource: str, rule: str, tmp_path: Path
) -> None:
    known = json.loads(MAP.read_text(encoding="utf-8"))
    spoil(known)
    (tmp_path / "functions.json").write_text(json.dumps(known), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        load_map(tmp_path / "functions.json")
    assert resource in str(refused.value)
    assert rule in str(refused.value)
