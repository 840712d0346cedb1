"""What the market pass may know besides the snapshot: strictly earlier rows, content-addressed.

One object per accepted snapshot, written by the poller: the day's accepted summary rows *before* this snapshot by
exchange time, daily bars before the day, the latest row of every other underlying, the day's first book by strike, and
the evening before: participants' open interest and breadth. `known_at` is asked again by whoever reads one: nothing
that became known later reaches a feature, whatever was written.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, fields, replace
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from quantsentinel.canonical import sha256
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.earlier import (
    Breadth,
    Opening,
    decode_breadth,
    decode_opening,
    plain_breadth,
    plain_opening,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One accepted snapshot in a line. Open interest and volume in units, summed over the slices within 45 days.

    `forwards` maps the expiry (ISO) to the parity forward; `atm_vol` is annual, in the variance clock, of the nearest
    slice that gives one; `imbalance` is (bid size - ask size)/(sum) over two-sided quotes near the money.
    """

    snapshot: str
    observed_at: datetime
    received_at: datetime
    forwards: Mapping[str, float]
    atm_vol: float | None
    call_oi: float
    put_oi: float
    call_volume: float
    put_volume: float
    imbalance: float | None
    spread: float | None
    """Median relative spread of two-sided quotes near the money."""


@dataclass(frozen=True, slots=True)
class ParticipantOi:
    """Index-option open interest by client type of one evening, in contracts; known from `available_at` on.

    Keys of each mapping: client, dii, fii, pro.
    """

    day: date
    available_at: datetime
    call_long: Mapping[str, float]
    call_short: Mapping[str, float]
    put_long: Mapping[str, float]
    put_short: Mapping[str, float]


@dataclass(frozen=True)
class History:
    underlying: str
    session: date
    rows: tuple[SummaryRow, ...] = ()
    daily: tuple[DailyBar, ...] = ()
    others: Mapping[str, SummaryRow] = field(default_factory=dict)
    participants: ParticipantOi | None = None
    opening: Opening | None = None
    breadth: Breadth | None = None
    neighbours: Mapping[str, tuple[DailyBar, ...]] = field(default_factory=dict)
    """The newest daily bars of the other underlyings, for what moves together."""

    @cached_property
    def encoded(self) -> bytes:
        """The canonical bytes: rows and bars as columns, because a day's history is written once a snapshot."""
        texts = {
            "underlying": _json(self.underlying),
            "session": _json(self.session.isoformat()),
            "rows": _columns_text(SummaryRow, map(_row_texts, self.rows)),
            "daily": _bars_text(self.daily),
            "others": _json({name: _plain(self.others[name]) for name in sorted(self.others)}),
            "participants": _json(_plain(self.participants) if self.participants else None),
            "opening": _SESSION.of(self.opening, lambda: _json(plain_opening(self.opening))),
            "breadth": _json(plain_breadth(self.breadth)),
            # Absent when there are none, so that objects written before there were any keep their names.
            **({"neighbours": self._neighbours} if self.neighbours else {}),
        }
        return _object(texts).encode()

    @property
    def _neighbours(self) -> str:
        return _object({name: _bars_text(self.neighbours[name]) for name in sorted(self.neighbours)})

    @cached_property
    def digest(self) -> str:
        return sha256(self.encoded)


def known_at(history: History, at: datetime) -> History:
    """Itself without what was not known at `at`: rows received at or after it, bars of the session or later, files not
    yet out. The same object when nothing has to go."""
    today = min(history.session, at.astimezone(IST).date())
    evening, opening, breadth = history.participants, history.opening, history.breadth
    rows = tuple(row for row in history.rows if row.received_at < at)
    others = {name: row for name, row in history.others.items() if row.received_at <= at}
    bars = {name: _before(every, today) for name, every in history.neighbours.items()}
    daily = _before(history.daily, today)
    evening = evening if evening and evening.available_at <= at and evening.day < today else None
    opening = opening if opening and opening.received_at < at else None
    breadth = breadth if breadth and breadth.available_at <= at and breadth.day < today else None
    kept = (
        len(rows) == len(history.rows)
        and daily is history.daily
        and len(others) == len(history.others)
        and all(bars[name] is every for name, every in history.neighbours.items())
        and (evening is history.participants and opening is history.opening and breadth is history.breadth)
    )
    if kept:
        return history
    return replace(
        history,
        rows=rows,
        daily=daily,
        others=others,
        participants=evening,
        opening=opening,
        breadth=breadth,
        neighbours=bars,
    )


