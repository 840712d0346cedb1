"""Where the tests find what they cannot make themselves: real market data, emulators, a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Wall time is no property of the code. CI asks the same examples every time; a laptop looks for new ones.
settings.register_profile("quantsentinel", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("quantsentinel")
ROOT = Path(__file__).resolve().parents[1]

pytest_plugins = ["tests.emulator_fixtures", "tests.recorded_queries"]


def missing(what: str, how: str) -> None:
    """In CI a failure, on a laptop a loud skip that says how to get it."""
    message = f"{what} is missing: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def marketdata() -> Path:
    """The folder of real market data (`QS_MARKETDATA`, default `../shared/marketdata`)."""
    folder = Path(os.environ.get("QS_MARKETDATA", ROOT.parent / "shared" / "marketdata"))
    if not folder.is_dir():
        missing(f"market data folder {folder}", "set QS_MARKETDATA to a folder that holds chains/, daily/ and bars/")
    return folder
