"""Policies that look at two resources of a plan at once, which a feature of terraform-compliance cannot.

    python -m tests.policies.across build/plan/prod.json

Each rule yields one line for each resource that breaks it: its address, and what is wrong.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emulators.lifetime import ROOT
from tests.policies.patches import Plan, managed

SERVICE, JOB = "google_cloud_run_v2_service", "google_cloud_run_v2_job"
TOPIC, SUBSCRIPTION = "google_pubsub_topic", "google_pubsub_subscription"
ALERT = "google_monitoring_alert_policy"
DOCUMENTS = {"roles/datastore.user", "roles/datastore.viewer"}
SPARE_S = 5
Values = Mapping[str, Any]
Rule = Callable[[Plan], Iterator[str]]


def of(plan: Plan, kind: str) -> list[tuple[str, Values]]:
    """Address and values of every resource of `kind`."""
    return [(one["address"], one["values"]) for one in managed(plan) if one["type"] == kind]


def _template(values: Values) -> Values:
    """Of a service, or of a job's task."""
    outer: Values = values["template"][0]
    return outer["template"][0] if "template" in outer else outer


def _last(path: Any) -> str:
    return str(path or "").rpartition("/")[2]


# --- Accounts ---
def _own_account(plan: Plan) -> Iterator[str]:
    owners: dict[str, str] = {}
    for address, values in [*of(plan, SERVICE), *of(plan, JOB)]:
        account = _template(values)["service_account"]
        other = owners.setdefault(account, address)
        if other != address:
            yield f"{address}: runs as {account}, as {other} does"


def _only_documents_at_the_project(plan: Plan) -> Iterator[str]:
    accounts = {f"serviceAccount:{_template(values)['service_account']}" for _, values in of(plan, SERVICE)}
    for address, values in of(plan, "google_project_iam_member"):
        if values["member"] in accounts and values["role"] not in DOCUMENTS:
            yield f"{address}: {values['member']} gets {values['role']} on the whole project"


def _reads_what_it_mounts(plan: Plan) -> Iterator[str]:
    granted: dict[str, set[str]] = {}
    for _, values in of(plan, "google_secret_manager_secret_iam_member"):
        if values["role"] == "roles/secretmanager.secretAccessor":
            granted.setdefault(values["member"], set()).add(_last(values["secret_id"]))
    for address, values in [*of(plan, SERVICE), *of(plan, JOB)]:
        template = _template(values)
        mounted = {_last(secret["secret"]) for volume in template["volumes"] for secret in volume["secret"]}
        may = granted.get(f"serviceAccount:{template['service_account']}", set())
        if mounted != may:
            yield f"{address}: mounts the secrets {sorted(mounted)} and may read {sorted(may)}"


def _somebody_calls(plan: Plan) -> Iterator[str]:
    called = {
        values["name"] for _, values in of(plan, f"{SERVICE}_iam_member") if values["role"] == "roles/run.invoker"
    }
    for address, values in of(plan, SERVICE):
        if not values["invoker_iam_disabled"] and values["name"] not in called:
            yield f"{address}: nobody may call it"


def _every_folder_runs(plan: Plan, folder: Path = ROOT / "functions") -> Iterator[str]:
    """A folder that terraform/functions.json does not name is code that nobody deploys, or somebody by hand."""
    runs = {
        env["value"]: address
        for address, values in of(plan, SERVICE)
        for env in _template(values)["containers"][0]["env"]
        if env["name"] == "FUNCTION_TARGET"
    }
    folders = {path.parent.name for path in folder.glob("*/main.py")}
    for name in sorted(folders - set(runs)):
        yield f"functions/{name}: no service runs it; terraform/functions.json has no row for it"
    for name in sorted(set(runs) - folders):
        yield f"{runs[name]}: runs functions/{name}, which is not there"


# --- Queues ---
def _dead_letter_is_kept(plan: Plan) -> Iterator[str]:
    topics = {values["name"] for _, values in of(plan, TOPIC)}
    read = {_last(values["topic"]) for _, values in of(plan, SUBSCRIPTION)}
    for address, values in of(plan, SUBSCRIPTION):
        for policy in values["dead_letter_policy"]:
            dead = _last(policy["dead_letter_topic"])
            if dead not in topics or dead not in read:
                yield f"{address}: its dead letter {dead} has no subscription of its own, so that it would keep nothing"


def _topic_has_a_dead_letter(plan: Plan) -> Iterator[str]:
    dead = {
        _last(policy["dead_letter_topic"])
        for _, values in of(plan, SUBSCRIPTION)
        for policy in values["dead_letter_policy"]
    }
    safe = {_last(values["topic"]) for _, values in of(plan, SUBSCRIPTION) if values["dead_letter_policy"]}
    for address, values in of(plan, TOPIC):
        if values["name"] not in dead | safe:
            yield f"{address}: the topic {values['name']} has no subscription with a dead letter"


