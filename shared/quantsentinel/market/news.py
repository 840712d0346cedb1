"""A published fact that may move prices: who it concerns, how much, and how long it blocks or shrinks entries."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


class Impact(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class NewsKind(StrEnum):
    MONETARY = "monetary"
    FISCAL = "fiscal"
    MACRO = "macro"
    GEOPOLITICAL = "geopolitical"
    REGULATORY = "regulatory"
    MARKET = "market"
    CORPORATE = "corporate"


@dataclass(frozen=True, slots=True)
class NewsItem:
    """`symbols` empty: the whole market; otherwise stocks or indices. Known from `known_at` on, over after `until`."""

    news_id: str
    headline: str
    kind: NewsKind
    impact: Impact
    symbols: tuple[str, ...]
    published_at: datetime
    known_at: datetime
    until: datetime
    source: str

    def __post_init__(self) -> None:
        times = (self.published_at, self.known_at, self.until)
        if any(time.tzinfo is None for time in times) or self.until <= self.known_at:
            raise BadInput(f"news from {self.known_at} until {self.until}", where=self.news_id, fix="Times with a zone")
