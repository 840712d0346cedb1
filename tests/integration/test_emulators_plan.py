"""One source: what stands on the emulators is what Terraform would create, name by name and rule by rule."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulators.function_map import load_map
from emulators.google_emulators import Google
from emulators.inventory import Inventory, intended
from emulators.provision import provision, provisioner
from emulators.standing import end, start
from emulators.terraform_way import by_terraform, prepared, stands_in, variables
from quantsentinel.errors import Unavailable
from tests.conftest import ROOT
from tests.plan_inventory import planned
from tests.terraform_plan import copied, initialised, plan_of, terraform

pytestmark = pytest.mark.slow
PORTS = {name: 9_000 + number for number, name in enumerate(load_map().functions)}
GOOGLE = Google("local-plan", "127.0.0.1:1", "127.0.0.1:2", "http://127.0.0.1:3")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def production(code: Path) -> Inventory:
    root = initialised(code / "terraform" / "envs" / "prod")
    return planned(plan_of(root, ROOT / "terraform" / "envs" / "prod" / "offline.tfvars")).comparable()


@pytest.fixture(scope="module")
def standing(google_emulators: Google) -> Iterator[Inventory]:
    """What the clients say is there after provisioning, in a project of its own."""
    google = replace(google_emulators, project=f"{google_emulators.project}-map")
    provision(google, intended(load_map(), PORTS))
    with provisioner(google) as here:
        yield here.standing().comparable()


@pytest.mark.emulators
def test_topics_on_the_emulators_are_those_of_the_plan(standing: Inventory, production: Inventory) -> None:
    assert standing.topics == production.topics
    assert {"snapshot.taken", "decide.dead"} < set(standing.topics)


@pytest.mark.emulators
def test_subscriptions_push_repeat_and_give_up_as_the_plan_says(standing: Inventory, production: Inventory) -> None:
    assert standing.subscriptions == production.subscriptions
    assert len(standing.subscriptions) == 2 * len(load_map().listening())


@pytest.mark.emulators
def test_buckets_on_the_emulators_are_those_of_the_plan_and_keep_versions(
    standing: Inventory, production: Inventory
) -> None:
    assert standing.buckets == production.buckets == tuple(sorted(load_map().buckets))


def test_each_subscription_of_the_plan_that_pushes_has_a_dead_letter_somebody_keeps(production: Inventory) -> None:
    by_name = {each.name: each for each in production.subscriptions}
    for each in by_name.values():
        assert each.never_expires
        assert each.topic in production.topics
        assert each.push_endpoint == ("/" if each.name in load_map().listening() else "")
        if each.push_endpoint:
            assert by_name[each.dead_letter_topic].topic == each.dead_letter_topic


def test_production_pushes_to_the_service_s_own_address_with_nothing_behind_it() -> None:
    """The address is unknown before the service is there: that a plan cannot tell the path is why this reads text."""
    text = (ROOT / "terraform" / "modules" / "function" / "subscription.tf").read_text(encoding="utf-8")
    assert re.findall(r"push_endpoint\s*=\s*(.+)", text) == ["google_cloud_run_v2_service.this.uri"]


def test_a_difference_would_be_seen(production: Inventory) -> None:
    first, *rest = production.subscriptions
    for wrong in (
        replace(first, ack_deadline_s=first.ack_deadline_s + 1),
        replace(first, max_delivery_attempts=first.max_delivery_attempts + 1),
        replace(first, never_expires=False),
        replace(first, push_endpoint="https://elsewhere/hook"),
        replace(first, retention_s=600),
    ):
        assert replace(production, subscriptions=(wrong, *rest)).comparable() != production


# --- TERRAFORM=1 ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def local(code: Path) -> Path:
    return initialised(code / "emulators" / "terraform")


def test_the_local_root_would_make_what_the_clients_make(local: Path) -> None:
    terraform(local, "validate", "-no-color")
    assert planned(plan_of(local, variables(GOOGLE, PORTS))) == intended(load_map(), PORTS)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("project_id", "quantsentinel-prod", "must begin with local-"),
        ("pubsub", "pubsub.googleapis.com:443", "nothing but an emulator of this machine"),
        ("storage", "https://storage.googleapis.com", "nothing but an emulator of this machine"),
        ("map", "nowhere.json", "must name the map of functions"),
    ],
)
def test_the_local_root_never_reaches_beyond_this_machine(local: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(AssertionError) as refused:
        plan_of(local, {**variables(GOOGLE, PORTS), name: value})
    assert message in " ".join(str(refused.value).split())


def test_a_provider_that_cannot_apply_is_refused_before_anything_starts(local: Path, tmp_path: Path) -> None:
    if not stands_in(local):
        assert prepared(tmp_path) == tmp_path / "terraform"
        return
    with pytest.raises(Unavailable, match="cannot apply") as refused:
        prepared(tmp_path)
    assert "registry" in refused.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["terraform"]


@pytest.mark.emulators
def test_where_the_real_provider_is_terraform_s_modules_make_what_the_clients_make(local: Path, tmp_path: Path) -> None:
    if stands_in(local):
        pytest.skip("the provider at hand only knows the shape of Google's: nothing can be applied with it")
    try:
        found = start(tmp_path, threading.Event(), print, by_terraform(prepared(tmp_path)))
        with provisioner(found.google) as here:
            assert here.standing() == intended(load_map(), found.ports)
    finally:
        end(tmp_path, threading.Event(), print)
