"""kill -9 at every write boundary of the evening's beat: `python -m tests.integration.relations_crash DIR`.

Two underlyings, each with a column in another unit; prints one JSON line a run.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars  # noqa: F401  # once here instead of in every child: importing starts no thread

from quantsentinel.app.kills import kills
from quantsentinel.stores.relations import RelationStore
from tests.crash import run_to_the_end, start_child
from tests.relation_days import beat, days, evening, opened, remember, snapshots, store

BOTH = ("BANKNIFTY", "NIFTY")
DAY = days(23)[-1]
CHANGES = {"BANKNIFTY": {"oi": 1 / 35}, "NIFTY": {"vendor_iv": 100.0}}


def seed(folder: Path, start: int) -> None:
    """Twenty-two honest sessions on file, and one with another unit."""
    platform, _ = opened(folder / "state")
    for name in BOTH:
        remember(platform, days(22), name)
        store(platform, snapshots(DAY, 1, name, **CHANGES[name]))


def run(seeded: Path, folder: Path, start: int) -> None:
    """A beat; after a kill the next one, a minute later."""
    if not (folder / "state").exists():
        shutil.copytree(seeded / "state", folder / "state")
    at = evening(DAY) + timedelta(minutes=start)
    platform, clock = opened(folder / "state", at)
    beat(platform, clock, at)


def only_open(seeded: Path, folder: Path, start: int) -> None:
    """What every process writes when it opens the state, which other tests kill."""
    shutil.copytree(seeded / "state", folder / "state")
    opened(folder / "state", evening(DAY))


def found(folder: Path, killed: tuple[int, ...]) -> dict[str, object]:
    platform, _ = opened(folder / "state", evening(DAY))
    relations = RelationStore(platform.documents)
    return {
        "kills": killed,
        "readings": {name: len(relations.readings(name)) for name in BOTH},
        "alarms": sorted(f"{item.underlying} {item.alarm.name}" for item in relations.alarms()),
        "switches": [state.scope for state in kills(platform)],
    }


def survey(root: Path) -> Iterator[dict[str, object]]:
    """In peace, then killed at each boundary after the opening."""
    seeded = root / "seeded"
    seeded.mkdir(parents=True)
    assert start_child(seed, seeded, 0, 0)[0] is False
    _, opening = run_to_the_end(partial(only_open, seeded), root / "opening", ())
    program = partial(run, seeded)
    _, boundaries = run_to_the_end(program, root / "peaceful", ())
    yield found(root / "peaceful", ())
    for number in range(opening + 1, boundaries + 1):
        folder = root / f"once-{number}"
        run_to_the_end(program, folder, (number,))
        yield found(folder, (number,))


def main() -> None:
    for item in survey(Path(sys.argv[1])):
        print(json.dumps(item), flush=True)


if __name__ == "__main__":
    main()
