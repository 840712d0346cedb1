"""What `make check` runs besides the tests runs here too, so that CI needs one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "command", [["ruff", "format", "--check", "-q", "."], ["ruff", "check", "-q", "."], ["mypy", "--no-error-summary"]]
)
def test_the_code_is_formatted_linted_and_typed(command: list[str]) -> None:
    run = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
