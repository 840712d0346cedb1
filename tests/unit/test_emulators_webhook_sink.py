"""The webhook sink against the reference implementation of Standard Webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from emulators.webhook_sink import Script, WebhookSink

SECRET = "whsec_" + "QWxsIHlvdXIgYmFzZSBhcmUgYmVsb25nIHRvIHVz"
OTHER = "whsec_" + "Tm90aGluZyB0byBzZWUgaGVyZSwgbW92ZSBhbG9uZy4="
BODY = json.dumps({"type": "signal.created", "timestamp": "2025-08-29T04:00:00Z", "data": {"sequence": 1}}).encode()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink([SECRET]) as running:
        yield running


def post(url: str, identifier: str = "msg_1", secret: str = SECRET, body: bytes = BODY, age_s: float = 0.0) -> int:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, at, body.decode()),
    }
    return httpx.post(url, content=body, headers=headers).status_code


def test_a_webhook_signed_by_the_reference_library_is_verified(sink: WebhookSink) -> None:
    assert post(sink.url + "/hooks/acme") == 204
    (received,) = sink.deliveries
    assert (received.id, received.type, received.path) == ("msg_1", "signal.created", "/hooks/acme")
    assert received.verified
    assert json.loads(received.body) == json.loads(BODY)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"secret": OTHER}, "no signature"), ({"age_s": 301.0}, "timestamp"), ({"age_s": -302.0}, "timestamp")],
)
def test_a_wrong_secret_or_an_old_timestamp_is_refused_and_recorded(
    sink: WebhookSink, change: dict[str, object], says: str
) -> None:
    assert post(sink.url, **change) == 401
    (received,) = sink.deliveries
    assert not received.verified
    assert says in received.problem


def test_a_body_changed_after_signing_is_refused(sink: WebhookSink) -> None:
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("m", at, BODY.decode()),
    }
    assert httpx.post(sink.url, content=BODY + b" ", headers=headers).status_code == 401
    assert httpx.post(sink.url, content=BODY).status_code == 401


def test_one_of_two_signatures_is_enough_while_a_secret_rotates(sink: WebhookSink) -> None:
    at = datetime.now(UTC)
    signatures = " ".join(Webhook(secret).sign("m", at, BODY.decode()) for secret in (OTHER, SECRET))
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signatures}
    assert httpx.post(sink.url, content=BODY, headers=headers).status_code == 204


def test_a_repeated_id_counts_as_duplicate_only_after_it_was_accepted(sink: WebhookSink) -> None:
    sink.play(Script(fail_first=2))
    assert [post(sink.url) for _ in range(4)] == [500, 500, 204, 204]
    summary = httpx.get(sink.url + "/_deliveries").json()
    assert (summary["attempts"], summary["accepted"], summary["unique"], summary["duplicates"]) == (4, 2, 1, 1)
    assert [one["attempt"] for one in summary["deliveries"]] == [1, 2, 3, 4]


def test_the_same_id_with_another_body_is_reported(sink: WebhookSink) -> None:
    assert post(sink.url) == 204
    assert post(sink.url, body=BODY.replace(b"1}", b"2}")) == 401
    assert "another body" in sink.deliveries[1].problem


def test_each_path_has_its_own_secret() -> None:
    with WebhookSink({"/a": [SECRET], "/b": [OTHER]}) as sink:
        assert post(sink.url + "/a") == 204
        assert post(sink.url + "/b") == 401
        assert post(sink.url + "/c") == 401


def test_it_fails_for_a_while_of_its_own_clock() -> None:
    now = [datetime(2025, 8, 29, 4, tzinfo=UTC)]
    with WebhookSink([SECRET], clock=lambda: now[0]) as sink:
        sink.play(Script(status=503, fail_for_s=600, retry_after_s=30))
        assert post(sink.url) == 503
        now[0] += timedelta(seconds=599)
        assert httpx.post(sink.url).headers["Retry-After"] == "30"
        now[0] += timedelta(seconds=1)
        assert post(sink.url) == 204


def test_a_script_can_be_set_over_http_and_unknown_fields_are_refused(sink: WebhookSink) -> None:
    assert httpx.post(sink.url + "/_script", json={"status": 410, "fail_first": 1}).status_code == 204
    assert post(sink.url) == 410
    refused = httpx.post(sink.url + "/_script", json={"fail": 1})
    assert refused.status_code == 400
    assert "fail_first" in refused.text
    assert httpx.delete(sink.url + "/_deliveries").status_code == 204
    assert sink.deliveries == ()


def test_it_answers_late_when_told_to(sink: WebhookSink) -> None:
    sink.play(Script(slow_s=0.5))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(sink.url, content=BODY, timeout=0.1)


def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "emulators.webhook_sink", "--secret", f"/hooks/a={SECRET}", "--secret", OTHER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert post(url + "/hooks/a") == 204
            assert post(url + "/hooks/b", secret=OTHER) == 204
            assert httpx.get(url + "/_deliveries").json()["accepted"] == 2
        finally:
            process.terminate()
