"""Does a test notice when a guard lies? `python -m tests.mutation.run [--jobs N] [--only NAME …] [--report FILE]`.

Every guard, switch, condition, wall check and hard rule is disabled, inverted and starved in turn, every reason for
which a row is masked is lost; each mutant is caught when a test that saw the honest guard answer otherwise fails. What
always knows cannot be starved: `total.py` names it with the reason. Exit code 1 when a mutant survives.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutation import plugin  # first: what is imported after it speaks through it
from tests.mutation.mutants import Mutant, guards, mutants, wrongly_total
from tests.mutation.record import PLUGIN, ROOT, TESTS, recorded
from tests.mutation.report import report

FEW, MANY = 10, 400
"""Tests asked at first, and of the few mutants that those do not notice."""
CAUGHT = 1
MOST_S = 900
"""A child that takes longer is killed, and its mutant has survived."""


@dataclass(frozen=True, slots=True)
class Fate:
    """`code` is pytest's: 1 when a test failed, 0 when none noticed; negative when the child was killed."""

    mutant: Mutant
    code: int

    @property
    def caught(self) -> bool:
        return self.code == CAUGHT


def fates(asked: Sequence[Mutant], jobs: int, kept: Path | None = None) -> list[Fate]:
    """In the order of `asked`. Survivors of a few quick tests are shown to the slower ones too.

    What `kept` says was caught is not asked again; what is caught now is added to it, so that a run can be resumed.
    """
    names = kept.read_text(encoding="utf-8").split() if kept and kept.exists() else []
    ended = {mutant.name: Fate(mutant, CAUGHT) for mutant in asked if mutant.name in names}
    for which in (slice(0, FEW), slice(FEW, MANY)):
        left = [mutant for mutant in asked if mutant.name not in ended or not ended[mutant.name].caught]
        for fate in _fates([mutant for mutant in left if which.start == 0 or mutant.tests[which]], jobs, which):
            ended[fate.mutant.name] = fate
            if kept and fate.caught:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(f"{fate.mutant.name}\n")
    return [ended[mutant.name] for mutant in asked]


def _fates(asked: Sequence[Mutant], jobs: int, which: slice) -> Iterator[Fate]:
    """Each mutant in its own child, `jobs` at a time, in the order in which they end."""
    waiting, running = list(reversed(asked)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            if not mutant.tests:
                yield Fate(mutant, 0)
                continue
            running[_started(mutant, which)] = mutant
        if running:
            pid, status = os.wait()
            yield Fate(running.pop(pid), os.waitstatus_to_exitcode(status))


def _started(mutant: Mutant, which: slice) -> int:
    """A forked child has everything imported already and needs a fraction of a second."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = _tested(mutant, which)
    finally:
        os._exit(code)


def _tested(mutant: Mutant, which: slice) -> int:
    import pytest

    signal.alarm(MOST_S)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    plugin.mutate(mutant.guard, mutant.kind)
    return int(pytest.main([*PLUGIN, "-x", "--assert=plain", *mutant.tests[which]]))


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    os.chdir(ROOT)
    names = guards()
    unknown = sorted(set(given.only) - set(names))
    if unknown:
        sys.stderr.write(f"no guard is called {', '.join(unknown)}; there are: {', '.join(names)}\n")
        return 2
    record = _record(given.tests, given.jobs, given.record)
    chosen = [name for name in names if not given.only or name in given.only]
    asked = list(mutants(chosen, record))
    _warm(asked)
    ended = fates(asked, given.jobs, given.caught)
    wrong = wrongly_total(record)
    _tell(ended, wrong)
    if given.report:
        given.report.write_text(report([(fate.mutant, fate.caught) for fate in ended]), encoding="utf-8")
    return 0 if ended and not wrong and all(fate.caught for fate in ended) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=[], help="guards, by name")
    parser.add_argument("--tests", nargs="*", default=list(TESTS), help="where to look, for a quick try")
    parser.add_argument("--record", type=Path, help="who saw what: read when the file is there, else written")
    parser.add_argument("--caught", type=Path, help="mutants caught before, one a line: not asked again, added to")
    parser.add_argument("--report", type=Path, help="write the table of docs/reports/guards.md here")
    return parser


def _record(tests: Sequence[str], jobs: int, kept: Path | None) -> dict[str, Any]:
    if kept and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    record = recorded(tests, jobs)
    if kept:
        kept.write_text(json.dumps(record), encoding="utf-8")
    return record


def _warm(asked: Sequence[Mutant]) -> None:
    """What every child needs, made once: pytest's own imports and those of the tests that are asked."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugin.pytest_configure()  # before a test is imported: it takes its settings then
    files = {test.partition("::")[0] for mutant in asked for test in mutant.tests}
    for file in ("tests/emulator_fixtures.py", *sorted(files)):
        importlib.import_module(file.removesuffix(".py").replace("/", "."))


def _tell(ended: Sequence[Fate], wrong: Sequence[str]) -> None:
    survivors = [fate for fate in ended if not fate.caught]
    for fate in survivors:
        asked = f"{len(fate.mutant.tests)} tests" if fate.mutant.tests else "no test ever saw it answer so"
        sys.stdout.write(f"survived: {fate.mutant.name} ({asked}, exit {fate.code})\n")
    for name in wrong:
        sys.stdout.write(f"not total: {name} was seen without an answer\n")
    caught = len(ended) - len(survivors)
    sys.stdout.write(f"{len({fate.mutant.guard for fate in ended})} guards, {len(ended)} mutants, {caught} caught\n")


if __name__ == "__main__":
    sys.exit(main())
