"""Runs terraform-compliance on many pairs of features and plan; started as a process of its own, without threads.

    python -m tests.policies.trials trials.json results.json

Each trial is the command itself, in a fork of a process that has imported it once: it begins as clean as a new process
and costs the trial alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

AT_ONCE = 2
Trial = dict[str, str]
"""`name`, `features` (a folder), `plan` (a file)."""


def run(trials: list[Trial], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """By trial: its scenarios, each with `name`, `state` and all `messages` of what failed."""
    from terraform_compliance.common.defaults import Defaults

    shutil.rmtree(Defaults.cache_dir, ignore_errors=True)
    running: dict[int, int] = {}
    for number, trial in enumerate(trials):
        if len(running) == AT_ONCE:
            running.pop(os.wait()[0])
        running[_started(trial, folder / f"{number}")] = number
    while running:
        running.pop(os.wait()[0])
    return {trial["name"]: _read(folder / f"{number}") for number, trial in enumerate(trials)}


def _read(stem: Path) -> list[dict[str, Any]]:
    found = stem.with_suffix(".json")
    if not found.exists():
        raise RuntimeError(f"a trial ended without a result: {stem.with_suffix('.txt').read_text()[-2000:]}")
    result: list[dict[str, Any]] = json.loads(found.read_text())
    return result


def _started(trial: Trial, stem: Path) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with (
            stem.with_suffix(".txt").open("w") as out,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
        ):
            stem.with_suffix(".json").write_text(json.dumps(_tried(trial, stem)))
        code = 0
    finally:
        os._exit(code)


def _tried(trial: Trial, stem: Path) -> list[dict[str, Any]]:
    from radish import after
    from terraform_compliance import main
    from terraform_compliance.common.defaults import Defaults

    messages = _messages()
    seen: list[dict[str, Any]] = []
    after.each_scenario(
        lambda one: seen.append({"name": one.sentence, "state": one.state, "messages": messages[one.sentence]})
    )
    Defaults.cache_dir = str(stem)
    stem.mkdir()
    sys.argv = ["terraform-compliance", "-f", trial["features"], "-p", trial["plan"], "--no-ansi"]
    try:
        main.cli()
    finally:
        shutil.rmtree(stem, ignore_errors=True)
    return seen


def _messages() -> dict[str, list[str]]:
    """By scenario, as they come: a step keeps only the last of several resources that it refuses."""
    from terraform_compliance.common.error_handling import Error

    found: dict[str, list[str]] = defaultdict(list)
    process = Error._process

    def noted(error: Any) -> None:
        found[error.step_obj.parent.sentence].append("\n".join(error.message))
        process(error)

    Error._process = noted
    return found


def main_of(trials: Path, results: Path) -> None:
    import terraform_compliance.main  # noqa: F401  # imported once, before the forks

    with tempfile.TemporaryDirectory(prefix="policy-") as folder:
        found = run(json.loads(trials.read_text()), Path(folder))
    results.write_text(json.dumps(found))


if __name__ == "__main__":
    main_of(Path(sys.argv[1]), Path(sys.argv[2]))
