"""Which test saw which guard say what: one run of honest guards, which must pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/contracts/test_guards_registry.py",
    "tests/unit/test_*guards.py",
    "tests/unit/test_integrity_*.py",
    "tests/unit/test_risk_switches*.py",
    "tests/unit/test_walls_*.py",
    "tests/unit/test_distribution.py",
    "tests/unit/test_book_reconciled.py",
    "tests/unit/test_tenant_pass.py",
    "tests/unit/test_market_pass.py",
    "tests/properties/test_integrity.py",
    "tests/properties/test_switches.py",
    "tests/properties/test_tenant_pass.py",
    "tests/properties/test_walls*.py",
)
"""Where guards are tested, quickly and without a platform: what is missing here makes a survivor, never a pass."""
PLUGIN = ("-p", "tests.mutation.plugin", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--no-header")


def recorded(tests: Sequence[str] = TESTS, jobs: int = 1) -> dict[str, Any]:
    """`seen[guard][answer]` are tests, `seconds[test]` how long one took. Exits when an honest guard fails a test."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [part for part in (_files(tests)[job::jobs] for job in range(jobs)) if part]
        targets = [Path(folder) / f"{job}.json" for job in range(len(parts))]
        started = [_started(part, target) for part, target in zip(parts, targets, strict=True)]
        for run in started:
            said, _ = run.communicate()
            if run.returncode != 0:
                raise SystemExit(f"the tests fail without any mutant:\n{said[-4000:]}")
        return merged(json.loads(target.read_text(encoding="utf-8")) for target in targets)


def merged(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    seen: dict[str, dict[str, set[str]]] = {}
    seconds: dict[str, float] = {}
    for record in records:
        seconds |= record["seconds"]
        for guard, said in record["seen"].items():
            for answer, tests in said.items():
                seen.setdefault(guard, {}).setdefault(answer, set()).update(tests)
    return {
        "seen": {name: {answer: sorted(tests) for answer, tests in said.items()} for name, said in seen.items()},
        "seconds": seconds,
    }


def _files(tests: Sequence[str]) -> list[str]:
    """What patterns name, once each; a single test (`file.py::test`) stands for itself."""
    found = ([test] if "::" in test else sorted(_found(test)) for test in tests)
    return list(dict.fromkeys(name for names in found for name in names))


def _found(pattern: str) -> list[str]:
    names = [str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)]
    if not names:
        raise SystemExit(f"no test file is called {pattern}")
    return names


def _started(files: Sequence[str], target: Path) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MUTATION_")}
    command = [sys.executable, "-m", "pytest", *PLUGIN, *files]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environ, "MUTATION_RECORD": str(target)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
