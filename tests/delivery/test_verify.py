"""What Cloud Build verifies, against programs that only write down what they are asked: order, digests, the scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cloud import BUILD, COMMIT, NEW, Cloud, image, planned

pytestmark = pytest.mark.slow


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.made(tmp_path)


# --- Stages -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("stage", "name"), [("verify", "apply"), ("apply", "plan"), ("apply", "images")])
def test_a_step_of_the_other_stage_does_nothing(cloud: Cloud, stage: str, name: str) -> None:
    other = "apply" if name == "apply" else "verify"
    run = cloud.run(other, name, STAGE=stage)
    assert (run.returncode, cloud.calls()) == (0, [])
    assert f"{name} belongs to stage {other}" in run.stdout


def test_a_stage_that_there_is_not_is_refused(cloud: Cloud) -> None:
    run = cloud.run("apply", "apply", STAGE="aply")
    assert (run.returncode, cloud.calls()) == (2, [])


# --- Verify -----------------------------------------------------------------------------------------------------------
def test_images_are_built_pushed_and_named_by_digest_then_scanned_then_planned(cloud: Cloud) -> None:
    release = planned(cloud)
    words = [
        " ".join(call.split()[:2]) for call in cloud.calls() if not call.startswith(("gcloud storage", "gcloud auth"))
    ]
    build = ["docker build", "docker push", "docker inspect"]
    scan = ["gcloud artifacts"] * 2
    assert words == ["make images-check", *build * 2, *scan * 2, *["terraform -chdir=terraform/envs/prod"] * 3]
    manifest = cloud.get(f"releases/{release}/manifest.json")
    assert (manifest["serve_image"], manifest["batch_image"]) == (image("serve", NEW), image("batch", NEW))
    assert (manifest["commit"], manifest["env"], manifest["canary_percent"]) == (COMMIT, "prod", 100)
    (plan,) = (call for call in cloud.calls("terraform") if " plan " in call)
    assert f"-var=serve_image={image('serve', NEW)}" in plan


def test_the_images_tag_never_moves(cloud: Cloud) -> None:
    planned(cloud)
    tags = {call.split()[-1] for call in cloud.calls("docker push")}
    assert {tag.rsplit(":", 1)[1] for tag in tags} == {f"{COMMIT}-{BUILD}"}


def test_a_plan_of_the_tests_without_a_bucket_does_not_end_up_in_the_real_one(cloud: Cloud) -> None:
    override = cloud.root / "work" / "terraform" / "envs" / "prod" / "backend_override.tf"
    override.write_text('terraform {\n  backend "local" {}\n}\n')
    planned(cloud)
    assert not override.exists()


@pytest.mark.parametrize(
    ("found", "stops"),
    [
        ([], False),
        ([{"effectiveSeverity": "CRITICAL"}], True),
        ([{"effectiveSeverity": "HIGH", "fixAvailable": True}], True),
        ([{"effectiveSeverity": "HIGH"}, {"effectiveSeverity": "LOW", "fixAvailable": True}], False),
    ],
)
def test_severe_vulnerabilities_stop_the_build(cloud: Cloud, found: list[Any], stops: bool) -> None:
    cloud.script(vulnerabilities=[{"vulnerability": item} for item in found])
    assert cloud.run("verify", "images").returncode == 0
    run = cloud.run("verify", "scan")
    assert (run.returncode != 0) is stops
    assert ("refused: the image has" in run.stderr) is stops


def test_without_recorded_market_data_the_tests_that_read_it_are_left_out_and_it_is_said(cloud: Cloud) -> None:
    assert "left out" in cloud.run("verify", "tests").stdout
    run = cloud.run("verify", "tests", MARKETDATA="gs://b/marketdata")
    assert "left out" not in run.stdout
    assert cloud.calls("make") == [
        'make test policy TESTS=tests -m "not marketdata"',
        "make test policy",
    ]
