"""A plan as a reviewer reads it: what would stand, by type and name, and who would be granted what on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]

ON: Mapping[str, str] = {
    "google_pubsub_topic_iam_member": "topic",
    "google_pubsub_subscription_iam_member": "subscription",
    "google_secret_manager_secret_iam_member": "secret_id",
    "google_storage_bucket_iam_member": "bucket",
    "google_cloud_run_v2_service_iam_member": "name",
    "google_cloud_run_v2_job_iam_member": "name",
    "google_artifact_registry_repository_iam_member": "repository",
    "google_project_iam_member": "project",
    "google_service_account_iam_member": "service_account_id",
}
"""By type: the argument that says on what the grant is."""


class Planned:
    """The values of `terraform show -json`; what is only known after an apply is not among them."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._resources = list(_walk(plan["planned_values"]["root_module"]))

    def of(self, kind: str) -> list[Values]:
        return [resource["values"] for resource in self._resources if resource["type"] == kind]

    def by_name(self, kind: str, name: str = "name") -> dict[str, Values]:
        """Fails when two have the same name."""
        found = {values[name]: values for values in self.of(kind)}
        assert len(found) == len(self.of(kind)), f"two {kind} with one {name}"
        return found

    def grants(self) -> set[tuple[str, str, str]]:
        """(member, role, on what). Fails for a kind of grant that nobody has named here."""
        kinds = {str(resource["type"]) for resource in self._resources if "_iam_" in resource["type"]}
        kinds = {kind for kind in kinds if kind.endswith(("_member", "_binding", "_policy"))}
        assert kinds <= set(ON), f"unknown grants: {kinds - set(ON)}"
        return {
            (values["member"], values["role"], str(values.get(argument, "its own account")))
            for kind, argument in ON.items()
            for values in self.of(kind)
        }

    def count(self) -> int:
        return len(self._resources)


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)
