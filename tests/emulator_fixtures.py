"""The Google emulators, started once a test process; a plugin of `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.google_emulators import HOW, Google, locate, started
from tests.conftest import missing


@pytest.fixture(scope="session")
def google_emulators() -> Iterator[Google]:
    """Firestore, Pub/Sub and GCS on free ports. Tests keep apart by project, bucket and topic names of their own."""
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    with started("local-tests") as google:
        yield google
