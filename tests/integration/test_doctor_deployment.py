"""`qs doctor` against a provisioned set of emulators: all is well, and what is taken away is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulators.function_map import load_map
from emulators.google_emulators import Google
from emulators.inventory import intended
from emulators.lifetime import ROOT
from emulators.loopback import Loopback, Reply, Request, json_reply
from emulators.provision import provision, provisioner
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.adapters.google.connection import NotAllowed
from quantsentinel.adapters.google.secret_versions import SecretManager
from quantsentinel.cli.deployment_checks import secret
from quantsentinel.cli.main import run_command
from quantsentinel.ports import Event

pytestmark = pytest.mark.emulators


@pytest.fixture
def google(google_emulators: Google, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Google:
    """A project of this test's own, as the map wants it; its subscriptions push where nobody listens."""
    found = replace(google_emulators, project=f"local-doctor-{abs(hash(request.node.name)) % 10**8}")
    known = load_map()
    provision(found, intended(known, dict.fromkeys(known.functions, 9)))
    for name, value in {**found.environ, "QS_PROFILE": "google", "QS_PROJECT": found.project}.items():
        monkeypatch.setenv(name, value)
    return found


def doctor(capsys: pytest.CaptureFixture[str], code: int = 0, *options: str) -> dict[str, Any]:
    """The checks by name."""
    assert run_command(["doctor", "--date", "2025-08-29", "--json", *options]) == code
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def test_a_provisioned_project_is_ready(google: Google, capsys: pytest.CaptureFixture[str]) -> None:
    checks = doctor(capsys, 0, "--write")
    assert [name for name, check in checks.items() if check["status"] == "fail"] == []
    assert checks["documents"]["found"] == "can be read, created and deleted"
    assert {f"bucket {google.project}-qs-{kind}" for kind in load_map().buckets} <= set(checks)
    assert checks["secrets"]["found"] == "skipped: Secret Manager has no emulator"


def test_what_is_missing_is_named(google: Google, capsys: pytest.CaptureFixture[str]) -> None:
    with provisioner(google) as here:
        here.drop_subscription("decide")
    checks = doctor(capsys, 1)
    assert checks["subscriptions"]["found"] == "decide is missing"
    assert [name for name, check in checks.items() if check["status"] == "fail"] == ["subscriptions"]


def test_a_bucket_that_is_missing_is_named(
    google: Google, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QS_BUCKET_RAW", "no-such-bucket-of-ours")
    assert doctor(capsys, 1)["bucket no-such-bucket-of-ours"]["found"] == "does not exist"


def test_dead_letters_are_counted_and_stay_where_they_are(google: Google, capsys: pytest.CaptureFixture[str]) -> None:
    PubSubBus(google.project, emulator_host=google.pubsub).publish(Event("poison:1", "decide.dead", {}))
    for _ in range(2):
        assert doctor(capsys, 1)["dead letters"]["found"] == "1 of decide"


def test_outside_a_checkout_the_map_is_skipped_with_its_reason(
    google: Google, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantsentinel.cli.deployment_checks.MAP", Path("no/such/map.json"))
    for name in ("topics", "subscriptions", "dead letters", "secrets"):
        assert "skipped: no/such/map.json" in doctor(capsys)[name]["found"]


def test_emulators_that_stand_in_the_checkout_are_what_is_asked_unless_something_else_is_named(
    google: Google, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("quantsentinel.cli.deployment_checks.MAP", ROOT / "terraform" / "functions.json")
    found = {**google.environ, "QS_PROFILE": "google", "QS_PROJECT": google.project}
    for name in found:
        monkeypatch.delenv(name)
    (tmp_path / ".emulators").mkdir()
    lines = ["# a comment", *(f"{name}={value}" for name, value in found.items())]
    (tmp_path / ".emulators" / "env").write_text("\n".join(lines), encoding="utf-8")
    assert doctor(capsys)["topics"]["status"] == "ok"
    assert "topics" not in doctor(capsys, 0, "--state", str(tmp_path / "state"))
    monkeypatch.setenv("QS_PROFILE", "embedded")
    assert "topics" not in doctor(capsys)


# --- Secrets, of which there is no emulator ---
@pytest.fixture
def manager() -> Iterator[SecretManager]:
    versions = {
        "upstox-token": json_reply({"state": "ENABLED", "createTime": "2026-11-20T06:00:00.123456Z"}),
        "disabled": json_reply({"state": "DISABLED", "createTime": "2026-11-20T06:00:00Z"}),
        "forbidden": json_reply({}, 403),
    }

    def handle(request: Request) -> Reply:
        return versions.get(request.path.split("/")[5], json_reply({}, 404))

    with Loopback(handle) as server:
        yield SecretManager("local-doctor", server.url)


def test_a_secret_is_set_when_its_newest_version_can_be_used(manager: SecretManager) -> None:
    assert secret(manager, "upstox-token").found == "set 2026-11-20"
    for name in ("disabled", "absent"):
        check = secret(manager, name)
        assert (check.status, check.fix) == ("fail", f"gcloud secrets versions add {name} --data-file=-")
    with pytest.raises(NotAllowed):
        secret(manager, "forbidden")
