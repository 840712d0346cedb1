"""Publishing to Pub/Sub; the subscriptions push to the functions and belong to Terraform.

One request carries what one call publishes, and the call returns when the server has stored it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.pubsub_v1 import PublisherClient, PublishRequest, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from quantsentinel.adapters.google.connection import DEADLINE_S, emulator_channel, translated
from quantsentinel.canonical import canonical_bytes
from quantsentinel.ports import Event

MAX_MESSAGES = 1_000
MAX_BYTES = 9_000_000
"""Pub/Sub takes 10 MB a request, attributes included."""


class PubSubBus:
    """Topics are `projects/{project}/topics/{prefix}{topic}`; the message is the event's data as canonical JSON.

    Attributes are the event's own (`traceparent` passes through) with `event_id` and `topic`.
    """

    def __init__(self, project: str, *, topic_prefix: str = "", emulator_host: str | None = None) -> None:
        self._topics = f"projects/{project}/topics/{topic_prefix}"
        if emulator_host:
            transport = PublisherGrpcTransport(channel=emulator_channel(emulator_host))
            self._client = PublisherClient(transport=transport)
        else:
            self._client = PublisherClient()

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        """One request for each topic, more where they do not fit."""
        for topic in dict.fromkeys(event.topic for event in events):
            messages = [message_of(event) for event in events if event.topic == topic]
            for batch in batches(messages):
                request = PublishRequest(topic=self._topics + topic, messages=batch)
                with translated(f"publish to {topic}"):
                    self._client.publish(request, retry=None, timeout=DEADLINE_S)

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
