"""The bus as a table: one row is one message for one subscription, held by at most one consumer at a time.

A consumer's hold is worth as much as the lock on its own file, which the kernel drops when the process ends, also by
kill -9: no lease has to run out before the message is delivered again.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from quantsentinel.adapters.embedded.database import Database, translated
from quantsentinel.canonical import canonical
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Event

MAX_ATTEMPTS = 100
BACK_OFF_MIN_S = 10.0
BACK_OFF_MAX_S = 600.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery that this consumer holds."""

    seq: int
    subscription: str
    event: Event
    attempt: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    seq: int
    subscription: str
    event: Event
    attempt: int
    last_error: str
    died_at: datetime


def back_off_s(attempt: int) -> float:
    """10 s after the first failed attempt, doubled after each, at most 600 s."""
    return min(BACK_OFF_MAX_S, BACK_OFF_MIN_S * float(2 ** min(attempt - 1, 6)))


def microseconds(moment: datetime) -> int:
    """Since the epoch, exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds_since_epoch: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds_since_epoch)


class Holder:
    """This consumer's name and the lock that proves it alive. Holders live in a folder beside the database."""

    def __init__(self, database: Database) -> None:
        self._folder = Path(f"{database.path}.consumers")
        self._folder.mkdir(exist_ok=True)
        self.name = secrets.token_hex(8)
        unlocked = self._folder / f".{self.name}"
        self._file = unlocked.open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unlocked.rename(self._folder / self.name)  # nobody ever sees the name without its lock
        for path in self._folder.glob("[!.]*"):
            self.is_gone(path.name)

    def is_gone(self, name: str) -> bool:
        """Whether a consumer has ended, in whatever way; its file is then removed. This one itself never has."""
        path = self._folder / name
        try:
            file: IO[str] = path.open("r", encoding="utf-8")
        except FileNotFoundError:
            return True
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            path.unlink(missing_ok=True)
            return True

    def close(self) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        self._file.close()


class MessageTable:
    """Every statement of the bus; times are microseconds since the epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, topic: str, name: str) -> None:
        with self._database.writing() as connection:
            sql = "INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET topic = excluded.topic"
            connection.execute(sql, (name, topic))

    def subscriptions(self, topic: str) -> list[str]:
        rows = self._rows("SELECT name FROM subscriptions WHERE topic = ? ORDER BY name", (topic,))
        return [row[0] for row in rows]

    def add(self, rows: Sequence[tuple[str, Event, int, int]]) -> None:
        """(subscription, event, rank, due) each, all or none."""
        sql = "INSERT INTO messages (subscription, event, attempt, rank, due_us, last_error) VALUES (?, ?, 0, ?, ?, '')"
        values = [(name, _encode(event), rank, due_us) for name, event, rank, due_us in rows]
        with self._database.writing() as connection, translated(self._database.path):
            connection.executemany(sql, values)

    def take(self, subscriptions: Sequence[str], now_us: int, holder: str) -> Message | None:
        """Holds the message that is due first; its attempt counts from here on, so a crash counts too."""
        sql = """UPDATE messages SET holder = ?, attempt = attempt + 1 WHERE seq = (
            SELECT seq FROM messages
            WHERE subscription IN (SELECT value FROM json_each(?)) AND holder IS NULL AND due_us <= ?
            ORDER BY due_us, rank, seq LIMIT 1) RETURNING seq, subscription, event, attempt"""
        with self._database.writing() as connection, translated(self._database.path):
            rows = connection.execute(sql, (holder, json.dumps(subscriptions), now_us)).fetchall()
        return Message(rows[0][0], rows[0][1], _decode(rows[0][2]), rows[0][3]) if rows else None

    def ack(self, seq: int) -> None:
        self._write("DELETE FROM messages WHERE seq = ?", (seq,))

    def release(self, seq: int) -> None:
        """Gives a message back as if it had not been taken."""
        self._write("UPDATE messages SET holder = NULL, attempt = attempt - 1 WHERE seq = ?", (seq,))

    def nack(self, seq: int, due_us: int, error: str) -> None:
        self._write("UPDATE messages SET holder = NULL, due_us = ?, last_error = ? WHERE seq = ?", (due_us, error, seq))

    def bury(self, seq: int, now_us: int, error: str) -> None:
        """Into the dead letters, where it stays until it is redriven."""
        with self._database.writing() as connection, translated(self._database.path):
            sql = "INSERT INTO dead_letters SELECT seq, subscription, event, attempt, ?, ? FROM messages WHERE seq = ?"
            connection.execute(sql, (now_us, error, seq))
            connection.execute("DELETE FROM messages WHERE seq = ?", (seq,))

    def redrive(self, seq: int, now_us: int) -> bool:
        """A dead letter back into its subscription, due now, attempts forgotten; False when there is none."""
        with self._database.writing() as connection, translated(self._database.path):
            sql = "INSERT INTO messages (seq, subscription, event, attempt, rank, due_us, last_error)"
            sql += " SELECT seq, subscription, event, 0, 0, ?, last_error FROM dead_letters WHERE seq = ?"
            found = connection.execute(sql, (now_us, seq)).rowcount == 1
            connection.execute("DELETE FROM dead_letters WHERE seq = ?", (seq,))
        return found

    def dead_letters(self) -> list[DeadLetter]:
        sql = "SELECT seq, subscription, event, attempt, last_error, died_us FROM dead_letters ORDER BY died_us, seq"
        return [DeadLetter(row[0], row[1], _decode(row[2]), row[3], row[4], moment(row[5])) for row in self._rows(sql)]

    def next_due(self, subscriptions: Sequence[str]) -> int | None:
        """When the first message that nobody holds is due."""
        sql = (
            "SELECT min(due_us) FROM messages WHERE holder IS NULL AND subscription IN (SELECT value FROM json_each(?))"
        )
        found: int | None = self._rows(sql, [json.dumps(subscriptions)])[0][0]
        return found

    def backlog(self) -> dict[str, int]:
        """Messages waiting or held, by subscription; a subscription without any is absent."""
        return dict(self._rows("SELECT subscription, count(*) FROM messages GROUP BY subscription ORDER BY 1"))

    def holders(self) -> list[str]:
        return [row[0] for row in self._rows("SELECT DISTINCT holder FROM messages WHERE holder IS NOT NULL")]

    def release_all(self, holder: str) -> None:
        """What a consumer that ended had held; those attempts stay counted."""
        self._write("UPDATE messages SET holder = NULL WHERE holder = ?", (holder,))

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with translated(self._database.path):
            return self._database.connection().execute(sql, values).fetchall()

    def _write(self, sql: str, values: Sequence[object]) -> None:
        with self._database.writing() as connection, translated(self._database.path):
            connection.execute(sql, values)


def _encode(event: Event) -> str:
    plain = {"id": event.id, "topic": event.topic, "data": event.data, "attributes": event.attributes}
    return json.dumps(canonical(plain), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _decode(text: str) -> Event:
    plain = json.loads(text)
    return Event(plain["id"], plain["topic"], plain["data"], plain["attributes"])
