"""`qs import PATH…`: files of market data into the lake, each by the importer that knows its layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, open_live, settings_of
from quantsentinel.cli.output import Answer, Table, progress, show
from quantsentinel.errors import BadInput
from quantsentinel.units import counted

if TYPE_CHECKING:
    from quantsentinel.app.import_data import Options, Outcome
    from quantsentinel.market.rulebook import RuleBook

LEAVE_OUT = (".txt", ".md", ".pdf", ".log")
"""What lies beside data in its folders; a file that is named is always tried."""


def import_files(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders; archives and .gz are unpacked.")],
    out: Annotated[Path | None, typer.Option("--out", help="The lake's folder (default: QS_LAKE).")] = None,
    kind: Annotated[str, typer.Option("--kind", help="Name the importer instead of recognising it.")] = "",
    underlying: Annotated[
        list[str] | None,
        typer.Option("--underlying", help="Only these of a file of many; whose prices, where a file does not say."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also hand participant open interest to the running profile's state.")
    ] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Imports chains, bars, end-of-day files and participant open interest into one Parquet layout.

    Doing it again changes nothing. Exits 1 when a file that was named could not be imported.
    """
    from quantsentinel.app.import_data import Options
    from quantsentinel.market.rulebook import load_rules

    settings = settings_of(config)
    root = out or settings.lake
    options = Options(kind, tuple(dict.fromkeys(name.upper() for name in underlying or ())))
    with progress("importing", quiet=json) as tell:
        found = _import_all(list(paths), root, load_rules(settings.rules_overlay), options, tell)
    handed = _hand_over(found, config, state) if live else None
    failed = any(not any(_fine(item) for item in outcomes) for path, outcomes in found if path in paths)
    outcomes = [item for _, items in found for item in items]
    document: dict[str, Any] = {
        "lake": str(root),
        "files": [asdict(item) for item in outcomes],
        "summary": _summary(outcomes),
    }
    if handed is not None:
        document["participant_evenings_in_state"] = handed
    said = f"{counted(document['summary']['rows'], 'row')} in {root}"
    show(Answer(document, _tables(outcomes), [said], failed=failed), json)


def _fine(outcome: Outcome) -> bool:
    return outcome.status in ("imported", "unchanged")


def _import_all(
    paths: Sequence[Path], root: Path, rules: RuleBook, options: Options, tell: Callable[[int, int, str], None]
) -> list[tuple[Path, list[Outcome]]]:
    from quantsentinel.adapters.lake import FolderLake
    from quantsentinel.app.import_data import import_file

    lake = FolderLake(root)
    lake.sweep()
    files = list(_files(paths))
    found = []
    for number, file in enumerate(files):
        tell(number, len(files), file.name)
        found.append((file, import_file(file.name, _read(file), lake, rules, options)))
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = (item for item in sorted(path.rglob("*")) if item.is_file() and not item.name.startswith("."))
            yield from (item for item in inside if item.suffix.lower() not in LEAVE_OUT)
        elif path.is_file():
            yield path
        else:
            raise BadInput("no such file or folder", where=str(path))


def _read(file: Path) -> bytes:
    from quantsentinel.market.importers.document import MAX_PACKED_BYTES

    size = file.stat().st_size
    if size > MAX_PACKED_BYTES:
        raise BadInput(f"{size} bytes, at most {MAX_PACKED_BYTES} a file", where=str(file), fix="Split the file")
    return file.read_bytes()


def _hand_over(found: Sequence[tuple[Path, list[Outcome]]], config: Path | None, state: Path | None) -> int:
    """How many evenings the state holds then. Raises `BadInput` when no file held participant open interest."""
    from quantsentinel.app.import_data import hand_over_participants
    from quantsentinel.market.participants import read_participants

    held = [
        path for path, outcomes in found if any(_fine(item) and item.importer == "participant_oi" for item in outcomes)
    ]
    if not held:
        raise BadInput("no participant open interest among the files", where="--live")
    evenings = [evening for path in held for evening in read_participants(path)]
    return hand_over_participants(open_live(config, state).snapshots, evenings)


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    by_dataset: dict[str, int] = {}
    for item in outcomes:
        for dataset, rows in item.rows.items():
            by_dataset[dataset] = by_dataset.get(dataset, 0) + rows
    statuses = sorted({item.status for item in outcomes})
    return {
        "rows": sum(by_dataset.values()),
        "by_dataset": dict(sorted(by_dataset.items())),
        "rejected": sum(item.rejected for item in outcomes),
        "by_status": {status: sum(item.status == status for item in outcomes) for status in statuses},
    }


def _tables(outcomes: Sequence[Outcome]) -> list[Table]:
    rows = [
        (item.document, item.importer or "–", item.status, sum(item.rows.values()), item.rejected, _where(item))
        for item in outcomes
    ]
    met = [
        (item.document, name, entry["treatment"], entry["rows"], entry["note"])
        for item in outcomes
        for name, entry in item.blemishes.items()
    ]
    return [
        Table("Files", ("file", "importer", "status", "rows", "rejected", "datasets or reason"), rows, "none"),
        Table("Blemishes", ("file", "blemish", "treatment", "rows", "what"), met, "none met"),
    ]


def _where(item: Outcome) -> str:
    return item.reason or ", ".join(f"{name} ({counted(count, 'file')})" for name, count in item.files.items())
