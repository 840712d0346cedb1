"""`qs bench`: every figure that has a budget, measured now, beside its peer measured in the same run."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from quantsentinel.cli.output import Answer, Table, progress, show
from quantsentinel.errors import BadInput

FOLDER = Path("tests/bench")
GIVEN = ("name", "unit", "ours", "budget", "peer_name", "peer", "min_ratio", "note")
NUMBERS = ("ours", "peer", "budget", "min_ratio")
SHOWN = ("name", "unit", "ours", "budget", "peer_name", "peer", "ratio", "min_ratio")


def bench(
    folder: Annotated[Path, typer.Option("--folder", help="Where the benchmarks are.")] = FOLDER,
    only: Annotated[str, typer.Option("--only", help="Only files whose name contains this.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of a table.")] = False,
) -> None:
    """Runs the benchmarks of the repository; exits 1 when a budget is missed."""
    files = sorted(path for path in folder.glob("*.py") if only in path.stem and path.stem != "__init__")
    if not files:
        raise BadInput("no benchmark here", where=str(folder), fix="Run it from the repository's root")
    with progress("measuring", quiet=json) as tell:
        rows = [row for number, file in enumerate(files) for row in _measured(file, number, len(files), tell)]
    missed = [row["name"] for row in rows if row["met"] is False]
    columns = ("figure", "unit", "ours", "budget", "peer", "peer's", "ratio", "at least", "met", "note")
    cells = [
        (*(row[name] for name in SHOWN), {True: "yes", False: "NO", None: ""}[row["met"]], row["note"]) for row in rows
    ]
    said = f"missed: {', '.join(missed)}" if missed else f"{len(rows)} figures, every budget met"
    answer = {"rows": rows, "missed": missed}
    show(Answer(answer, [Table("Benchmarks", columns, cells)], [said], failed=bool(missed)), json)


def _measured(file: Path, number: int, total: int, tell: Any) -> Iterator[dict[str, Any]]:
    tell(number, total, file.stem)
    root = str(Path.cwd())
    if root not in sys.path:
        sys.path.insert(0, root)
    spec = importlib.util.spec_from_file_location(f"bench_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BadInput("cannot be loaded", where=str(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    for row in module.rows():
        yield judged(row)


def judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row with every field; `ratio` (peer / ours) and `met` follow from the numbers.

    A row has `name`, `unit` and `ours`; `budget` is the most that `ours` may be, `min_ratio` the least that `peer`
    must be of it. `met` is None where neither is asked. Raises `BadInput` for any other field and for text in a number.
    """
    unknown = sorted(set(row) - set(GIVEN))
    wrong = [name for name in NUMBERS if not isinstance(row.get(name), int | float | None)]
    if unknown or wrong or not isinstance(row.get("ours"), int | float):
        raise BadInput(f"fields {unknown}, not numbers {wrong}", where=str(row.get("name")), fix=", ".join(GIVEN))
    ours, peer, budget, min_ratio = (row.get(name) for name in NUMBERS)
    ratio = round(peer / ours, 2) if peer and ours else None
    gates = [] if budget is None else [ours <= budget]
    if min_ratio is not None:
        gates.append(ratio is not None and ratio >= min_ratio)
    found = {"ratio": ratio, "met": all(gates) if gates else None}
    return {name: found.get(name, row.get(name)) for name in (*SHOWN, "met")} | {"note": str(row.get("note", ""))}
