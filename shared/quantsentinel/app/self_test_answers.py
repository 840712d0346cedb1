"""The side of a self-test that is asked: a function's answer, and a webhook's arrival. See `app.self_test`."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from quantsentinel.app.deliver import SELF_TEST
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.self_test import Asked, Identity
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.ports import Create, Put
from quantsentinel.stores.expiring import FIELD, expiry

KEPT = timedelta(days=30)


def run_path(run: str) -> str:
    return f"self_tests/{run}"


def answer_asked(platform: Platform, asked: Asked, identity: Identity) -> None:
    """Writes the function's answer, once for each asking. Raises `BadInput` for an asking of no run."""
    _require_run(platform, asked.run)
    body = {"identity": identity.model_dump(mode="json"), FIELD: expiry(platform.clock.now() + KEPT)}
    platform.documents.commit([Put(f"{run_path(asked.run)}/answers/{identity.function}-{asked.number}", body)])


def webhook_secrets(platform: Platform) -> tuple[str, ...]:
    """What the webhook of the tenant `self-test` is signed with. Raises `BadInput` before the first run."""
    return tuple(item.secret for item in platform.tenants.store(SELF_TEST).endpoints() if item.channel == "webhook")


def record_arrival(platform: Platform, run: str, webhook_id: str) -> None:
    """Notes a verified webhook of this run; the same one again changes nothing. Raises `BadInput` for no run."""
    _require_run(platform, run)
    now = platform.clock.now()
    body = {"at": now.isoformat(), FIELD: expiry(now + KEPT)}
    with suppress(Conflict):
        platform.documents.commit([Create(f"{run_path(run)}/arrivals/{webhook_id}", body)])


def _require_run(platform: Platform, run: str) -> None:
    if platform.documents.get(run_path(run)) is None:
        raise BadInput(f"no run {run!r}", where="self-test", fix="Runs begin at the function `self_test`")
