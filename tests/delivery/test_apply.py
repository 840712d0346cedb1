"""What Cloud Build applies, against programs that only note what they are asked: approval, digests, going back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quantsentinel.contracts.self_test import SelfTest
from tests.delivery.cloud import BUILD, FUNCTIONS, NEW, OLD, Cloud, applies, asked, image, planned

pytestmark = pytest.mark.slow
FAILED = {"passed": False, "findings": [{"what": "revision", "where": "decide", "expected": "b", "found": "a"}]}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.made(tmp_path)


# --- Apply ------------------------------------------------------------------------------------------------------------
def test_an_approved_release_is_applied_tested_and_noted(cloud: Cloud) -> None:
    release = planned(cloud)
    run = cloud.run("apply", "apply", RELEASE=release)
    assert run.returncode == 0, run.stderr
    (apply,) = applies(cloud)
    assert apply.endswith("build/delivery/plan.tfplan"), "exactly the plan, with no variables beside it"
    now = cloud.get("current/prod.json")
    assert (now["release"], now["serve_image"]) == (release, image("serve", NEW))
    assert now["revisions"]["decide"] == "qs-decide-00008-new"


def test_the_self_test_is_told_every_function_with_its_revision_and_secrets(cloud: Cloud) -> None:
    assert cloud.run("apply", "apply", RELEASE=cloud.release()).returncode == 0
    test = asked(cloud)
    SelfTest.model_validate(test)
    assert (test["run"], test["canary_percent"]) == (BUILD, 100)
    skipped = {name for name, row in FUNCTIONS.items() if row["trigger"].get("invokers") == "operators"}
    assert set(test["functions"]) == set(FUNCTIONS) - skipped
    assert test["functions"]["deliver"] == {"revision": "qs-deliver-00008-new", "secrets": ["telegram_token"]}
    assert test["functions"]["kill_switch"]["url"] == "https://qs-kill-switch.run.app/health"
    assert not [call for call in cloud.calls("curl") if "an-identity-token" in call], "a token in a list of processes"


@pytest.mark.parametrize("approval", ["", "PENDING", "REJECTED"])
def test_without_an_approval_nothing_is_fetched_or_applied(cloud: Cloud, approval: str) -> None:
    cloud.script(approval=approval)
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert run.returncode == 1
    assert "not approved by a person" in run.stderr
    assert [call.split()[1] for call in cloud.calls()] == ["builds"]


TAMPERED = {
    "the manifest": ("manifest.json", '{"env": "prod"}', "the manifest is not release"),
    "the plan": ("plan.tfplan", "another plan", "plan.tfplan is not the one"),
    "the providers": ("lock.hcl", "other providers", "lock.hcl is not the one"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_release_that_was_changed_in_the_bucket_is_refused(cloud: Cloud, what: str) -> None:
    name, text, said = TAMPERED[what]
    release = cloud.release()
    cloud.put(f"releases/{release}/{name}", text)
    run = cloud.run("apply", "apply", RELEASE=release)
    assert (run.returncode, said in run.stderr, cloud.calls("terraform")) == (1, True, []), run.stderr


@pytest.mark.parametrize(
    ("changes", "said"), [({"env": "dev"}, "is of env dev"), ({"commit": "0" * 40}, "is of commit 0000")]
)
def test_a_release_of_another_place_or_commit_is_refused(cloud: Cloud, changes: dict[str, str], said: str) -> None:
    run = cloud.run("apply", "apply", RELEASE=cloud.release(**changes))
    assert (run.returncode, said in run.stderr, cloud.calls("terraform")) == (1, True, [])


@pytest.mark.parametrize("release", ["", "latest", "../current", "f" * 63])
def test_a_release_that_is_no_digest_is_refused(cloud: Cloud, release: str) -> None:
    run = cloud.run("apply", "apply", RELEASE=release)
    assert (run.returncode != 0, cloud.calls("terraform")) == (True, [])


# --- Going back -------------------------------------------------------------------------------------------------------
def test_a_failed_self_test_brings_the_last_release_and_its_traffic_back(cloud: Cloud) -> None:
    cloud.deployed()
    cloud.script(self_test=[FAILED, {"passed": True}])
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert run.returncode == 1
    assert "what=revision where=decide" in run.stdout
    assert "the release before is in production again" in run.stderr
    forward, back = applies(cloud)
    assert forward.endswith("plan.tfplan")
    for words in (
        "-var=traffic={}",
        f"-var=serve_image={image('serve', OLD)}",
        f"-var=batch_image={image('batch', OLD)}",
    ):
        assert words in back
    assert asked(cloud)["run"] == f"{BUILD}-r", "what is back is tested too"
    assert cloud.get("current/prod.json")["serve_image"] == image("serve", OLD)


def test_an_apply_that_stops_half_way_is_taken_back(cloud: Cloud) -> None:
    cloud.deployed()
    cloud.script(apply=[1, 0])
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert run.returncode == 1
    assert len(applies(cloud)) == 2
    assert "the apply stopped half way; the release before" in run.stderr


def test_a_stale_plan_changes_nothing_and_nothing_is_taken_back(cloud: Cloud) -> None:
    cloud.deployed()
    cloud.script(apply=[1], changed=False)
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert (run.returncode, len(applies(cloud))) == (1, 1)
    assert "nothing was changed" in run.stderr


def test_a_first_release_that_fails_has_nothing_to_go_back_to_and_says_so(cloud: Cloud) -> None:
    cloud.script(self_test=[FAILED])
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert (run.returncode, len(applies(cloud))) == (1, 1)
    assert "no earlier release to go back to" in run.stderr
    assert cloud.get("current/prod.json") is None


def test_a_way_back_that_fails_too_is_said_loudly(cloud: Cloud) -> None:
    cloud.deployed()
    cloud.script(self_test=[FAILED, FAILED])
    run = cloud.run("apply", "apply", RELEASE=cloud.release())
    assert run.returncode == 1
    assert "going back failed too" in run.stderr


@pytest.mark.parametrize("answer", [{"passed": None}, {"passed": "true"}, {"passed": False, "error": "not allowed"}])
def test_an_answer_that_does_not_say_passed_is_no_pass(cloud: Cloud, answer: dict[str, Any]) -> None:
    cloud.deployed()
    cloud.script(self_test=[answer, {"passed": True}])
    assert cloud.run("apply", "apply", RELEASE=cloud.release()).returncode == 1
    assert len(applies(cloud)) == 2
