"""emulators/compose.yaml gives the same set in containers, reachable from this machine alone."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from emulators.function_map import load_map
from emulators.google_emulators import Google
from emulators.inventory import intended
from emulators.provision import provisioner
from emulators.standing import COMPOSE, COMPOSED, CONTAINERS_HOST, adopt, end, read_standing
from quantsentinel.errors import Unavailable
from tests.conftest import ROOT

FILE: dict[str, Any] = yaml.safe_load((ROOT / "emulators" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
PORTS = {
    "firestore": int(COMPOSED.firestore.rpartition(":")[2]),
    "pubsub": int(COMPOSED.pubsub.rpartition(":")[2]),
    "storage": urlsplit(COMPOSED.storage).port,
}
KEYS = {"image", "command", "ports", "healthcheck", "extra_hosts", "stop_grace_period"}


# --- The file ---------------------------------------------------------------------------------------------------------
def test_it_has_the_three_and_nothing_that_compose_would_not_know() -> None:
    assert set(FILE) == {"name", "x-google", "services"}
    assert set(SERVICES) == set(PORTS)
    assert all(set(service) <= KEYS for service in SERVICES.values())


@pytest.mark.parametrize("name", PORTS)
def test_each_is_published_on_the_loopback_interface_alone_where_python_looks_for_it(name: str) -> None:
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"]
    assert str(PORTS[name]) in SERVICES[name]["command"]


@pytest.mark.parametrize("name", PORTS)
def test_each_says_when_it_is_ready_and_waits_long_enough(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert set(check) == {"test", "interval", "timeout", "retries"}
    assert check["test"][0] == "CMD"
    assert f"http://127.0.0.1:{PORTS[name]}/" in check["test"][-1]
    assert int(check["interval"].removesuffix("s")) * check["retries"] >= 60


def test_the_project_is_the_one_that_python_provisions() -> None:
    for name in ("firestore", "pubsub"):
        assert f"--project={COMPOSED.project}" in SERVICES[name]["command"]


def test_storage_is_the_release_that_is_installed_without_docker_and_keeps_versions() -> None:
    script = (ROOT / "emulators" / "install.sh").read_text(encoding="utf-8")
    (version,) = re.findall(r"fake-gcs-server@v([\d.]+)", script)
    assert SERVICES["storage"]["image"] == f"fsouza/fake-gcs-server:{version}"
    command = SERVICES["storage"]["command"].split()
    assert command[command.index("-backend") + 1] == "memory"
    assert command[command.index("-external-url") + 1] == COMPOSED.storage


def test_pubsub_knows_the_host_by_the_name_that_subscriptions_push_to() -> None:
    assert SERVICES["pubsub"]["extra_hosts"] == [f"{CONTAINERS_HOST}:host-gateway"]


# --- The step after it ------------------------------------------------------------------------------------------------
@pytest.mark.emulators
def test_running_containers_are_provisioned_once_and_again_and_forgotten(
    google_emulators: Google, tmp_path: Path
) -> None:
    """The emulators here are no containers; nothing in the step can tell."""
    google, on, said = (
        replace(google_emulators, project=f"{google_emulators.project}-box"),
        threading.Event(),
        list[str](),
    )
    found = adopt(tmp_path, google, on, said.append)
    assert adopt(tmp_path, google, on, said.append) == found == read_standing(tmp_path)
    assert found.made_by == COMPOSE.name
    with provisioner(google) as here:
        assert here.standing() == intended(load_map(), found.ports, CONTAINERS_HOST)
    end(tmp_path, on, said.append)
    assert said == ["forgotten; the containers go on until docker compose -f emulators/compose.yaml down"]
    assert not (tmp_path / "env").exists()


def test_containers_that_do_not_answer_are_refused_with_how_to_start_them(tmp_path: Path) -> None:
    nowhere = Google("local-box", "127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="no answer from FIRESTORE_EMULATOR_HOST") as refused:
        adopt(tmp_path, nowhere, threading.Event(), print)
    assert "up --wait" in refused.value.fix
    assert not list(tmp_path.iterdir())
