"""What a feature declares: its unit, what it is made of, and so from when on it may be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Literal

from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.history import History
from quantsentinel.market.snapshot import Snapshot

Value = float | str | None
Source = Literal["snapshot", "rows", "opening", "daily", "participants", "breadth"]
BARS_KNOWN_AT = time(18, 0)
"""Daily closes are counted as known from here on in India; the exchange's files come between 17:00 and 18:00."""


@dataclass(frozen=True, slots=True)
class Feature:
    """`inputs` are everything the value depends on; it is known when the last of them is (`available_at`)."""

    name: str
    unit: str
    inputs: tuple[Source, ...] = ("snapshot",)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a feature may look at. `history` holds nothing that was not known when the snapshot was received."""

    analytics: MarketAnalytics
    snapshot: Snapshot
    history: History


@dataclass(frozen=True, slots=True)
class Family:
    """Features that are worked out together; `compute` answers with exactly the names of `features`."""

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[Inputs], Mapping[str, Value]]


def source_times(snapshot_received_at: datetime, history: History) -> dict[Source, datetime]:
    """When the newest value of each source became known; a source that is absent is not among them."""
    found: dict[Source, datetime] = {"snapshot": snapshot_received_at}
    if history.rows:
        found["rows"] = max(row.received_at for row in history.rows)
    if history.opening is not None:
        found["opening"] = history.opening.received_at
    if history.daily:
        found["daily"] = datetime.combine(max(bar.day for bar in history.daily), BARS_KNOWN_AT, IST)
    if history.participants is not None:
        found["participants"] = history.participants.available_at
    if history.breadth is not None:
        found["breadth"] = history.breadth.available_at
    return found


def available_at(inputs: Sequence[Source], known: Mapping[Source, datetime]) -> datetime:
    """The time of the newest of a feature's `inputs`; without any of them (it says only that nothing is there) the
    snapshot's."""
    return max((known[source] for source in inputs if source in known), default=known["snapshot"])
