"""What the deployer may do follows what the configuration holds: no resource without a role, no role without one."""

from __future__ import annotations

import re
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
ROLES = {
    "artifact_registry": "roles/artifactregistry.admin",
    "cloud_run_v2": "roles/run.admin",
    "cloud_scheduler": "roles/cloudscheduler.admin",
    "firebaserules": "roles/firebaserules.admin",
    "firestore": "roles/datastore.owner",
    "logging": "roles/logging.configWriter",
    "monitoring": "roles/monitoring.editor",
    "project_service": "roles/serviceusage.serviceUsageAdmin",
    "pubsub": "roles/pubsub.admin",
    "secret_manager": "roles/secretmanager.admin",
    "service_account": "roles/iam.serviceAccountAdmin",
    "storage": "roles/storage.admin",
}
"""Beginning of a resource's type to the role that makes and changes it."""
READ = {"iam_workload_identity": "roles/iam.workloadIdentityPoolViewer"}
"""What a person applies: the deployer only reads whom it trusts."""
ELSEWHERE = {
    "billing_budget": "the billing account's roles/billing.costsManager",
    "cloudbuild_trigger": "a person; modules/triggers lets the deployer read it",
    "compute": "extra_roles, with static egress",
    "project_iam_custom_role": "a person, with modules/triggers",
    "project_iam_member": "the conditional roles/resourcemanager.projectIamAdmin",
}


def types() -> set[str]:
    files = [path for path in TERRAFORM.glob("modules/*/*.tf") if path.is_file()]
    found = {name for path in files for name in re.findall(r'^resource "google_(\w+)"', path.read_text(), re.MULTILINE)}
    assert len(found) > 25, "the configuration's resources are not found any more"
    return found


def of(kind: str, known: dict[str, str]) -> str | None:
    return next((beginning for beginning in known if kind.startswith(beginning)), None)


def test_every_kind_of_resource_is_somebody_s_to_apply() -> None:
    known = ROLES | READ | ELSEWHERE
    assert {kind for kind in types() if of(kind, known) is None} == set()
    assert {of(kind, known) for kind in types()} == set(known), "a row for what is not there any more"


def test_the_deployer_has_one_role_for_each_service_and_none_beside() -> None:
    text = (TERRAFORM / "modules" / "delivery_identity" / "iam.tf").read_text()
    (block,) = re.findall(r"apply_roles = toset\(.*?\[(.*?)\n  \]\)", text, re.DOTALL)
    listed = re.findall(r'"(roles/[^"]+)"', block)
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == set((ROLES | READ).values())
