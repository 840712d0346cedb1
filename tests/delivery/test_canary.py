"""A canary: a share of the traffic for new revisions beside those of the last release, promoted with its images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.delivery.cloud import FUNCTIONS, OLD, Cloud, asked, image, planned

pytestmark = pytest.mark.slow


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.made(tmp_path)


def test_a_canary_shares_the_traffic_with_the_revisions_of_the_last_release(cloud: Cloud) -> None:
    cloud.deployed()
    release = planned(cloud, CANARY_PERCENT="10")
    split = json.loads((cloud.root / "work/build/delivery/traffic.tfvars.json").read_text())["traffic"]
    assert split["decide"] == {"qs-decide-00001-old": 90, "LATEST": 10}
    assert set(split) == set(FUNCTIONS) - {"self_test", "self_test_sink"}
    (plan,) = (call for call in cloud.calls("terraform") if " plan " in call)
    assert "-var-file=build/delivery/traffic.tfvars.json" in plan
    assert cloud.get(f"releases/{release}/manifest.json")["canary_percent"] == 10


def test_an_applied_canary_is_not_yet_what_one_goes_back_to(cloud: Cloud) -> None:
    cloud.deployed()
    run = cloud.run("apply", "apply", RELEASE=cloud.release(canary_percent=10))
    assert run.returncode == 0, run.stderr
    assert asked(cloud)["canary_percent"] == 10
    assert asked(cloud)["functions"]["decide"] == {
        "revision": "qs-decide-00008-new", "also": ["qs-decide-00001-old"], "secrets": []
    }  # fmt: skip
    assert cloud.get("current/prod.json")["serve_image"] == image("serve", OLD)


def test_a_canary_is_promoted_with_the_images_that_were_tested(cloud: Cloud) -> None:
    cloud.deployed()
    first = cloud.release(canary_percent=10, serve_image=image("serve", "5" * 64))
    second = planned(cloud, PROMOTE=first)
    assert cloud.get(f"releases/{second}/manifest.json")["serve_image"] == image("serve", "5" * 64)
    assert not cloud.calls("docker")


@pytest.mark.parametrize("percent", ["0", "4", "101", "ten", "-5", ""])
def test_a_canary_of_no_share_is_refused(cloud: Cloud, percent: str) -> None:
    cloud.deployed()
    assert cloud.run("verify", "images").returncode == 0
    run = cloud.run("verify", "plan", CANARY_PERCENT=percent)
    assert (run.returncode != 0, cloud.calls("terraform")) == (True, [])


def test_a_canary_beside_nothing_is_refused(cloud: Cloud) -> None:
    assert cloud.run("verify", "images").returncode == 0
    run = cloud.run("verify", "plan", CANARY_PERCENT="10")
    assert (run.returncode, "needs a release beside it" in run.stderr) == (1, True)