def _dead_letter_is_allowed(plan: Plan) -> Iterator[str]:
    def by_agent(kind: str, key: str) -> set[str]:
        rows = of(plan, f"{kind}_iam_member")
        return {_last(values[key]) for _, values in rows if "@gcp-sa-pubsub." in values["member"]}

    publishes, takes = by_agent(TOPIC, "topic"), by_agent(SUBSCRIPTION, "subscription")
    for address, values in of(plan, SUBSCRIPTION):
        for policy in values["dead_letter_policy"]:
            if _last(policy["dead_letter_topic"]) not in publishes or values["name"] not in takes:
                yield f"{address}: Pub/Sub's service agent may not move a message from it to its dead letter"


def _ends_before_the_deadline(plan: Plan) -> Iterator[str]:
    timeouts = {values["name"]: int(_template(values)["timeout"].removesuffix("s")) for _, values in of(plan, SERVICE)}
    for address, values in of(plan, SUBSCRIPTION):
        for push in values["push_config"]:
            caller = push["oidc_token"][0]["service_account_email"] if push["oidc_token"] else ""
            service = caller.partition("@")[0].removesuffix("-push")
            if timeouts.get(service, 0) + SPARE_S > values["ack_deadline_seconds"]:
                yield (
                    f"{address}: delivers again after {values['ack_deadline_seconds']} s, while {service} may work for "
                    f"{timeouts[service]} s; {SPARE_S} s more are needed"
                )


def _threads_for_all(plan: Plan) -> Iterator[str]:
    for address, values in of(plan, SERVICE):
        template = _template(values)
        env = {one["name"]: one["value"] for one in template["containers"][0]["env"]}
        takes, threads = template["max_instance_request_concurrency"], int(env.get("THREADS") or 0)
        if not takes or takes > threads:
            yield f"{address}: takes {takes} requests at once with {threads} threads"


def _beats_on_a_topic(plan: Plan) -> Iterator[str]:
    topics = {values["name"] for _, values in of(plan, TOPIC)}
    for address, values in of(plan, "google_cloud_scheduler_job"):
        for target in values["pubsub_target"]:
            if _last(target["topic_name"]) not in topics:
                yield f"{address}: beats on {_last(target['topic_name'])}, which is no topic"


# --- Delivery ---
def _waits_for_an_approval(plan: Plan) -> Iterator[str]:
    for address, values in of(plan, "google_cloudbuild_trigger"):
        approved = any(one["approval_required"] for one in values.get("approval_config") or [])
        if (values["substitutions"] or {}).get("_STAGE") != "verify" and not approved:
            yield f"{address}: applies without anybody's approval"


# --- Alerts ---
def _somebody_is_told(plan: Plan) -> Iterator[str]:
    unknown = {one["address"]: one["change"]["after_unknown"] for one in plan["resource_changes"]}
    for address, values in of(plan, ALERT):
        # Names of channels are given when they are made.
        if not values.get("notification_channels") and not unknown[address].get("notification_channels"):
            yield f"{address}: tells nobody"


def _every_failure_is_told(plan: Plan) -> Iterator[str]:
    said = "\n".join(json.dumps(values["conditions"]) for _, values in of(plan, ALERT)).replace('\\"', '"')
    for address, values in of(plan, SERVICE):
        if not re.search(rf'service_name = "{values["name"]}"[^\n]*response_code_class = "5xx"', said):
            yield f"{address}: no alert tells of its errors"
    for address, values in of(plan, SUBSCRIPTION):
        metric = "oldest_unacked_message_age" if values["dead_letter_policy"] else "num_undelivered_messages"
        if not re.search(rf'{metric}" AND resource.labels.subscription_id = "{re.escape(values["name"])}"', said):
            yield f"{address}: no alert reads its {metric}"


RULES: Mapping[str, Rule] = {
    "Each function and job has a service account of its own": _own_account,
    "A function gets nothing at the project but its documents": _only_documents_at_the_project,
    "A function may read exactly the secrets that it mounts": _reads_what_it_mounts,
    "A function that checks its callers has one": _somebody_calls,
    "Every folder of functions runs as a service, and no other": _every_folder_runs,
    "Every dead letter is kept by a subscription of its own": _dead_letter_is_kept,
    "Every topic is read by a subscription with a dead letter": _topic_has_a_dead_letter,
    "Pub/Sub may move a message to its dead letter": _dead_letter_is_allowed,
    "A function ends before its message is delivered again": _ends_before_the_deadline,
    "A function takes no more at once than it has threads": _threads_for_all,
    "A schedule beats on a topic that stands": _beats_on_a_topic,
    "Whatever is built to be applied waits for an approval": _waits_for_an_approval,
    "Every alert tells somebody": _somebody_is_told,
    "Every function and every queue has its alerts": _every_failure_is_told,
}


def main(path: Path) -> int:
    plan: Plan = json.loads(path.read_text(encoding="utf-8"))
    broken = {name: list(rule(plan)) for name, rule in RULES.items()}
    for name, lines in broken.items():
        print(f"{'broken' if lines else 'kept  '}  {name}")
        print("".join(f"        {line}\n" for line in lines), end="")
    print(f"{len(RULES)} rules across resources ({sum(map(bool, broken.values()))} broken)")
    return int(any(broken.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
