"""The self-test after an apply: who answers, what differs, whether a webhook arrives; and nobody else notices."""

from __future__ import annotations

import pytest

from quantsentinel import entry
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.app.deliver import SELF_TEST, TESTED
from quantsentinel.app.self_test import Result, asks_of
from quantsentinel.contracts.events import SignalIssued
from quantsentinel.contracts.self_test import ASKED
from quantsentinel.errors import BadInput
from quantsentinel.wiring.handlers import handle
from tests.functions.conftest import TENANTS, World
from tests.functions.deployment import (
    BEFORE,
    PUSHED,
    REVISION,
    client,
    deployed,
    other_identity,
    pumped,
    ran,
    served,
    sink,
    wanted,
)

__all__ = ["deployed", "sink"]


def kinds(result: Result) -> set[tuple[str, str]]:
    return {(finding.what, finding.where) for finding in result.findings}


# --- What is as it was applied ---
def test_a_deployment_that_is_what_was_applied_passes(deployed: World, sink: str) -> None:
    result = ran(deployed, wanted(PUSHED, sink, secrets=("telegram_token",)))
    assert (result.passed, result.findings, result.signal_arrived) == (True, (), True)
    assert result.revisions == {name: {REVISION: 1} for name in PUSHED}
    kept = deployed.platform.documents.get("self_tests/run-1")
    assert kept is not None
    assert kept.data["result"]["passed"] is True


def test_it_is_asked_and_answered_over_http(deployed: World, sink: str) -> None:
    body = wanted(PUSHED, sink).model_dump(mode="json")
    with served("kill_switch") as address, pumped(deployed):
        body["functions"]["kill_switch"] = {"revision": REVISION, "url": f"{address}/health"}
        body["functions"]["self_test_sink"] = {"revision": REVISION, "url": f"{sink}/health"}
        body["functions"]["self_test"] = {"revision": REVISION}
        said = client("self_test").post("/", json=body)
    assert said.status_code == 200
    assert (said.json["passed"], said.json["findings"]) == (True, [])
    assert said.json["revisions"] == {name: {REVISION: 1} for name in body["functions"]}


def test_nobody_elses_documents_change(deployed: World, sink: str) -> None:
    entry.platform.cache_clear()
    platform = deployed.platform
    assert isinstance(platform.bus, SqliteBus)
    platform.bus.drain()
    before = others(deployed)
    assert ran(deployed, wanted(PUSHED, sink)).passed
    assert others(deployed) == before
    assert SELF_TEST not in [name for each in ("NIFTY", "BANKNIFTY") for name in platform.tenants.entitled(each)]


def others(world: World) -> list[str]:
    own = ("self_tests/", f"tenants/{SELF_TEST}", f"deliver:{SELF_TEST}")
    return [row for row in world.dump()["documents"] if not any(word in row for word in own)]


# --- What is not ---
def test_a_function_at_another_revision_is_named(deployed: World, sink: str) -> None:
    test = wanted(PUSHED, sink)
    wrong = test.functions["decide"].model_copy(update={"revision": "qs-all-00008"})
    result = ran(deployed, test.model_copy(update={"functions": {**test.functions, "decide": wrong}}))
    assert not result.passed
    (finding,) = result.findings
    assert (finding.what, finding.where, finding.expected, finding.found) == (
        "revision",
        "decide",
        "qs-all-00008",
        REVISION,
    )


def test_a_function_that_does_not_answer_is_named(deployed: World, sink: str) -> None:
    test = wanted(("decide",), sink, wait_s=3.0)
    gone = test.functions["decide"].model_copy(update={"url": "http://127.0.0.1:9/health"})
    result = ran(deployed, test.model_copy(update={"functions": {**test.functions, "kill_switch": gone}}))
    assert kinds(result) == {("silent", "kill_switch")}


