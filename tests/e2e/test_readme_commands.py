"""Every command that the README shows in a `sh` block runs, in the order of the page, and succeeds."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

pytestmark = pytest.mark.slow
README = ROOT / "README.md"
BLOCKS = re.findall(r"(?ms)^```sh\n(.*?)^```", README.read_text(encoding="utf-8"))
ONLY_NAMED = {"make test", "make dev"}
"""Running the tests inside the tests would not end; the local platform has a test of its own."""


def test_the_readme_shows_commands_and_names_the_two_that_matter() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(BLOCKS) >= 3
    assert "make demo" in text
    assert "make test" in text
    assert not [line for block in BLOCKS for line in block.splitlines() if line in ONLY_NAMED]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_the_commands_of_a_block_run(block: str, tmp_path: Path) -> None:
    """A block with make runs at the root of the repository, any other one in an empty folder."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QS_")}
    environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{environ['PATH']}"
    folder = ROOT if "make " in block else tmp_path
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=1_800,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-3000:]
