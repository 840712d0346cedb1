"""A webhook endpoint that checks Standard Webhooks signatures on its own, remembers everything, and fails on demand.

    with WebhookSink({"/hooks/acme": ["whsec_..."]}) as sink:
        post to sink.url + "/hooks/acme"; then read sink.deliveries

`GET /_deliveries` lists what came, `DELETE /_deliveries` forgets it, `POST /_script` sets how it answers (the fields of
`Script` as JSON). As a process: `python -m emulators.webhook_sink --port 8090 --secret whsec_...`.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from emulators.loopback import Loopback, Reply, Request, json_reply

ANY_PATH = "*"
TOLERANCE_S = 300.0
"""How far a signed timestamp may be from the wall clock."""


@dataclass(frozen=True, slots=True)
class Script:
    """How the sink answers. While `fail_first` attempts are left, or until `fail_for_s` of its clock have passed since
    the script was set, it answers `status` (with Retry-After when set); every answer waits `slow_s` of wall time.
    """

    status: int = 500
    fail_first: int = 0
    fail_for_s: float = 0.0
    retry_after_s: float | None = None
    slow_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """One attempt. `attempt` counts those of this id on this path, `duplicate` says an earlier one was answered 2xx."""

    received_at: str
    path: str
    id: str
    type: str
    timestamp: str
    body: str
    verified: bool
    problem: str
    status: int
    attempt: int
    duplicate: bool


def check_signature(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now_s: float) -> str:
    """Empty when one of the signatures fits one of the secrets and the timestamp is fresh; else what is wrong."""
    identifier, stamp, given = (headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not (identifier and stamp and given):
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if not stamp.isdigit() or abs(int(stamp) - now_s) > TOLERANCE_S:
        return f"timestamp {stamp} is not within {TOLERANCE_S:g} s of the wall clock"
    signed = f"{identifier}.{stamp}.".encode() + body
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            return "a secret of the sink is not base64"
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(expected, one) for one in given.split(" ")):
            return ""
    return "no signature fits a secret"


class WebhookSink:
    """`secrets`: those of every path, or a mapping from path to its secrets. `clock` drives the script only."""

    def __init__(
        self,
        secrets: Iterable[str] | Mapping[str, Iterable[str]],
        *,
        port: int = 0,
        clock: Callable[[], datetime] | None = None,
        script: Script | None = None,
    ) -> None:
        by_path = secrets if isinstance(secrets, Mapping) else {ANY_PATH: secrets}
        self._secrets = {path: tuple(known) for path, known in by_path.items()}
        self._clock = clock or _wall
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._script = script or Script()
        self._script_set_at = self._clock()
        self._server = Loopback(self._handle, port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def deliveries(self) -> tuple[Received, ...]:
        """Every attempt, in order of arrival."""
        with self._lock:
            return tuple(self._received)

    def play(self, script: Script) -> None:
        """Answer by this script from now on."""
        with self._lock:
            self._script, self._script_set_at = script, self._clock()

    def clear(self) -> None:
        with self._lock:
            self._received.clear()

    def summary(self) -> dict[str, Any]:
        """Counts over accepted attempts, and every attempt."""
        received = self.deliveries
        accepted = [one for one in received if 200 <= one.status < 300]
        return {
            "attempts": len(received),
            "accepted": len(accepted),
            "unique": len({(one.path, one.id) for one in accepted}),
            "duplicates": sum(one.duplicate for one in accepted),
            "unverified": sum(not one.verified for one in received),
            "deliveries": [asdict(one) for one in received],
        }

    def _handle(self, request: Request) -> Reply:
        if request.path == "/_deliveries" and request.method == "GET":
            return json_reply(self.summary())
        if request.path == "/_deliveries" and request.method == "DELETE":
            self.clear()
            return Reply(204)
        if request.path == "/_script" and request.method == "POST":
            return self._set_script(request)
        if request.method != "POST":
            return json_reply({"error": "POST a webhook"}, 405)
        return self._receive(request)

    def _set_script(self, request: Request) -> Reply:
        try:
            self.play(replace(Script(), **request.json()))
        except (ValueError, TypeError) as error:
            known = ", ".join(part.name for part in fields(Script))
            return json_reply({"error": f"{error}; fields: {known}"}, 400)
        return Reply(204)

    def _receive(self, request: Request) -> Reply:
        secrets = self._secrets.get(request.path, self._secrets.get(ANY_PATH, ()))
        problem = check_signature(request.headers, request.body, secrets, time.time())
        with self._lock:
            wait_s = self._script.slow_s
        if wait_s:
            time.sleep(wait_s)
        with self._lock:
            earlier = [
                one
                for one in self._received
                if (one.path, one.id) == (request.path, request.headers.get("webhook-id", ""))
            ]
            problem = problem or _changed(earlier, request.body)
            reply = self._answer(problem)
            self._received.append(self._record(request, problem, reply.status, earlier))
        return reply

    def _answer(self, problem: str) -> Reply:
        """Called with the lock held: the script's failures come first, as they would from a proxy in front."""
        script = self._script
        elapsed_s = (self._clock() - self._script_set_at).total_seconds()
        if script.fail_first > 0 or elapsed_s < script.fail_for_s:
            self._script = replace(script, fail_first=max(script.fail_first - 1, 0))
            headers = {} if script.retry_after_s is None else {"Retry-After": f"{script.retry_after_s:g}"}
            return json_reply({"error": "scripted"}, script.status, headers)
        return json_reply({"error": problem}, 401) if problem else Reply(204)

    def _record(self, request: Request, problem: str, status: int, earlier: list[Received]) -> Received:
        return Received(
            received_at=self._clock().astimezone(UTC).isoformat(),
            path=request.path,
            id=request.headers.get("webhook-id", ""),
            type=_event_type(request.body),
            timestamp=request.headers.get("webhook-timestamp", ""),
            body=request.body.decode("utf-8", "replace"),
            verified=not problem,
            problem=problem,
            status=status,
            attempt=len(earlier) + 1,
            duplicate=any(200 <= one.status < 300 for one in earlier),
        )

    def __enter__(self) -> WebhookSink:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def serve_forever(self) -> None:
        self._server.serve_forever()


def _changed(earlier: list[Received], body: bytes) -> str:
    if any(one.verified and one.body != body.decode("utf-8", "replace") for one in earlier):
        return "the same webhook-id came with another body"
    return ""


def _event_type(body: bytes) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    return str(value.get("type", "")) if isinstance(value, dict) else ""


def _wall() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description="Receives, checks and lists webhooks on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--secret", action="append", default=[], help="whsec_... for any path, or PATH=whsec_... (may be repeated)"
    )
    options = parser.parse_args()
    secrets: dict[str, list[str]] = {}
    for text in options.secret:
        path, _, secret = text.partition("=whsec_")
        secrets.setdefault(path if secret else ANY_PATH, []).append(f"whsec_{secret}" if secret else text)
    sink = WebhookSink(secrets, port=options.port)
    print(f"webhook sink on {sink.url}", flush=True)
    sink.serve_forever()


if __name__ == "__main__":
    main()
