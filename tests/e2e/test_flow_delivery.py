"""Webhooks that fail: nothing is lost while it is valid, nothing goes out twice, nothing goes out too late."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from emulators.loopback import Loopback, Reply, Request
from emulators.webhook_sink import Script
from quantsentinel.adapters.channels.webhook import new_secret
from quantsentinel.wiring.replay import ReplayRequest, replay
from tests.flow import ACME, NIFTY, ZEN, Flow, day_file, flow

MINUTE = 60.0


def deliveries(running: Flow, tenant: str = "acme") -> dict[str, str]:
    """Final state by delivery id."""
    store = running.platform.tenants.store(tenant)
    return {item["delivery_id"]: item["state"] for item in store.deliveries()}


def test_a_webhook_that_answers_500_for_ten_minutes_gets_every_signal_once_while_it_is_valid(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(13))
    with flow(tmp_path / "state", data, (ACME, ZEN), script=Script(500, fail_for_s=10 * MINUTE)) as running:
        running.finish()
        created = {f"{item['signal_id']}.{item['sequence']}": item for item in running.signals()}
        accepted = {one.id: one for one in running.accepted()}
        assert created
        assert Counter(one.id for one in running.accepted()) == Counter(created.keys())
        assert any(one.status == 500 for one in running.sink.deliveries)
        for key, one in accepted.items():
            assert datetime.fromisoformat(one.received_at) <= datetime.fromisoformat(created[key]["valid_until"])
            bodies = {attempt.body for attempt in running.sink.deliveries if attempt.id == key}
            assert bodies == {one.body}
        assert set(deliveries(running).values()) == {"sent"}


def test_what_is_past_its_deadline_expires_and_leaves_the_book_while_later_signals_are_delivered(
    tmp_path: Path,
) -> None:
    """The sink is away for 25 minutes: entries of the first minute expire (15 minutes), and a notice says so."""
    data = day_file(tmp_path, NIFTY, (*range(3), *range(20, 32)))
    with flow(tmp_path / "state", data, script=Script(500, fail_for_s=25 * MINUTE)) as running:
        running.play(3)
        entered = {item["signal_id"] for item in running.signals("created")}
        assert entered
        running.finish()
        book, _ = running.platform.tenants.store("acme").book()
        expired = {item["signal_id"] for item in running.signals("expired")}
        assert entered <= expired
        assert not expired & {position.signal_id for position in book.positions}
        outcome = {key: state for key, state in deliveries(running).items() if "-001-" in key}
        assert {state for key, state in outcome.items() if key[:24] in entered} == {"expired"}
        accepted = Counter(one.id for one in running.accepted())
        assert all(f"{signal_id}.2" in accepted for signal_id in entered), "the notice of expiry is delivered"
        assert not any(f"{signal_id}.1" in accepted for signal_id in entered), "the entry never went out"
        assert set(accepted.values()) == {1}


def test_an_entry_that_expired_undelivered_gives_its_loss_budget_back(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, (*range(2), 22))
    with flow(tmp_path / "state", data, script=Script(500, fail_for_s=24 * 60 * MINUTE)) as running:
        running.play(2)
        store = running.platform.tenants.store("acme")
        assert store.book()[0].entered_loss > 0
        running.finish()
        book, _ = store.book()
        first = {item["signal_id"] for item in running.signals("created")[:1]}
        assert first <= {item["signal_id"] for item in running.signals("expired")}
        assert book.entered_loss == sum(position.max_loss for position in book.positions)


def test_retry_after_is_obeyed_before_the_next_attempt(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(2))
    with flow(tmp_path / "state", data, script=Script(429, fail_first=1, retry_after_s=45)) as running:
        running.finish()
        first, *later = running.sink.deliveries
        again = next(one for one in later if one.id == first.id)
        waited = datetime.fromisoformat(again.received_at) - datetime.fromisoformat(first.received_at)
        assert first.status == 429
        assert waited == timedelta(seconds=45)
        assert again.status == 204


def test_an_endpoint_that_is_gone_fails_for_good_and_is_not_asked_again(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2)), script=Script(410, fail_first=10**6)) as running:
        running.finish()
        attempts = Counter(one.id for one in running.sink.deliveries)
        assert attempts
        assert set(attempts.values()) == {1}
        assert set(deliveries(running).values()) == {"failed"}
        assert running.bus().backlog() == {}


def test_a_slow_endpoint_gets_each_signal_once(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2)), script=Script(slow_s=0.4)) as running:
        running.finish()
        expected = Counter(f"{item['signal_id']}.{item['sequence']}" for item in running.signals())
        assert Counter(one.id for one in running.accepted()) == expected
        assert running.sink.summary()["duplicates"] == 0


def test_the_webhook_verifies_with_the_public_library_and_a_changed_byte_does_not(tmp_path: Path) -> None:
    received: list[Request] = []

    def answer(request: Request) -> Reply:
        received.append(request)
        return Reply(204)

    secret = new_secret()
    data = day_file(tmp_path, NIFTY, range(1))
    with Loopback(answer) as server:
        replay(ReplayRequest((data,), (ACME,), tmp_path / "state", webhook=server.url, webhook_secret=secret))
    assert received
    body = Webhook(secret).verify(received[0].body, dict(received[0].headers))
    assert body["type"] == "signal.created"
    assert body["data"]["signal_id"] == received[0].headers["webhook-id"].rsplit(".", 1)[0]
    for changed in (received[0].body.replace(b"signal.created", b"signal.closed"), received[0].body + b" "):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(changed, dict(received[0].headers))
