"""The Google profile: Firestore, versioned GCS buckets and Pub/Sub, or their emulators (the client libraries read
`FIRESTORE_EMULATOR_HOST`, `STORAGE_EMULATOR_HOST` and `PUBSUB_EMULATOR_HOST` themselves)."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping

from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.adapters.google.objects import GcsObjects
from quantsentinel.app.platform import Platform
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.ports import Clock, MarketFeed, ObjectInfo, Objects
from quantsentinel.settings import BucketKind, Settings
from quantsentinel.wiring.channels import Channels
from quantsentinel.wiring.desk import desk_of
from quantsentinel.wiring.emulators import is_hosted
from quantsentinel.wiring.fitted import with_fitted
from quantsentinel.wiring.margin_broker import standing_broker

BUCKETS: Mapping[str, BucketKind] = {"raw": "raw", "decisions": "decisions", "audit-roots": "audit", "models": "models"}
"""First part of a key to the bucket that holds it; everything else is in `snapshots`."""


class RoutedObjects:
    """Objects by the first part of their key: raw payloads, decisions, the audit's roots (under a retention lock),
    fitted parts and everything else have their own bucket."""

    def __init__(self, routes: Mapping[str, Objects], default: Objects) -> None:
        self._routes = routes
        self._default = default

    def _of(self, key: str) -> Objects:
        return self._routes.get(key.split("/", 1)[0], self._default)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return self._of(key).put_if_absent(key, data)

    def put(self, key: str, data: bytes) -> int:
        return self._of(key).put(key, data)

    def get(self, key: str, generation: int | None = None) -> bytes | None:
        return self._of(key).get(key, generation)

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        if prefix:
            return self._of(prefix).list(prefix)
        everything = {id(objects): objects for objects in (*self._routes.values(), self._default)}
        return sorted((info for objects in everything.values() for info in objects.list()), key=lambda info: info.key)


def open_google(
    settings: Settings,
    clock: Clock | None = None,
    feeds: Mapping[str, MarketFeed] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Platform:
    """A platform on Google Cloud; `feeds` only where it polls (`feeds_of`): no other function holds the token.

    `environ` names the emulators, where there are any.
    """
    clock = clock or SystemClock(settings.clock_offset_s)
    emulated = {name: environ.get(f"{name}_EMULATOR_HOST") for name in ("FIRESTORE", "PUBSUB", "STORAGE")}
    objects = RoutedObjects(
        {part: _bucket(settings, kind, emulated["STORAGE"]) for part, kind in BUCKETS.items()},
        _bucket(settings, "snapshots", emulated["STORAGE"]),
    )
    documents = FirestoreDocuments(settings.project, settings.firestore_database, emulator_host=emulated["FIRESTORE"])
    return Platform(
        documents=documents,
        objects=objects,
        bus=PubSubBus(settings.project, topic_prefix=settings.topic_prefix, emulator_host=emulated["PUBSUB"]),
        clock=clock,
        desk=with_fitted(desk_of(settings), settings, documents, objects),
        # Instances of one revision share its name and their process ids: only chance tells their leases apart.
        owner=f"{os.environ.get('K_REVISION', socket.gethostname())}-{os.getpid()}-{secrets.token_hex(4)}",
        feeds=feeds or {},
        margin_broker=standing_broker(settings, clock),
        channels=Channels(settings, local_profile=not is_hosted(settings, environ)),
        followed=settings.underlyings,
        poll_interval_s=settings.poll_interval_s,
    )


def _bucket(settings: Settings, kind: BucketKind, emulator: str | None) -> Objects:
    return GcsObjects(settings.project, settings.bucket(kind), emulator_url=emulator)


def feeds_of(settings: Settings, desk: Desk, clock: Clock) -> dict[str, MarketFeed]:
    """The broker's feed; only Upstox can be polled from the cloud."""
    if settings.feed != "upstox":
        return {}
    if not settings.upstox_token.get_secret_value():
        raise BadInput(
            "no Upstox token", where="QS_UPSTOX_TOKEN", fix="Create an Analytics Token in Upstox Developer Apps"
        )
    import httpx

    from quantsentinel.adapters.brokers.poll_plan import PollPlan
    from quantsentinel.adapters.brokers.upstox import UpstoxFeed
    from quantsentinel.wiring.upstox_token import upstox_token

    plan = PollPlan.standard(settings.underlyings, settings.poll_interval_s)
    http = httpx.Client(base_url=settings.upstox_url)
    return {"upstox": UpstoxFeed(http, upstox_token(settings, os.environ), desk.rules, plan, clock)}
