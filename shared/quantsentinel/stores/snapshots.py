"""Raw payloads, accepted snapshots, refused ones with their findings, histories: objects by content, plus one pointer
document per underlying that is moved under compare-and-swap.

    raw/{source}/{underlying}/{date}/{time}-{sha}.bin           before any parsing
    snapshots/{underlying}/{date}/{time}-{sha}.parquet          accepted
    quarantine/{underlying}/{date}/{time}-{sha}.json            refused, with every finding
    history/{underlying}/{date}/{sha}.json
    market/{underlying}                                         the newest accepted snapshot
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from quantsentinel.canonical import canonical, canonical_bytes, sha256
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.codec import decode_snapshot, encode_snapshot
from quantsentinel.market.earlier import Breadth, decode_breadth, plain_breadth
from quantsentinel.market.history import (
    History,
    ParticipantOi,
    decode_bars,
    decode_history,
    decode_participants,
    encode_bars,
    encode_participants,
)
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.ports import Create, Document, Documents, Objects, RawSnapshot, Update, Write


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """One line of `qs snapshot list`."""

    key: str
    underlying: str
    session: date
    at: str
    accepted: bool


def _stem(prefix: str, underlying: str, at: datetime, digest: str) -> str:
    local = at.astimezone(IST)
    return f"{prefix}/{underlying}/{local:%Y-%m-%d}/{local:%H%M%S}-{digest.removeprefix('sha256:')[:16]}"


class SnapshotStore:
    def __init__(self, documents: Documents, objects: Objects) -> None:
        self._documents = documents
        self._objects = objects

    def put_raw(self, raw: RawSnapshot) -> tuple[str, ...]:
        """Stores each payload as it came; the same bytes at the same time are stored once."""
        keys = []
        for payload in raw.payloads:
            digest = sha256(payload.body)
            key = _stem(f"raw/{raw.source}", raw.underlying, payload.received_at, digest) + ".bin"
            self._objects.put_if_absent(key, payload.body)
            keys.append(key)
        return tuple(keys)

    def put_snapshot(self, snapshot: Snapshot) -> str:
        key = _stem("snapshots", snapshot.underlying, snapshot.received_at, snapshot.digest) + ".parquet"
        self._objects.put_if_absent(key, encode_snapshot(snapshot))
        return key

    def get_snapshot(self, key: str) -> Snapshot:
        """Raises `Broken` when the object is missing or its content is not what its name says."""
        snapshot = decode_snapshot(self._read(key))
        if snapshot.digest.removeprefix("sha256:")[:16] not in key:
            raise Broken(f"the content's digest is {snapshot.digest}", where=key, fix="The object was tampered with")
        return snapshot

    def put_seen(self, snapshot: Snapshot) -> None:
        """The newest snapshot of an underlying that was seen at all, accepted or not."""
        self._objects.put(f"seen/{snapshot.underlying}.parquet", encode_snapshot(snapshot))

    def get_seen(self, underlying: str) -> Snapshot | None:
        data = self._objects.get(f"seen/{underlying}.parquet")
        return decode_snapshot(data) if data else None

    def put_history(self, history: History) -> str:
        digest = history.digest.removeprefix("sha256:")
        key = f"history/{history.underlying}/{history.session.isoformat()}/{digest[:32]}.json"
        self._objects.put_if_absent(key, history.encoded)
        return key

    def get_history(self, key: str) -> History:
        data = self._read(key)
        if sha256(data).removeprefix("sha256:")[:32] not in key:
            raise Broken("the content does not match its address", where=key, fix="The object was tampered with")
        return decode_history(data)

    def quarantine(self, raw: RawSnapshot, at: datetime, reason: Mapping[str, Any]) -> str:
        """Keeps a refused snapshot's findings beside the keys of its raw payloads."""
        raw_keys = [
            _stem(f"raw/{raw.source}", raw.underlying, payload.received_at, sha256(payload.body)) + ".bin"
            for payload in raw.payloads
        ]
        record = {
            "underlying": raw.underlying,
            "source": raw.source,
            "collected_at": raw.collected_at,
            "judged_at": at,
            "raw": raw_keys,
            **canonical(reason),
        }
        body = canonical_bytes(record)
        key = _stem("quarantine", raw.underlying, raw.collected_at, sha256(body)) + ".json"
        self._objects.put_if_absent(key, body)
        return key

    def read_quarantine(self, key: str) -> bytes:
        return self._read(key)

    def stored(self, underlying: str = "") -> list[StoredSnapshot]:
        """Accepted and refused snapshots, by underlying and time."""
        found = []
        for prefix, accepted in (("snapshots", True), ("quarantine", False)):
            for info in self._objects.list(f"{prefix}/{underlying}"):
                _, name, day, leaf = info.key.split("/")
                time = leaf[:6]
                at = f"{day} {time[:2]}:{time[2:4]}:{time[4:]} IST"
                found.append(StoredSnapshot(info.key, name, date.fromisoformat(day), at, accepted))
        return sorted(found, key=lambda item: (item.underlying, item.at, item.key))

    def accepted_on(self, underlying: str, session: date) -> list[str]:
        """Keys of one session's accepted snapshots, by time."""
        return [info.key for info in self._objects.list(f"snapshots/{underlying}/{session}/")]

    # --- daily bars, participant open interest, breadth: reference data, one live object each ---
    def put_daily(self, underlying: str, bars: Sequence[DailyBar]) -> None:
        self._objects.put(f"daily/{underlying}.json", encode_bars(bars))

    def get_daily(self, underlying: str) -> tuple[DailyBar, ...]:
        """By day; empty when none were imported, so that the volatility view abstains."""
        data = self._objects.get(f"daily/{underlying}.json")
        return decode_bars(data) if data else ()

    def put_participants(self, evenings: Sequence[ParticipantOi]) -> None:
        self._objects.put("participants/index_options.json", encode_participants(evenings))

    def get_participants(self) -> tuple[ParticipantOi, ...]:
        data = self._objects.get("participants/index_options.json")
        return decode_participants(data) if data else ()

    def put_breadth(self, days: Sequence[Breadth]) -> None:
        self._objects.put("breadth/stocks.json", json.dumps([plain_breadth(day) for day in days]).encode())

    def get_breadth(self) -> tuple[Breadth, ...]:
        data = self._objects.get("breadth/stocks.json")
        found = (decode_breadth(raw) for raw in json.loads(data)) if data else ()
        return tuple(day for day in found if day is not None)

    # --- the pointer ---
    def latest(self, underlying: str) -> Document | None:
        return self._documents.get(f"market/{underlying}")

    @staticmethod
    def pointer_write(underlying: str, before: Document | None, data: Mapping[str, Any]) -> Write:
        """Moves the pointer, only from where it was read."""
        path = f"market/{underlying}"
        body = canonical(data)
        return Create(path, body) if before is None else Update(path, body, before.version)

    def latest_of(self, underlyings: Sequence[str]) -> dict[str, Document]:
        found = self._documents.get_many([f"market/{name}" for name in underlyings])
        return {document.id: document for document in found.values()}

    def _read(self, key: str) -> bytes:
        data = self._objects.get(key)
        if data is None:
            raise Broken("the object is missing", where=key, fix="Restore the bucket's soft-deleted generation")
        return data


def parse_time(text: str) -> datetime:
    """An ISO time out of a document, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
