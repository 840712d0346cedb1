"""Does a test notice when a guard lies? `python -m tests.mutation.run [--jobs N] [--only NAME …] [--json FILE]`.

Every guard, switch, condition, wall check and hard rule is disabled, inverted and starved in turn; each mutant is
caught when a test that saw the honest guard answer otherwise fails. A guard that no test ever saw without an answer has
no starved mutant and is named: it is a total function of what it is given. Exit code 1 when a mutant survives.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit", "tests/contracts", "tests/properties")
"""Where guards are tested without a platform: minutes matter with hundreds of mutants."""
PLUGIN = ("-p", "tests.mutation.plugin", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--no-header")
MOST_TESTS = 25
CAUGHT = 1
SHOWN_BY = {"disable": ("blocked", "unknown", "limited"), "invert": ("blocked", "passed"), "starve": ("unknown",)}
"""Which honest answers of a guard a mutant changes; tests that saw one are asked, the telling ones first."""


@dataclass(frozen=True, slots=True)
class Mutant:
    guard: str
    kind: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.guard}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Fate:
    """`code` is pytest's: 1 when a test failed, 0 when none noticed."""

    mutant: Mutant
    code: int

    @property
    def caught(self) -> bool:
        return self.code == CAUGHT


def recorded(tests: Sequence[str] = TESTS) -> dict[str, Any]:
    """Which test saw which guard say what: one run of honest guards, which must pass."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "seen.json"
        environ = {**os.environ, "QS_TEST_RECORD": str(target)}
        environ.pop("QS_TEST_MUTANT", None)
        command = [sys.executable, "-m", "pytest", *PLUGIN, *tests]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"the tests fail without any mutant:\n{done.stdout[-4000:]}")
        found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return found


def guards() -> list[str]:
    """Every guard there is, from the registries."""
    from quantsentinel.integrity.firewall import GUARDS as FIREWALL
    from quantsentinel.opportunity.hard_rules import HARD_RULES
    from quantsentinel.risk.castle import GUARDS as CASTLE

    return [*sorted(CASTLE), *(name for name, _ in HARD_RULES), *(guard.__name__ for guard in FIREWALL)]


def mutants(names: Sequence[str], record: dict[str, Any]) -> Iterator[Mutant]:
    for guard in names:
        said = record["seen"].get(guard, {})
        for kind, answers in SHOWN_BY.items():
            if kind == "starve" and "unknown" not in said:
                continue
            tests = [test for answer in answers for test in _fastest(said.get(answer, []), record["seconds"])]
            yield Mutant(guard, kind, tuple(dict.fromkeys(tests))[:MOST_TESTS])


def _fastest(tests: Sequence[str], seconds: dict[str, float]) -> list[str]:
    return sorted(tests, key=lambda test: (seconds.get(test, 0.0), test))


def fates(asked: Sequence[Mutant], jobs: int) -> Iterator[Fate]:
    """Each mutant in its own child, `jobs` at a time, in the order in which they end."""
    waiting, running = list(reversed(asked)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            if not mutant.tests:
                yield Fate(mutant, 0)
                continue
            running[_started(mutant)] = mutant
        if running:
            pid, status = os.wait()
            yield Fate(running.pop(pid), os.waitstatus_to_exitcode(status))


def _started(mutant: Mutant) -> int:
    """A forked child has everything imported already and needs a fraction of a second."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = _tested(mutant)
    finally:
        os._exit(code)


def _tested(mutant: Mutant) -> int:
    import pytest

    from tests.mutation import plugin

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    plugin.mutate(mutant.guard, mutant.kind)
    return int(pytest.main([*PLUGIN, "-x", *mutant.tests]))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=[], help="guards, by name")
    parser.add_argument("--tests", nargs="*", default=list(TESTS), help="where to look, for a quick try")
    parser.add_argument("--json", type=Path, help="write the fates here")
    given = parser.parse_args(arguments)
    os.chdir(ROOT)
    from tests.mutation import plugin  # first: what is imported after it speaks through it

    assert plugin.KINDS.keys() == SHOWN_BY.keys()
    names = guards()
    unknown = sorted(set(given.only) - set(names))
    if unknown:
        parser.error(f"no guard is called {', '.join(unknown)}; there are: {', '.join(names)}")
    record = recorded(given.tests)
    asked = list(mutants(given.only or names, record))
    ended = sorted(fates(asked, given.jobs), key=lambda fate: asked.index(fate.mutant))
    total = [name for name in given.only or names if "unknown" not in record["seen"].get(name, {})]
    _tell(ended, total, given.json)
    return 0 if ended and all(fate.caught for fate in ended) else 1


def _tell(ended: Sequence[Fate], total: Sequence[str], target: Path | None) -> None:
    survivors = [fate for fate in ended if not fate.caught]
    for fate in survivors:
        asked = f"{len(fate.mutant.tests)} tests" if fate.mutant.tests else "no test ever saw it answer so"
        sys.stdout.write(f"survived: {fate.mutant.name} ({asked}, exit {fate.code})\n")
    caught = len(ended) - len(survivors)
    sys.stdout.write(f"{len({fate.mutant.guard for fate in ended})} guards, {len(ended)} mutants, {caught} caught\n")
    sys.stdout.write(f"never without an answer, so not starved ({len(total)}): {', '.join(total)}\n")
    if target:
        lines = [{"mutant": f.mutant.name, "tests": len(f.mutant.tests), "caught": f.caught} for f in ended]
        target.write_text(json.dumps({"mutants": lines, "never_unknown": total}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
