"""The lake on a disk: a folder of Parquet in the layout of `market.importers.datasets`, and its chains as a recording.

A file appears under its name only when it is complete. What a killed import was writing lies in `.incoming` and is
removed by the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.codec import PAIR_COLUMNS, PARQUET, encode_snapshot, snapshot_from
from quantsentinel.market.parsers.cuts import Entry
from quantsentinel.market.raw import Payload, RawSnapshot

if TYPE_CHECKING:
    import polars as pl

CHAINS_KEY = "quantsentinel.chains"
INCOMING = ".incoming"
IMPORT_AGAIN = "Import the original file again: qs import FILE"


class FolderLake:
    """Files below a root, by relative path. Raises `Unavailable` when the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def put(self, path: str, data: bytes) -> bool:
        """Writes all of a file or nothing of it; False when the same bytes stand there already."""
        target = self.root / path
        temporary = self.root / INCOMING / f"{os.getpid()}-{target.name}"
        try:
            if target.is_file() and target.read_bytes() == data:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.parent.mkdir(exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            raise Unavailable(f"cannot store: {error.strerror}", where=str(target), fix="Free the disk") from None
        return True

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def under(self, folder: str) -> list[str]:
        """Relative paths of the files in a folder, sorted."""
        base = self.root / folder
        return sorted(str(item.relative_to(self.root)) for item in base.iterdir()) if base.is_dir() else []

    def sweep(self) -> None:
        """Removes what killed imports left, not what a running one is writing."""
        for item in (self.root / INCOMING).glob("*-*"):
            owner = item.name.partition("-")[0]
            if owner.isdigit() and not _alive(owner):
                item.unlink(missing_ok=True)


def _alive(owner: str) -> bool:
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


# --- Reading ----------------------------------------------------------------------------------------------------------
def is_lake(path: Path) -> bool:
    """Whether a folder holds imported chains."""
    return path.is_dir() and any((path / "chains").glob("underlying=*"))


def chain_entries(root: Path, underlyings: Iterable[str] = (), days: Iterable[date] = ()) -> dict[str, list[Entry]]:
    """The snapshots of a lake by underlying; of `underlyings` and `days` (collected on, India) only, when given.

    Opens file footers only; rows are read when a snapshot is loaded. A snapshot that stands in several files, such as a
    day's file and a single one of its minutes, counts once. Raises `BadInput` when nothing is there.
    """
    names, wanted = {name.upper() for name in underlyings}, set(days)
    entries: dict[str, dict[tuple[datetime, str], Entry]] = {}
    for file in sorted((root / "chains").glob("underlying=*/date=*/*.parquet")):
        underlying = unquote(file.parent.parent.name.partition("=")[2])
        day = date.fromisoformat(file.parent.name.partition("=")[2])
        if (names and underlying not in names) or (wanted and day not in wanted):
            continue
        found = entries.setdefault(underlying, {})
        for at, digest, load in _snapshots(file):
            found.setdefault((at, digest), Entry(at, load))
    if not entries:
        asked = " ".join((*sorted(names), *(day.isoformat() for day in sorted(wanted)))) or "chains"
        raise BadInput(f"no {asked} in the lake", where=str(root), fix="Fill it: qs import FILE")
    return {name: [found[key] for key in sorted(found)] for name, found in sorted(entries.items())}


def _snapshots(file: Path) -> Iterator[tuple[datetime, str, Any]]:
    import polars as pl

    try:
        headers = json.loads(pl.read_parquet_metadata(file)[CHAINS_KEY])["snapshots"]
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
        raise BadInput(f"no chains of a lake: {error}", where=str(file), fix=IMPORT_AGAIN) from None
    start = 0
    for header in headers:
        rows = sum(header["pairs"])
        at = datetime.fromisoformat(header["collected_at"])
        yield at, header["digest"], partial(_load, file, header, (start, rows))
        start += rows


def _load(file: Path, header: Mapping[str, Any], rows: tuple[int, int]) -> RawSnapshot:
    snapshot = snapshot_from(header, _rows(file).slice(*rows))
    if snapshot.digest != header["digest"]:
        raise BadInput(f"rows do not give snapshot {header['digest'][:19]}", where=str(file), fix=IMPORT_AGAIN)
    at = datetime.fromisoformat(header["collected_at"])
    payload = Payload(encode_snapshot(snapshot), PARQUET, at)
    return RawSnapshot(snapshot.underlying, snapshot.source, "canonical", at, (payload,))


@lru_cache(maxsize=4)
def _rows(file: Path) -> pl.DataFrame:
    import polars as pl

    columns = [name for name in PAIR_COLUMNS if name in pl.read_parquet_schema(file)]
    return pl.read_parquet(file, columns=columns, glob=False, hive_partitioning=False)


def daily_bars(root: Path, underlying: str) -> tuple[DailyBar, ...]:
    """One series of daily bars: that which reaches furthest, then the longest. Sources are never mixed."""
    import polars as pl

    files = sorted((root / "bars_daily").glob(f"underlying={underlying}/year=*/*.parquet"))
    if not files:
        return ()
    columns = ["day", "open", "high", "low", "close", "input_sha256"]
    frame = pl.concat(pl.read_parquet(file, columns=columns, glob=False, hive_partitioning=False) for file in files)
    series = frame.partition_by("input_sha256", as_dict=True)
    best = max(series, key=lambda name: (series[name]["day"].max(), len(series[name]), name))
    chosen = series[best].unique("day", keep="first", maintain_order=True).sort("day")
    return tuple(DailyBar(*row) for row in chosen.select(columns[:5]).iter_rows())
