"""The plans of both environments against the map: what stands is what the map says, and nobody is granted more."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from emulators.function_map import FunctionMap, load_map
from emulators.function_rows import Function, Job
from tests.conftest import ROOT
from tests.terraform.planned import Planned, Values

pytestmark = pytest.mark.slow
KNOWN: FunctionMap = load_map()
RUNS: dict[str, Function | Job] = {**KNOWN.functions, **KNOWN.jobs}
PROJECT = "quantsentinel-prod-example"
PUBSUB = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
DEPLOYER = f"serviceAccount:qs-deployer@{PROJECT}.iam.gserviceaccount.com"
VERIFIER = f"serviceAccount:qs-verifier@{PROJECT}.iam.gserviceaccount.com"
APPROVERS = "group:leads@example.com"
OPERATORS = "group:operators@example.com"
Grant = tuple[str, str, str]


def _member(name: str, suffix: str = "") -> str:
    return f"serviceAccount:{KNOWN.service_account(name)}{suffix}@{PROJECT}.iam.gserviceaccount.com"


def _container(service: Values) -> Values:
    template = service["template"][0]
    found: Values = (template.get("containers") or template["template"][0]["containers"])[0]
    return found


# --- Who may do what ---
def _on_data(name: str, row: Function | Job) -> Iterator[Grant]:
    granted = row.permissions
    roles = {"read": "roles/datastore.viewer", "write": "roles/datastore.user"}
    if granted.documents in roles:
        yield _member(name), roles[granted.documents], PROJECT
    for kind, right in granted.objects.items():
        bucket = f"{PROJECT}-qs-{kind}"
        if right == "write":
            yield _member(name), "roles/storage.objectUser", bucket
        else:
            yield _member(name), "roles/storage.objectViewer", bucket
        if right == "create":
            yield _member(name), "roles/storage.objectCreator", bucket
    for secret in granted.secrets:
        yield _member(name), "roles/secretmanager.secretAccessor", secret
    for secret in granted.secret_versions_added:
        yield _member(name), "roles/secretmanager.secretVersionAdder", secret


def _on_bus(name: str, row: Function) -> Iterator[Grant]:
    for topic in row.publishes:
        yield _member(name), "roles/pubsub.publisher", topic
    if name in KNOWN.listening():
        yield _member(name, "-push"), "roles/run.invoker", KNOWN.service_account(name)
        yield PUBSUB, "roles/iam.serviceAccountOpenIdTokenCreator", "its own account"
        yield PUBSUB, "roles/pubsub.publisher", KNOWN.dead_letter_topic(name)
        yield PUBSUB, "roles/pubsub.subscriber", name
    elif row.trigger.kind == "http" and row.trigger.invokers == "deployer":
        yield DEPLOYER, "roles/run.invoker", KNOWN.service_account(name)
    elif row.trigger.kind == "http" and row.trigger.invokers == "operators":
        yield OPERATORS, "roles/run.invoker", KNOWN.service_account(name)


def test_nobody_is_granted_more_or_less_than_the_map_says(prod: Planned) -> None:
    expected = {grant for name, row in RUNS.items() for grant in _on_data(name, row)}
    expected |= {grant for name, row in KNOWN.functions.items() for grant in _on_bus(name, row)}
    expected |= {(_member(name, "-beat"), "roles/run.invoker", KNOWN.service_account(name)) for name in KNOWN.jobs}
    expected |= {(OPERATORS, "roles/secretmanager.secretVersionAdder", secret) for secret in KNOWN.secrets}
    # What those who deliver may do is told and tested by their own modules; here, what the deployer may call.
    deliver = (DEPLOYER, VERIFIER, APPROVERS)
    given = {grant for grant in prod.grants() if grant[0] not in deliver or grant[1] == "roles/run.invoker"}
    federated = {grant for grant in given if grant[1] == "roles/iam.workloadIdentityUser"}
    assert len(federated) == 1
    assert given - federated == expected
    assert len(expected) > 60


def test_no_member_is_public_and_no_role_is_primitive(prod: Planned) -> None:
    for member, role, where in prod.grants():
        assert member not in ("allUsers", "allAuthenticatedUsers"), where
        assert role not in ("roles/owner", "roles/editor", "roles/viewer"), where


def test_every_function_and_job_runs_as_itself_and_every_push_as_its_own(prod: Planned) -> None:
    services = prod.by_name("google_cloud_run_v2_service")
    jobs = prod.by_name("google_cloud_run_v2_job")
    accounts = [service["template"][0]["service_account"] for service in services.values()]
    accounts += [job["template"][0]["template"][0]["service_account"] for job in jobs.values()]
    assert sorted(accounts) == sorted(_member(name).removeprefix("serviceAccount:") for name in RUNS)
    assert len(set(accounts)) == len(RUNS)
    subscriptions = prod.by_name("google_pubsub_subscription")
    pushers = [subscriptions[name]["push_config"][0]["oidc_token"][0] for name in KNOWN.listening()]
    assert len({token["service_account_email"] for token in pushers}) == len(pushers)
    assert all(token["audience"].startswith("https://qs-") for token in pushers)
    assert set(prod.by_name("google_service_account", "account_id")) == (
        {KNOWN.service_account(name) for name in RUNS}
        | {f"{KNOWN.service_account(name)}-push" for name in KNOWN.listening()}
        | {f"{KNOWN.service_account(name)}-beat" for name in KNOWN.jobs}
        | {"qs-deployer", "qs-verifier"}
    )


# --- What stands ---
@pytest.mark.parametrize("name", KNOWN.functions)
def test_a_service_is_what_its_row_says(prod: Planned, name: str) -> None:
    row = KNOWN.functions[name]
    service = prod.by_name("google_cloud_run_v2_service")[KNOWN.service_account(name)]
    template, container = service["template"][0], _container(service)
    scaling = template["scaling"][0]
    assert re.fullmatch(r".+/serve@sha256:[0-9a-f]{64}", container["image"])
    assert template["timeout"] == f"{row.timeout_s}s"
    assert template["max_instance_request_concurrency"] == row.concurrency
    assert (scaling["min_instance_count"] or 0, scaling["max_instance_count"]) == (row.min_instances, row.max_instances)
    assert container["resources"][0]["limits"] == {"cpu": str(row.cpu), "memory": f"{row.memory_mb}Mi"}
    open_to_all = row.trigger.kind == "http" and row.trigger.ingress == "all"
    assert service["ingress"] == ("INGRESS_TRAFFIC_ALL" if open_to_all else "INGRESS_TRAFFIC_INTERNAL_ONLY")
    without_check = row.trigger.kind == "http" and row.trigger.invokers in ("public_with_secret", "callback")
    assert bool(service["invoker_iam_disabled"]) == without_check
    assert service["deletion_protection"] is True


@pytest.mark.parametrize("name", RUNS)
def test_an_environment_holds_what_is_needed_and_no_secret(prod: Planned, name: str) -> None:
    row = RUNS[name]
    kind = "google_cloud_run_v2_service" if name in KNOWN.functions else "google_cloud_run_v2_job"
    container = _container(prod.by_name(kind)[KNOWN.service_account(name)])
    env = {item["name"]: item["value"] for item in container["env"]}
    files = {f"QS_{KNOWN.secrets[secret].setting.upper()}_FILE": secret for secret in row.permissions.secrets}
    assert {key: value for key, value in env.items() if key.endswith("_FILE")} == {
        key: f"/secrets/{secret}/value" for key, secret in files.items()
    }
    assert not [key for key in env if re.search("TOKEN|SECRET|_KEY", key) and not key.endswith("_FILE")]
    assert {key for key in env if key.startswith("QS_BUCKET_")} == {
        f"QS_BUCKET_{kind.upper()}" for kind in row.permissions.objects
    }
    assert ("QS_FIRESTORE_DATABASE" in env) == (row.permissions.documents != "none")
    assert all(not item.get("value_source") for item in container["env"])
    mounts = {item["name"]: item["mount_path"] for item in container["volume_mounts"]}
    assert mounts == {secret: f"/secrets/{secret}" for secret in row.permissions.secrets}


def test_every_schedule_is_the_maps_and_in_indian_time(prod: Planned) -> None:
    planned = prod.by_name("google_cloud_scheduler_job")
    crons = {KNOWN.service_account(name): trigger.schedule for name, trigger in KNOWN.scheduled().items()}
    crons |= {KNOWN.service_account(name): job.schedule for name, job in KNOWN.jobs.items()}
    assert {name: job["schedule"] for name, job in planned.items()} == crons
    assert {job["time_zone"] for job in planned.values()} == {"Asia/Kolkata"}


def test_every_function_has_its_alerts(prod: Planned) -> None:
    told = [policy["display_name"] for policy in prod.of("google_monitoring_alert_policy")]
    for name, row in KNOWN.functions.items():
        own = [text.removeprefix(f"{name}: ") for text in told if text.startswith(f"{name}: ")]
        count = 1 + (row.max_instances > 1) + 2 * (name in KNOWN.listening())
        assert len(own) == count, f"{name}: {own}"


# --- What is torn down, and what never is ---
def test_prod_cannot_be_torn_down(prod: Planned) -> None:
    for kind in ("google_cloud_run_v2_service", "google_cloud_run_v2_job", "google_secret_manager_secret"):
        assert all(values["deletion_protection"] for values in prod.of(kind)), kind
    assert all(not bucket["force_destroy"] for bucket in prod.of("google_storage_bucket"))
    (audit,) = [bucket for bucket in prod.of("google_storage_bucket") if bucket["name"].endswith("-audit")]
    assert audit["retention_policy"][0]["is_locked"] is True
    (database,) = prod.of("google_firestore_database")
    assert database["delete_protection_state"] == "DELETE_PROTECTION_ENABLED"


def test_dev_can_be_torn_down(dev: Planned) -> None:
    for kind in ("google_cloud_run_v2_service", "google_cloud_run_v2_job", "google_secret_manager_secret"):
        assert not any(values["deletion_protection"] for values in dev.of(kind)), kind
    assert all(bucket["force_destroy"] for bucket in dev.of("google_storage_bucket"))
    assert all(not bucket["retention_policy"] for bucket in dev.of("google_storage_bucket"))
    (database,) = dev.of("google_firestore_database")
    assert database["delete_protection_state"] != "DELETE_PROTECTION_ENABLED"
    assert database["deletion_policy"] == "DELETE"
    assert {values["deletion_policy"] for values in dev.of("google_pubsub_subscription")} == {"DELETE"}
    assert dev.count() > 200


def test_everything_that_takes_labels_says_what_it_belongs_to(prod: Planned) -> None:
    kinds = ("google_cloud_run_v2_service", "google_cloud_run_v2_job", "google_pubsub_topic")
    kinds += ("google_pubsub_subscription", "google_storage_bucket", "google_secret_manager_secret")
    for kind in kinds:
        for values in prod.of(kind):
            labels = values["labels"]
            assert (labels["app"], labels["env"]) == ("quantsentinel", "prod"), values["name"]
            assert labels["part"], kind


def test_what_is_copied_and_filled_in_is_the_same_in_both_environments() -> None:
    folder = ROOT / "terraform" / "envs"
    for name in ("variables.tf", "outputs.tf"):
        assert (folder / "dev" / name).read_text() == (folder / "prod" / name).read_text()
