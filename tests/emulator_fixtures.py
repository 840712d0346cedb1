"""The Google emulators of a test process; a plugin of `tests/conftest.py`.

Each process starts its own, and they end with it. `pytest --standing-emulators` takes the set that `make emulators`
left running instead: quicker for a few tests, and what they wrote can be looked at afterwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulators.google_emulators import HOW, Google, locate, started
from emulators.standing import healthy
from tests.conftest import missing

OPTION = "--standing-emulators"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="use the emulators that `make emulators` left running")


@pytest.fixture(scope="session")
def google_emulators(request: pytest.FixtureRequest) -> Iterator[Google]:
    """Firestore, Pub/Sub and GCS. Tests keep apart by project, bucket and topic names of their own."""
    if request.config.getoption(OPTION):
        found = healthy()
        if found is None:
            pytest.fail(f"{OPTION}: no healthy set is running; run `make emulators`", pytrace=False)
        # Earlier runs and other processes have left their names there.
        yield replace(found.google, project=f"local-tests-{secrets.token_hex(4)}")
        return
    absent = locate().missing
    if absent:
        missing(", ".join(absent), HOW)
    with started("local-tests") as google:
        yield google
