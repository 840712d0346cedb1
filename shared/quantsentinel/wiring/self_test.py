"""The self-test over HTTP: `self_test` for the one that deploys, `self_test_sink` for the webhook that it waits for.

    POST /    of self_test: `contracts.self_test.SelfTest` as JSON; 200 with what was found, `passed` true or false
    POST /    of self_test_sink: the webhook, under its signature; 204, or 401 for anything else
    GET  /    who it is; the sink, which anybody may ask, says nothing of secrets

Cloud Run lets only the deployer's account reach `self_test`. The sink is reached by anybody, as a tenant's endpoint is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import ValidationError

from quantsentinel.adapters.channels.webhook import MAX_BODY_BYTES, new_secret, verify
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.deliver import SELF_TEST
from quantsentinel.app.platform import Platform
from quantsentinel.app.self_test import Result, Ways, run_self_test
from quantsentinel.app.self_test_answers import record_arrival, webhook_secrets
from quantsentinel.canonical import canonical
from quantsentinel.contracts.events import parse
from quantsentinel.contracts.self_test import Identity, SelfTest
from quantsentinel.errors import BadInput, QuantsentinelError, Unavailable
from quantsentinel.wiring.handlers import FUNCTIONS, log
from quantsentinel.wiring.identity import identity

Answer = tuple[str, int, Mapping[str, str]]
Open = Callable[[str], Platform]
"""This process's platform for a function of that name: `entry.platform`."""
ASK_TIMEOUT_S = 10.0
_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


def answer(platform: Open, request: Any) -> Answer:
    """Runs a self-test (`request` is Flask's): 200 when it was run, whatever it found; 400, 405, 503 or 500."""
    return _answered("self_test", request, {"GET": _own, "POST": lambda asked: _run(platform, asked)})


def sink(platform: Open, request: Any) -> Answer:
    """Takes the webhook of a self-test: 204, 401 for what we did not sign, 404 for a run that there is not."""
    return _answered("self_test_sink", request, {"GET": _public, "POST": lambda asked: _arrived(platform, asked)})


def _answered(name: str, request: Any, methods: Mapping[str, Callable[[Any], Answer]]) -> Answer:
    if request.method not in methods:
        return _json({"error": f"no {request.method} here", "fix": " or ".join(methods)}, 405)
    try:
        return methods[request.method](request)
    except BadInput as error:
        return _json({"error": error.what, "where": error.where, "fix": error.fix}, 400)
    except QuantsentinelError as error:
        log("ERROR", str(error), function=name)
        return _json({"error": error.what, "where": error.where}, 503 if isinstance(error, Unavailable) else 500)


# --- self_test ---
def _own(request: Any) -> Answer:
    return _json(identity("self_test").model_dump(), 200)


def _run(platform: Open, request: Any) -> Answer:
    test: SelfTest = parse(SelfTest, _object(request.get_data()), "self-test")
    result = self_tested(platform("self_test"), test)
    log("INFO" if result.passed else "ERROR", f"self-test {test.run}: {result}", function="self_test")
    return _json(dataclasses.asdict(result) | {"findings": [item.model_dump() for item in result.findings]}, 200)


def self_tested(found: Platform, test: SelfTest) -> Result:
    """One run on this platform; the webhook is signed with a secret of this run alone."""
    topics = {function.name: function.topic for function in FUNCTIONS}
    with httpx.Client(timeout=ASK_TIMEOUT_S) as client:
        ways = Ways(topics, lambda url: _asked(client, url), new_secret())
        return run_self_test(found, test, ways, identity("self_test"))


def _asked(client: httpx.Client, url: str) -> Identity | None:
    try:
        response = client.get(url)
        return Identity.model_validate_json(response.content) if response.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
        log("WARNING", f"{url}: {type(error).__name__}", function="self_test")
        return None


# --- self_test_sink ---
def _public(request: Any) -> Answer:
    return _json(identity("self_test_sink").model_copy(update={"secrets": {}}).model_dump(), 200)


def _arrived(platform: Open, request: Any) -> Answer:
    if (request.content_length or MAX_BODY_BYTES + 1) > MAX_BODY_BYTES:
        return _json({"error": "too long"}, 413)
    body, headers = request.get_data(), {key.lower(): value for key, value in request.headers.items()}
    found = platform("self_test_sink")
    try:
        webhook_id = verify(webhook_secrets(found), headers, body, SystemClock().now())
    except BadInput:
        log("WARNING", "a webhook that we did not sign", function="self_test_sink")
        return _json({"error": "not signed by us"}, 401)
    run = webhook_id.removeprefix(f"{SELF_TEST}-").rpartition(".")[0]
    record_arrival(found, run, webhook_id)
    return "", 204, _HEADERS


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON", where="self-test") from None
    if not isinstance(found, dict):
        raise BadInput("the body is not an object", where="self-test")
    return found


def _json(value: Any, status: int) -> Answer:
    return json.dumps(canonical(value), ensure_ascii=False), status, _HEADERS
