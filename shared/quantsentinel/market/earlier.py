"""What a market pass may know from before the day's rows: the day's first book by strike, and yesterday's breadth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class StrikeBook:
    """One expiry by strike, ascending: open interest in units, mids in points (None: no usable two-sided quote)."""

    expiry: date
    strike: tuple[float, ...]
    call_oi: tuple[float, ...]
    put_oi: tuple[float, ...]
    call_mid: tuple[float | None, ...]
    put_mid: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """The first accepted snapshot of the session, nearest expiries only: what flow by strike is measured from."""

    snapshot: str
    received_at: datetime
    books: tuple[StrikeBook, ...]


@dataclass(frozen=True, slots=True)
class Breadth:
    """Stocks that closed above, below or at their previous close on one day; known from `available_at` on."""

    day: date
    available_at: datetime
    advances: int
    declines: int
    unchanged: int


class OfDay(Protocol):
    @property
    def day(self) -> date: ...


Dated = TypeVar("Dated", bound=OfDay)


def of_day(items: Iterable[Dated], day: date | None) -> Dated | None:
    """The one of exactly that day: an older one never stands in for it."""
    return next((item for item in items if item.day == day), None)


def plain_opening(opening: Opening | None) -> dict[str, Any] | None:
    """As JSON knows it; `decode_opening` is the inverse."""
    if opening is None:
        return None
    books = [
        {item.name: getattr(book, item.name) for item in fields(book)} | {"expiry": book.expiry.isoformat()}
        for book in opening.books
    ]
    return {"snapshot": opening.snapshot, "received_at": _utc(opening.received_at), "books": books}


def decode_opening(raw: Mapping[str, Any] | None) -> Opening | None:
    if raw is None:
        return None
    books = (
        StrikeBook(date.fromisoformat(book["expiry"]), **{k: tuple(v) for k, v in book.items() if k != "expiry"})
        for book in raw["books"]
    )
    return Opening(raw["snapshot"], datetime.fromisoformat(raw["received_at"]), tuple(books))


def plain_breadth(breadth: Breadth | None) -> dict[str, Any] | None:
    """As JSON knows it; `decode_breadth` is the inverse."""
    if breadth is None:
        return None
    times = {"day": breadth.day.isoformat(), "available_at": _utc(breadth.available_at)}
    return {item.name: getattr(breadth, item.name) for item in fields(breadth)} | times


def decode_breadth(raw: Mapping[str, Any] | None) -> Breadth | None:
    if raw is None:
        return None
    times = {"day": date.fromisoformat(raw["day"]), "available_at": datetime.fromisoformat(raw["available_at"])}
    return Breadth(**{**raw, **times})


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
