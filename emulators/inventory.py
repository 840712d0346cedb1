"""What stands in a project as far as the map says it: topics, subscriptions, buckets; names without the project.

Read from three places that have to agree: the map, the emulators (through Google's own clients) and Terraform's plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from emulators.function_map import FunctionMap

DEAD_LETTER_ACK_DEADLINE_S = 60
RETENTION_S = 7 * 24 * 3600
"""The longest that the emulator keeps a message that nobody acknowledged; Pub/Sub itself goes to 31 days."""


@dataclass(frozen=True, slots=True, order=True)
class Subscribed:
    """One subscription; without `push_endpoint` it is pulled. A back-off of 0 s is Pub/Sub's own: at once."""

    name: str
    topic: str
    ack_deadline_s: int
    retention_s: int
    never_expires: bool
    push_endpoint: str = ""
    min_backoff_s: float = 0
    max_backoff_s: float = 0
    dead_letter_topic: str = ""
    max_delivery_attempts: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """Sorted, so that two of them can be compared."""

    topics: tuple[str, ...]
    subscriptions: tuple[Subscribed, ...]
    buckets: tuple[str, ...]
    """Those with versioning, by kind."""

    def comparable(self) -> Inventory:
        """Without what has to differ between a cloud and a laptop: hosts of push endpoints, and long retentions."""
        return replace(self, subscriptions=tuple(sorted(_comparable(each) for each in self.subscriptions)))


def _comparable(each: Subscribed) -> Subscribed:
    path = urlsplit(each.push_endpoint).path or "/" if each.push_endpoint else ""
    return replace(each, push_endpoint=path, retention_s=min(each.retention_s, RETENTION_S))


def inventory(topics: Iterable[str], subscriptions: Iterable[Subscribed], buckets: Iterable[str]) -> Inventory:
    return Inventory(tuple(sorted(topics)), tuple(sorted(subscriptions)), tuple(sorted(buckets)))


def intended(known: FunctionMap, ports: Mapping[str, int], host: str = "127.0.0.1") -> Inventory:
    """What the map asks for, when function `name` listens on `ports[name]` of this machine, which Pub/Sub knows as
    `host`."""
    listening = list(known.listening())
    dead = [known.dead_letter_topic(name) for name in listening]
    pushed = [_pushed(known, name, f"http://{host}:{ports[name]}/") for name in listening]
    pulled = [Subscribed(name, name, DEAD_LETTER_ACK_DEADLINE_S, RETENTION_S, never_expires=True) for name in dead]
    return inventory({*known.topics(), *dead}, [*pushed, *pulled], known.buckets)


def _pushed(known: FunctionMap, name: str, endpoint: str) -> Subscribed:
    row = known.subscription(name)
    return Subscribed(
        name,
        known.topic(name),
        row.ack_deadline_s,
        RETENTION_S,
        never_expires=True,
        push_endpoint=endpoint,
        min_backoff_s=row.min_backoff_s,
        max_backoff_s=row.max_backoff_s,
        dead_letter_topic=known.dead_letter_topic(name),
        max_delivery_attempts=row.max_delivery_attempts,
    )
