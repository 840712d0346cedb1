"""The implementations that every contract test runs against, and the record of which ones really ran."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulators.google_emulators import Google
from emulators.provision import provisioner
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.adapters.google.objects import GcsObjects
from quantsentinel.ports import Documents, Objects

START = datetime(2025, 8, 29, 3, 45, tzinfo=UTC)
IMPLEMENTATIONS = ["embedded", pytest.param("google", marks=pytest.mark.emulators)]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def ran() -> dict[str, set[str]]:
    """Port → names of the implementations that a contract test was handed."""
    return defaultdict(set)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "state.db", sync="normal")
    yield found
    found.close()


@pytest.fixture(params=IMPLEMENTATIONS)
def documents(
    request: pytest.FixtureRequest, database: Database, clock: VirtualClock, ran: dict[str, set[str]]
) -> Iterator[Documents]:
    """Empty. The emulator keeps projects apart, so every test takes a new one."""
    if request.param == "embedded":
        ran["documents"].add("embedded")
        yield SqliteDocuments(database, clock)
        return
    google: Google = request.getfixturevalue("google_emulators")
    firestore = FirestoreDocuments(f"{google.project}-{next(_numbers)}", emulator_host=google.firestore)
    ran["documents"].add("google")
    yield firestore
    firestore.close()


@pytest.fixture(params=IMPLEMENTATIONS)
def objects(request: pytest.FixtureRequest, tmp_path: Path, ran: dict[str, set[str]]) -> Objects:
    """An empty bucket."""
    if request.param == "embedded":
        ran["objects"].add("embedded")
        return FolderObjects(tmp_path / "objects", sync="normal")
    google: Google = request.getfixturevalue("google_emulators")
    bucket = f"{google.project}-{next(_numbers)}"
    with provisioner(google) as here:
        here.bucket(bucket)
    ran["objects"].add("google")
    return GcsObjects(google.project, bucket, emulator_url=google.storage)
