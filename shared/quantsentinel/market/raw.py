"""What a poll brings, before any parsing: values of the `MarketFeed` port that the parsers read."""

from __future__ import annotations

from datetime import date, datetime

from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Payload:
    """Raw bytes as they came, before any parsing. `expiry` is set where one call returns one expiry."""

    body: bytes
    content_type: str
    received_at: datetime
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class RawSnapshot:
    """What one poll brought, to be stored before it is parsed. `parser` names the entry of the parsers' registry."""

    underlying: str
    source: str
    parser: str
    collected_at: datetime
    payloads: tuple[Payload, ...]
