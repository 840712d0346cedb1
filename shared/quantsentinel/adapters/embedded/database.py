"""The one SQLite file of the embedded profile: documents and bus, for several threads and processes at once."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from quantsentinel.errors import Broken, Unavailable

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE documents (
    path TEXT PRIMARY KEY, collection TEXT NOT NULL, data TEXT NOT NULL, version INTEGER NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX documents_by_collection ON documents (collection, path);
CREATE TABLE revision (last INTEGER NOT NULL);
INSERT INTO revision VALUES (0);
CREATE TABLE subscriptions (name TEXT PRIMARY KEY, topic TEXT NOT NULL);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, event TEXT NOT NULL,
    attempt INTEGER NOT NULL, rank INTEGER NOT NULL, due_us INTEGER NOT NULL, holder TEXT, last_error TEXT NOT NULL);
CREATE INDEX messages_by_due ON messages (subscription, holder, due_us, rank, seq);
CREATE INDEX messages_held ON messages (holder) WHERE holder IS NOT NULL;
CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY, subscription TEXT NOT NULL, event TEXT NOT NULL, attempt INTEGER NOT NULL,
    died_us INTEGER NOT NULL, last_error TEXT NOT NULL);
"""

Sync = Literal["full", "normal"]


class Database:
    """Connections to one file, one per thread.

    `sync` is SQLite's promise at a power cut: `full` loses no commit, `normal` may lose the last ones (replays). A
    killed process loses nothing under either. Raises `Broken` when the file has another schema version.
    """

    def __init__(self, path: Path, *, sync: Sync = "full", busy_timeout_s: float = 30.0) -> None:
        self.path = path
        self._sync = sync
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._open: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._prepare()

    def _prepare(self) -> None:
        """The schema, once, even when several processes start together."""
        with open(f"{self.path}.lock", "w", encoding="utf-8") as lock, translated(self.path):
            fcntl.flock(lock, fcntl.LOCK_EX)
            connection = self.connection()
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            elif found != SCHEMA_VERSION:
                raise Broken(f"schema {found}, expected {SCHEMA_VERSION}", where=str(self.path), fix="Use a new folder")

    def connection(self) -> sqlite3.Connection:
        """This thread's own, opened on first use (a forked process opens its own too)."""
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is None or held[0] != os.getpid():
            held = (os.getpid(), self._connect())
            self._local.held = held
        return held[1]

    def _connect(self) -> sqlite3.Connection:
        # check_same_thread is off only so that `close` and the sweep below can close what other threads left.
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._sync == 'full' else 'NORMAL'}")
        with self._lock:
            ended = [item for item in self._open if not item[0].is_alive()]
            self._open = [item for item in self._open if item[0].is_alive()]
            self._open.append((threading.current_thread(), connection))
        for _, left in ended:
            left.close()
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed at the end, rolled back by any exception."""
        with translated(self.path):
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            with translated(self.path):
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Closes every thread's connection; the object is not to be used afterwards."""
        with self._lock:
            for _, connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """A locked file, a full disk and an I/O error as `Unavailable`; a damaged file as `Broken`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(
            str(error), where=str(path), fix="Another process holds the file, or the disk is full"
        ) from error
    except sqlite3.DatabaseError as error:
        raise Broken(str(error), where=str(path), fix="The file is damaged: restore it or take a new folder") from error
