"""Import files of market data into the lake: unpack, recognise, read, store, and say what was met.

An import is known by its input and options. Its record under `imports/` is written after its parts, so a killed import
is simply done again; doing it again with the same importer changes nothing.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from quantsentinel.canonical import canonical_bytes, digest
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.importers import recognised
from quantsentinel.market.importers.datasets import LAYOUT_VERSION, encode, path_of
from quantsentinel.market.importers.document import Document, unpacked
from quantsentinel.market.importers.imported import Imported, Importer, Rejection, Request
from quantsentinel.market.rulebook import RuleBook

if TYPE_CHECKING:
    from quantsentinel.market.history import ParticipantOi
    from quantsentinel.stores.snapshots import SnapshotStore


class Lake(Protocol):
    """Files by path; `put` writes all of a file or nothing and says whether it changed anything."""

    def read(self, path: str) -> bytes | None: ...

    def has(self, path: str) -> bool: ...

    def put(self, path: str, data: bytes) -> bool: ...

    def remove(self, path: str) -> None: ...

    def under(self, folder: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Options:
    """`kind` names an importer instead of recognising one; `underlyings` as in `Request`."""

    kind: str = ""
    underlyings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document. `status`: imported, unchanged, skipped (no importer knows it) or refused."""

    file: str
    document: str
    status: str
    importer: str = ""
    reason: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    blemishes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name: rows touched, what is done with them, and why."""


def import_file(name: str, data: bytes, lake: Lake, rules: RuleBook, options: Options = Options()) -> list[Outcome]:  # noqa: B008 - a frozen value
    """Imports every document in a file; one outcome each. Never raises for what is in the file."""
    try:
        documents = unpacked(name, data)
    except BadInput as error:
        return [Outcome(name, name, "refused", reason=str(error))]
    return [_import_document(name, document, (lake, rules, options)) for document in documents]


def _import_document(name: str, document: Document, using: tuple[Lake, RuleBook, Options]) -> Outcome:
    lake, rules, options = using
    try:
        importer = recognised(document, options.kind)
    except BadInput as error:
        return Outcome(name, document.name, "skipped", reason=str(error))
    named = options.underlyings[0] if len(options.underlyings) == 1 else ""
    request = Request(document, rules, named, frozenset(options.underlyings))
    record = _record_path(request, importer)
    stamp = _stamp(importer, rules)
    before = _read_record(lake, record)
    if before and before["stamp"] == stamp and all(lake.has(path) for path in _paths(before)):
        _finish_removal(lake, before)
        return _outcome(name, document, importer, before, "unchanged")
    try:
        imported = importer.read(request)
    except BadInput as error:
        return Outcome(name, document.name, "refused", importer.name, str(error))
    after = _store(lake, request, importer, imported)
    kept = set(_paths(after))
    obsolete = sorted({*(_paths(before) if before else ()), *(before["obsolete"] if before else ())} - kept)
    lake.put(record, canonical_bytes({**after, "stamp": stamp, "obsolete": obsolete}))
    _finish_removal(lake, {"obsolete": obsolete})
    return _outcome(name, document, importer, after, "imported")


def _stamp(importer: Importer, rules: RuleBook) -> str:
    return digest([LAYOUT_VERSION, importer.name, importer.version, rules.digest if importer.needs_rules else ""])


def _record_path(request: Request, importer: Importer) -> str:
    document = request.document
    what = [document.input_sha256, document.name, importer.name, request.underlying, sorted(request.wanted)]
    return f"imports/{digest(what).removeprefix('sha256:')[:16]}.json"


def _read_record(lake: Lake, path: str) -> dict[str, Any] | None:
    found = lake.read(path)
    record: dict[str, Any] | None = json.loads(found) if found else None
    return record


def _paths(record: Mapping[str, Any]) -> list[str]:
    return [*record["parts"], *([record["rejected_file"]] if record["rejected_file"] else [])]


def _store(lake: Lake, request: Request, importer: Importer, imported: Imported) -> dict[str, Any]:
    """Parts first, rejected rows next: what the record will say about them."""
    parts: list[str] = []
    rows: Counter[str] = Counter()
    for part in imported.parts:
        path = path_of(part)
        parts.append(path)
        rows[part.dataset] += part.frame.height
        if not lake.has(path):
            lake.put(path, encode(part.frame, part.metadata))
    document = request.document
    return {
        "document": document.name,
        "input_sha256": document.input_sha256,
        "bytes": len(document.body),
        "importer": importer.name,
        "importer_version": importer.version,
        "rows": dict(rows),
        "parts": parts,
        "rejected": sum(item.rows for item in imported.rejected),
        "rejected_file": _store_rejected(lake, request, importer, imported.rejected),
        "blemishes": dict(imported.touched),
    }


def _store_rejected(lake: Lake, request: Request, importer: Importer, rejected: Sequence[Rejection]) -> str:
    if not rejected:
        return ""
    import polars as pl

    columns = ("row", "rows", "reason", "content")
    frame = pl.DataFrame(
        [tuple(getattr(item, name) for name in columns) for item in rejected],
        schema={"row": pl.Int64, "rows": pl.Int64, "reason": pl.String, "content": pl.String},
        orient="row",
    ).with_columns(
        importer=pl.lit(importer.name),
        importer_version=pl.lit(importer.version, dtype=pl.Int64),
        input_sha256=pl.lit(request.document.input_sha256),
        document=pl.lit(request.document.name),
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    path = f"rejected/{importer.name}/{_record_path(request, importer)[8:-5]}.parquet"
    lake.put(path, buffer.getvalue())
    return path


def _finish_removal(lake: Lake, record: Mapping[str, Any]) -> None:
    """Removes parts of an older version of this import, unless another import made the same ones."""
    obsolete = [path for path in record["obsolete"] if lake.has(path)]
    if not obsolete:
        return
    records = [found for path in lake.under("imports") if (found := _read_record(lake, path))]
    used = {path for found in records for path in _paths(found)}
    for path in obsolete:
        if path not in used:
            lake.remove(path)


def _outcome(name: str, document: Document, importer: Importer, record: Mapping[str, Any], status: str) -> Outcome:
    files = Counter(path.partition("/")[0] for path in record["parts"])
    declared = {item.name: item for item in importer.blemishes}
    met = {
        blemish: {"rows": rows, "treatment": declared[blemish].treatment, "note": declared[blemish].note}
        for blemish, rows in sorted(record["blemishes"].items())
    }
    rows = dict(sorted(record["rows"].items()))
    return Outcome(name, document.name, status, importer.name, "", rows, dict(files), record["rejected"], met)


# --- Into the running profile -----------------------------------------------------------------------------------------
def hand_over_participants(store: SnapshotStore, evenings: Sequence[ParticipantOi]) -> int:
    """Adds evenings to the state, where a new one replaces an old one of its day; how many the state holds then."""
    merged = {evening.day: evening for evening in (*store.get_participants(), *evenings)}
    store.put_participants([merged[day] for day in sorted(merged)])
    return len(merged)