def _before(bars: tuple[DailyBar, ...], today: date) -> tuple[DailyBar, ...]:
    """Itself when they all are."""
    known = tuple(bar for bar in bars if bar.day < today)
    return known if len(known) < len(bars) else bars


def decode_history(data: bytes) -> History:
    """The inverse of `History.encoded`; what an older one does not hold is unknown. Raises `BadInput` for anything
    else."""
    try:
        raw = json.loads(data)
        found = History(
            underlying=raw["underlying"],
            session=date.fromisoformat(raw["session"]),
            rows=tuple(decode_row(dict(zip(raw["rows"], values, strict=True))) for values in _transposed(raw["rows"])),
            daily=_bars(raw["daily"]),
            others={name: decode_row(value) for name, value in raw["others"].items()},
            participants=_participants(raw["participants"]),
            opening=decode_opening(raw.get("opening")),
            breadth=decode_breadth(raw.get("breadth")),
            neighbours={name: _bars(bars) for name, bars in raw.get("neighbours", {}).items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"not a history object: {error!r}", where="history") from None
    # Its name is that of the bytes it was read from, whatever is written today; and they need not be made again.
    found.__dict__["encoded"] = data
    return found


def encode_bars(bars: Sequence[DailyBar]) -> bytes:
    return _bars_text(tuple(bars)).encode()


def decode_bars(data: bytes) -> tuple[DailyBar, ...]:
    return _bars(json.loads(data))


def encode_participants(evenings: Sequence[ParticipantOi]) -> bytes:
    return json.dumps([_plain(evening) for evening in evenings], separators=(",", ":")).encode()


def decode_participants(data: bytes) -> tuple[ParticipantOi, ...]:
    """By day."""
    found = [_participants(raw) for raw in json.loads(data)]
    return tuple(sorted((item for item in found if item is not None), key=lambda item: item.day))


def _bars(columns: Mapping[str, list[Any]]) -> tuple[DailyBar, ...]:
    return _same_bars(tuple(map(tuple, columns.values())))


@lru_cache(maxsize=16)
def _same_bars(columns: tuple[tuple[Any, ...], ...]) -> tuple[DailyBar, ...]:
    """One object for equal columns: daily bars stay the same all session, and what is remembered by them finds them
    without comparing them one by one."""
    return tuple(DailyBar(date.fromisoformat(day), *numbers) for day, *numbers in zip(*columns, strict=True))


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _object(texts: Mapping[str, str]) -> str:
    return f"{{{','.join([f'{_json(name)}:{text}' for name, text in texts.items()])}}}"


def _columns_text(kind: type, rows: Iterable[tuple[str, ...]]) -> str:
    """Columns by the name of their field, from the rows' values as JSON."""
    names = [item.name for item in fields(kind)]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return _object({name: f"[{','.join(column)}]" for name, column in zip(names, columns, strict=True)})


def _bars_text(bars: tuple[DailyBar, ...]) -> str:
    return _SESSION.of(bars, lambda: _columns_text(DailyBar, map(_values, bars)))


def _row_texts(row: SummaryRow) -> tuple[str, ...]:
    return _ROWS.of(row, lambda: _values(row))


def _values(value: Any) -> tuple[str, ...]:
    return tuple(_json(item) for item in _plain(value).values())


class _Texts(Generic[T]):
    """What was written of a value that comes again with every snapshot of its day, by that object's identity: equal
    values may differ in their text (1 and 1.0). It is held, so that no other one gets its id()."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[int, tuple[object, T]] = OrderedDict()

    def of(self, value: object, write: Callable[[], T]) -> T:
        found = self._known.get(id(value))
        if found is None:
            found = self._known[id(value)] = (value, write())
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return found[1]


_SESSION: _Texts[str] = _Texts(16)
_ROWS: _Texts[tuple[str, ...]] = _Texts(4096)


def _plain(value: Any) -> dict[str, Any]:
    return {item.name: _text(getattr(value, item.name)) for item in fields(value)}


def _transposed(columns: Mapping[str, list[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*columns.values(), strict=True))


def decode_row(raw: Mapping[str, Any]) -> SummaryRow:
    """A summary row out of its JSON form."""
    times = {name: datetime.fromisoformat(raw[name]) for name in ("observed_at", "received_at")}
    return SummaryRow(**{**raw, **times})


def _participants(raw: Mapping[str, Any] | None) -> ParticipantOi | None:
    if raw is None:
        return None
    times = {"day": date.fromisoformat(raw["day"]), "available_at": datetime.fromisoformat(raw["available_at"])}
    return ParticipantOi(**{**raw, **times})
