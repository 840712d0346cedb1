"""What must not be in the repository: machine paths, registry hosts, excuses, unexplained suppressions."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.sources import ROOT, python_files, relative

SELF = "tests/architecture/test_repository.py"
FORBIDDEN = {
    "a folder of one machine": re.compile(r"(?<![\w.])/(work|root|tmp|home)/\w"),
    "a package registry's host": re.compile(r"files\.pythonhosted|pypi\.org|registry\.npmjs|proxy\.golang"),
    "work left undone": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
}


def _tracked() -> list[str]:
    run = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in run.stdout.splitlines() if path != SELF and (ROOT / path).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = []
    for path in _tracked():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data and (match := FORBIDDEN[what].search(data.decode("utf-8", "replace"))):
            found.append(f"{path}: {match.group()}")
    assert not found


def test_every_suppression_names_its_rule_and_its_reason() -> None:
    bare = [
        f"{relative(path)}:{number}"
        for path in python_files("shared", "functions", "emulators", "tests")
        if relative(path) != SELF
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*(type: ignore|noqa)", line)
        and not re.search(r"#\s*(type: ignore\[[\w,-]+\]|noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*)\s*(#|:|-|—|\()\s*\w+", line)
    ]
    assert not bare
