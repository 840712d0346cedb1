"""What a self-test stands on: who a function says it is, and which webhooks the sink takes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulators.function_map import load_map
from emulators.function_rows import Http
from quantsentinel import entry
from quantsentinel.adapters.channels.webhook import new_secret, sign
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.deliver import SELF_TEST
from quantsentinel.app.self_test_answers import webhook_secrets
from quantsentinel.contracts.self_test import ASKED, events_schema
from tests.functions.conftest import World
from tests.functions.deployment import PUSHED, REVISION, SECRETS, client, deployed, ran, sink, wanted
from tests.functions.pushes import answer, raw_push

__all__ = ["deployed", "sink"]


# --- Who a function is ---
@pytest.mark.parametrize("name", [*PUSHED, "self_test"])
def test_a_get_is_told_who_the_function_is_and_opens_nothing(deployed: World, name: str) -> None:
    entry.platform.cache_clear()
    said = client(name).get("/").json
    assert (said["function"], said["revision"], said["schema_digest"]) == (name, REVISION, events_schema())
    assert set(said["secrets"]) == {"telegram_token", "kill_switch_secrets"}
    assert not set(SECRETS.values()) & set(said["secrets"].values())
    assert entry.platform.cache_info().currsize == 0


def test_a_get_of_a_function_that_could_not_start_is_a_500(deployed: World) -> None:
    deployed.set(QS_UNDERLYINGS="")
    assert client("decide").get("/").status_code == 500


@pytest.mark.parametrize("name", ["kill_switch", "rotate_token", "self_test_sink"])
def test_a_public_function_tells_anybody_its_revision_and_nothing_of_secrets(deployed: World, name: str) -> None:
    said = client(name).get("/health").json
    assert (said["function"], said["revision"], said["secrets"]) == (name, REVISION, {})


def test_every_public_function_of_the_map_is_among_them() -> None:
    public = {"public_with_secret", "callback"}
    triggers = {name: row.trigger for name, row in load_map().functions.items()}
    found = {name for name, trigger in triggers.items() if isinstance(trigger, Http) and trigger.invokers in public}
    assert found == {"kill_switch", "rotate_token", "self_test_sink"}


def test_a_beat_of_a_scheduler_is_no_asking_and_an_asking_no_beat(deployed: World, sink: str) -> None:
    assert ran(deployed, wanted(("decide",), sink)).passed
    assert answer("sweep", raw_push(f"{ASKED}run-1:sweep:3", {"run": "run-1", "number": 3})) == 204
    found = [document.id for document in deployed.platform.documents.query("self_tests/run-1/answers")]
    assert found == ["decide-0", "sweep-3"]


# --- The sink ---
def test_a_webhook_under_another_secret_never_counts(deployed: World, sink: str) -> None:
    assert ran(deployed, wanted(("decide",), sink)).passed
    for secret in (new_secret(), *webhook_secrets(deployed.platform)):
        status = post_webhook(secret, f"{SELF_TEST}-run-2.1")
        assert status == (400 if secret in webhook_secrets(deployed.platform) else 401)  # 400: there is no run-2
    assert not deployed.platform.documents.query("self_tests/run-2/arrivals")


@pytest.mark.parametrize(
    ("late_s", "changed", "status"),
    [(0, {}, 204), (301, {}, 401), (-400, {}, 401), (0, {"webhook-signature": "v1,"}, 401)],
)
def test_an_old_a_future_and_an_unsigned_webhook_are_refused(
    deployed: World, sink: str, late_s: int, changed: Mapping[str, str], status: int
) -> None:
    assert ran(deployed, wanted(("decide",), sink)).passed
    (secret,) = webhook_secrets(deployed.platform)
    assert post_webhook(secret, f"{SELF_TEST}-run-1.1", late_s, **changed) == status


def post_webhook(secret: str, webhook_id: str, late_s: int = 0, **changed: str) -> int:
    at, body = int(SystemClock().now().timestamp()) - late_s, b"{}"
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(secret, webhook_id, at, body),
    }
    return int(client("self_test_sink").post("/", data=body, headers={**headers, **changed}).status_code)
