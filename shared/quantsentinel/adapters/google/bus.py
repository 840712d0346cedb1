"""Publishing to Pub/Sub; the subscriptions push to the functions and belong to Terraform.

Google's client is loaded by the first publish, which comes after the decision is stored: a cold process decides sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from quantsentinel.adapters.google.connection import translated
from quantsentinel.ports import Event

if TYPE_CHECKING:
    from quantsentinel.adapters.google.publisher import Publisher


class PubSubBus:
    """Topics are `projects/{project}/topics/{prefix}{topic}`; the message is the event's data as canonical JSON.

    Attributes are the event's own (`traceparent` passes through) with `event_id` and `topic`.
    """

    def __init__(self, project: str, *, topic_prefix: str = "", emulator_host: str | None = None) -> None:
        self._topics = f"projects/{project}/topics/{topic_prefix}"
        self._emulator_host = emulator_host

    @cached_property
    def _publisher(self) -> Publisher:
        from quantsentinel.adapters.google.publisher import Publisher

        return Publisher(self._emulator_host)

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        """Requests of their own for each topic."""
        for topic in dict.fromkeys(event.topic for event in events):
            with translated(f"publish to {topic}"):
                self._publisher.publish(self._topics + topic, [event for event in events if event.topic == topic])

    def close(self) -> None:
        if "_publisher" in vars(self):
            self._publisher.close()