def test_a_secret_that_is_not_there_or_has_two_versions_is_named(deployed: World, sink: str) -> None:
    told = "0123456789ab"
    with other_identity(secrets={"telegram_token": told}) as address:
        test = wanted(("deliver",), sink, secrets=("telegram_token", "upstox_token"))
        other = test.functions["deliver"].model_copy(update={"url": address, "secrets": ()})
        result = ran(deployed, test.model_copy(update={"functions": {**test.functions, "tenant_api": other}}))
    assert kinds(result) == {("secret", "deliver: upstox_token"), ("secret", "telegram_token")}
    assert told in result.findings[-1].found
    assert "1:bot" not in str(result)


def test_a_function_with_other_events_is_named(deployed: World, sink: str) -> None:
    with other_identity(schema_digest="of-yesterday") as address:
        test = wanted(("deliver",), sink)
        other = test.functions["deliver"].model_copy(update={"url": address})
        result = ran(deployed, test.model_copy(update={"functions": {**test.functions, "tenant_api": other}}))
    assert kinds(result) == {("schema", "tenant_api")}


def test_a_signal_that_never_arrives_is_told_with_what_the_delivery_says(deployed: World) -> None:
    result = ran(deployed, wanted(("decide",), "http://127.0.0.1:9/", wait_s=3.0))
    assert kinds(result) == {("signal", "deliver")}
    assert "retrying" in result.findings[0].found
    assert not result.signal_arrived


# --- Canary ---
def test_a_canary_is_asked_until_its_new_revision_answers_and_the_old_one_may_answer_too(
    deployed: World, sink: str
) -> None:
    test = wanted(("decide",), sink, also=(BEFORE,)).model_copy(update={"canary_percent": 50})
    assert asks_of(50) == 10
    result = ran(deployed, test)
    assert (result.passed, result.revisions) == (True, {"decide": {REVISION: 10}})


def test_a_canary_whose_new_revision_never_answers_fails(
    deployed: World, sink: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K_REVISION", BEFORE)
    test = wanted(("decide",), sink, also=(BEFORE,)).model_copy(update={"canary_percent": 50})
    assert kinds(ran(deployed, test)) == {("revision", "decide")}


@pytest.mark.parametrize(("percent", "asks"), [(100, 1), (50, 10), (10, 66), (5, 135)])
def test_the_smaller_the_share_the_more_askings(percent: int, asks: int) -> None:
    assert asks_of(percent) == asks
    missed = (1 - percent / 100) ** asks
    assert missed <= 0.001


# --- What is refused ---
def test_a_run_is_made_once(deployed: World, sink: str) -> None:
    assert ran(deployed, wanted(("decide",), sink)).passed
    with pytest.raises(BadInput, match="made before"):
        ran(deployed, wanted(("decide",), sink))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"run": "run-1", "sink_url": "http://127.0.0.1:9/", "functions": {"tenant_api": {"revision": "r"}}}',
    ],
)
def test_a_request_that_says_too_little_is_refused_and_asks_nobody(deployed: World, body: bytes) -> None:
    before = deployed.dump()["messages"]
    assert client("self_test").post("/", data=body).status_code == 400
    assert deployed.dump()["messages"] == before


def test_an_asking_of_no_run_is_dropped(deployed: World) -> None:
    handled = handle(deployed.platform, "decide", f"{ASKED}run-9:decide:0", {"run": "run-9", "number": 0})
    assert (handled.status, handled.severity) == (204, "WARNING")
    assert not deployed.platform.documents.query("self_tests/run-9/answers")


def test_the_notice_of_a_self_test_goes_to_no_real_tenant(deployed: World) -> None:
    until = deployed.platform.clock.now()
    issued = SignalIssued(tenant_id=TENANTS[0], signal_id="sig", sequence=1, state=TESTED, valid_until=until)
    handled = handle(deployed.platform, "deliver", issued.event_id, issued.to_event().data)
    assert (handled.status, "a self-test for" in handled.text) == (204, True)
