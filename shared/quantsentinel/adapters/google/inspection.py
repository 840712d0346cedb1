"""What stands in a project, read through Google's own clients and never changed: buckets, topics, subscriptions.

Raises `NotAllowed` where whoever asks may not read: that says nothing about what stands there.
"""

from __future__ import annotations

from typing import Any

from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.pubsub_v1 import (
    ListSubscriptionsRequest,
    ListTopicsRequest,
    ModifyAckDeadlineRequest,
    PublisherClient,
    PullRequest,
    SubscriberClient,
)
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from quantsentinel.adapters.google.connection import DEADLINE_S, emulator_channel, translated
from quantsentinel.frozen import dataclass

PEEKED = 100


@dataclass(frozen=True, slots=True)
class BucketState:
    name: str
    versioned: bool


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """Names without their project. `pushes_to` is empty for one that is pulled, `dead_letter_topic` where none is."""

    name: str
    topic: str
    pushes_to: str
    dead_letter_topic: str
    expires: bool


class Inspection:
    """`pubsub_host` and `storage_url` are those of the emulators, where there are any."""

    def __init__(self, project: str, *, pubsub_host: str | None = None, storage_url: str | None = None) -> None:
        self._project = f"projects/{project}"
        storage_arguments: dict[str, Any] = {}
        if storage_url:
            storage_arguments = {"credentials": AnonymousCredentials(), "client_options": {"api_endpoint": storage_url}}  # type: ignore[no-untyped-call]  # google-auth is partly typed
        self._storage: Any = storage.Client(project, **storage_arguments)  # type: ignore[no-untyped-call]  # ships no types
        if pubsub_host:
            channel = emulator_channel(pubsub_host)
            self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        else:
            self._publisher, self._subscriber = PublisherClient(), SubscriberClient()

    def bucket(self, name: str) -> BucketState | None:
        """None when there is none."""
        with translated(f"bucket {name}"):
            try:
                found = self._storage.get_bucket(name, retry=None, timeout=DEADLINE_S)
            except NotFound:
                return None
        return BucketState(name, bool(found.versioning_enabled))

    def topics(self) -> frozenset[str]:
        with translated("list topics"):
            request = ListTopicsRequest(project=self._project, page_size=PEEKED)
            found = self._publisher.list_topics(request, retry=None, timeout=DEADLINE_S)
            return frozenset(_leaf(topic.name) for topic in found)

    def subscriptions(self) -> dict[str, SubscriptionState]:
        with translated("list subscriptions"):
            request = ListSubscriptionsRequest(project=self._project, page_size=PEEKED)
            found = self._subscriber.list_subscriptions(request, retry=None, timeout=DEADLINE_S)
            states = [_state(item) for item in found]
        return {state.name: state for state in states}

    def waiting(self, subscription: str) -> int:
        """Messages that wait at one that nobody pulls, up to 100: taken for a moment and given back at once."""
        name = f"{self._project}/subscriptions/{subscription}"
        with translated(f"pull {subscription}"):
            request = PullRequest(subscription=name, max_messages=PEEKED, return_immediately=True)
            found = self._subscriber.pull(request, retry=None, timeout=DEADLINE_S).received_messages
            if found:
                ids = [message.ack_id for message in found]
                back = ModifyAckDeadlineRequest(subscription=name, ack_ids=ids, ack_deadline_seconds=0)
                self._subscriber.modify_ack_deadline(back, retry=None, timeout=DEADLINE_S)
        return len(found)

    def close(self) -> None:
        self._publisher.transport.close()  # type: ignore[no-untyped-call]  # generated code
        self._subscriber.transport.close()  # type: ignore[no-untyped-call]  # generated code


def _state(item: Any) -> SubscriptionState:
    return SubscriptionState(
        name=_leaf(item.name),
        topic=_leaf(item.topic),
        pushes_to=item.push_config.push_endpoint,
        dead_letter_topic=_leaf(item.dead_letter_policy.dead_letter_topic),
        expires=bool(item.expiration_policy.ttl),
    )


def _leaf(name: str) -> str:
    return name.rsplit("/", 1)[-1]
