"""Requests to Pub/Sub: one carries what one call publishes, and the call returns when the server has stored it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.pubsub_v1 import PublisherClient, PublishRequest, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from quantsentinel.adapters.google.connection import DEADLINE_S, emulator_channel
from quantsentinel.canonical import canonical_bytes
from quantsentinel.ports import Event

MAX_MESSAGES = 1_000
MAX_BYTES = 9_000_000
"""Pub/Sub takes 10 MB a request, attributes included."""


class Publisher:
    """Google's client as we use it: no retry of its own. Its errors are Google's."""

    def __init__(self, emulator_host: str | None) -> None:
        if emulator_host:
            transport = PublisherGrpcTransport(channel=emulator_channel(emulator_host))
            self._client = PublisherClient(transport=transport)
        else:
            self._client = PublisherClient()

    def publish(self, topic: str, events: Sequence[Event]) -> None:
        """To the topic of that full name, in one request or, where they do not fit, in more."""
        for batch in batches(map(message_of, events)):
            self._client.publish(PublishRequest(topic=topic, messages=batch), retry=None, timeout=DEADLINE_S)

    def close(self) -> None:
        self._client.transport.close()  # type: ignore[no-untyped-call]  # generated code


def message_of(event: Event) -> PubsubMessage:
    attributes = {**event.attributes, "event_id": event.id, "topic": event.topic}
    return PubsubMessage(data=canonical_bytes(event.data), attributes=attributes)


def batches(messages: Iterable[PubsubMessage]) -> list[list[PubsubMessage]]:
    """In order, each within the limits of one request."""
    found: list[list[PubsubMessage]] = []
    size = 0
    for message in messages:
        weight = len(PubsubMessage.serialize(message))
        if not found or len(found[-1]) == MAX_MESSAGES or size + weight > MAX_BYTES:
            found.append([])
            size = 0
        found[-1].append(message)
        size += weight
    return found
