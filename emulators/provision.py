"""Makes on the emulators what Terraform makes in production, through Google's own clients, and lists what is there.

`make dev`, `make emulators`, emulators/compose.yaml and the contract tests come here; nobody else creates a topic.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists, Conflict, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1 import types as pubsub
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from emulators.google_emulators import Google
from emulators.interrupt import pause
from emulators.inventory import Inventory, Subscribed, inventory
from quantsentinel.adapters.google.connection import emulator_channel, translated
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.errors import Unavailable

CALL_WITHIN_S = 60.0
"""The first call of a Java emulator that shares its cores takes a while."""


class Provisioner:
    """The three clients on one set of emulators. Every call that creates takes what exists already for done."""

    def __init__(self, google: Google) -> None:
        self._google = google
        self._channel = emulator_channel(google.pubsub)
        self._topics = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self._subscriptions = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))
        self._storage = _storage(google)

    def topic(self, name: str) -> None:
        with translated(f"create topic {name}"), suppress(AlreadyExists):
            self._topics.create_topic(name=self._topic(name), retry=None, timeout=CALL_WITHIN_S)

    def subscription(self, wanted: Subscribed) -> None:
        request = self._request(wanted)
        with translated(f"create subscription {wanted.name}"), suppress(AlreadyExists):
            self._subscriptions.create_subscription(request=request, retry=None, timeout=CALL_WITHIN_S)

    def drop_subscription(self, name: str) -> None:
        path = f"projects/{self._google.project}/subscriptions/{name}"
        with translated(f"delete subscription {name}"), suppress(NotFound):
            self._subscriptions.delete_subscription(subscription=path, retry=None, timeout=CALL_WITHIN_S)

    def bucket(self, name: str) -> None:
        """By its full name: buckets are the one thing here that projects do not keep apart. With versioning."""
        wanted: Any = self._storage.bucket(name)
        wanted.versioning_enabled = True
        with translated(f"create bucket {name}"), suppress(Conflict):
            self._storage.create_bucket(wanted, retry=None, timeout=CALL_WITHIN_S)

    def standing(self) -> Inventory:
        """What is there, of this project."""
        project, prefix = f"projects/{self._google.project}", f"{self._google.project}-qs-"
        options: dict[str, Any] = {"retry": None, "timeout": CALL_WITHIN_S}
        with translated("list what stands on the emulators"):
            topics = [_last(topic.name) for topic in self._topics.list_topics(project=project, **options)]
            found = [_read(each) for each in self._subscriptions.list_subscriptions(project=project, **options)]
            buckets = [each for each in self._storage.list_buckets(**options) if each.name.startswith(prefix)]
        kinds = [each.name.removeprefix(prefix) for each in buckets if each.versioning_enabled]
        return inventory(topics, found, kinds)

    def close(self) -> None:
        self._channel.close()
        self._storage.close()

    def _topic(self, name: str) -> str:
        return f"projects/{self._google.project}/topics/{name}"

    def _request(self, wanted: Subscribed) -> pubsub.Subscription:
        request = pubsub.Subscription(
            name=f"projects/{self._google.project}/subscriptions/{wanted.name}",
            topic=self._topic(wanted.topic),
            ack_deadline_seconds=wanted.ack_deadline_s,
            message_retention_duration=timedelta(seconds=wanted.retention_s),
        )
        if wanted.never_expires:
            request.expiration_policy = pubsub.ExpirationPolicy()
        if wanted.push_endpoint:
            request.push_config = pubsub.PushConfig(push_endpoint=wanted.push_endpoint)
        if wanted.max_backoff_s:
            request.retry_policy = pubsub.RetryPolicy(
                minimum_backoff=timedelta(seconds=wanted.min_backoff_s),
                maximum_backoff=timedelta(seconds=wanted.max_backoff_s),
            )
        if wanted.dead_letter_topic:
            request.dead_letter_policy = pubsub.DeadLetterPolicy(
                dead_letter_topic=self._topic(wanted.dead_letter_topic),
                max_delivery_attempts=wanted.max_delivery_attempts,
            )
        return request


@contextmanager
def provisioner(google: Google) -> Iterator[Provisioner]:
    """Closed after the block."""
    found = Provisioner(google)
    try:
        yield found
    finally:
        found.close()


def provision(google: Google, wanted: Inventory, stop: threading.Event | None = None) -> list[str]:
    """Makes what is missing, makes anew a subscription that is another than it should be; tells each in words.

    What stands there and is not wanted stays: it is somebody's. Raises `Unavailable`; `Interrupted` when `stop` is set.
    """
    stop, told = stop or threading.Event(), list[str]()
    with provisioner(google) as here:
        there = here.standing()
        for topic in sorted(set(wanted.topics) - set(there.topics)):
            pause(stop)
            here.topic(topic)
            told.append(f"topic {topic}")
        others = {each.name for each in there.subscriptions}
        for subscription in sorted(set(wanted.subscriptions) - set(there.subscriptions)):
            pause(stop)
            if subscription.name in others:
                here.drop_subscription(subscription.name)
            here.subscription(subscription)
            told.append(f"subscription {subscription.name}")
        for kind in sorted(set(wanted.buckets) - set(there.buckets)):
            pause(stop)
            here.bucket(f"{google.project}-qs-{kind}")
            told.append(f"bucket {kind}")
    check_documents(google, stop)
    return told


def check_documents(google: Google, stop: threading.Event) -> None:
    """The database needs no making; that it answers is all there is to know. Raises `Unavailable`."""
    documents, deadline = FirestoreDocuments(google.project, emulator_host=google.firestore), time.monotonic()
    deadline += CALL_WITHIN_S
    try:
        while True:
            try:
                documents.get("inbox/nobody")
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                pause(stop, 0.5)
            else:
                return
    finally:
        documents.close()


def _storage(google: Google) -> Any:
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth is partly typed
    options = {"api_endpoint": google.storage}
    return storage.Client(google.project, credentials=anonymous, client_options=options)  # type: ignore[no-untyped-call]  # ships no types


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _read(found: pubsub.Subscription) -> Subscribed:
    retry, dead = found.retry_policy, found.dead_letter_policy
    return Subscribed(
        name=_last(found.name),
        topic=_last(found.topic),
        ack_deadline_s=found.ack_deadline_seconds,
        retention_s=int(found.message_retention_duration.total_seconds()),
        never_expires="expiration_policy" in found and "ttl" not in found.expiration_policy,
        push_endpoint=found.push_config.push_endpoint,
        min_backoff_s=retry.minimum_backoff.total_seconds() if "retry_policy" in found else 0,
        max_backoff_s=retry.maximum_backoff.total_seconds() if "retry_policy" in found else 0,
        dead_letter_topic=_last(dead.dead_letter_topic),
        max_delivery_attempts=dead.max_delivery_attempts,
    )
