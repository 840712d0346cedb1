"""Objects in a folder: every generation is one file, written beside its name and linked into place.

    <root>/snapshots/NIFTY/1@a.parquet      generation 1 of `snapshots/NIFTY/a.parquet`

`link` fails when the name exists, so put-if-absent is atomic between processes; generations are 1, 2, 3 … without
gaps, so the newest is found by doubling. `@` cannot be in a key, so no key hides another's file or folder.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from quantsentinel.adapters.embedded.database import Sync
from quantsentinel.adapters.storage_rules import check_key, check_prefix
from quantsentinel.errors import Unavailable
from quantsentinel.ports import ObjectInfo

_TEMPORARY = ".incoming"


class FolderObjects:
    """`sync` as for the database: `full` forces each object to the disk before it counts as stored."""

    def __init__(self, root: Path, *, sync: Sync = "full") -> None:
        self._root = root
        self._full = sync == "full"
        (root / _TEMPORARY).mkdir(parents=True, exist_ok=True)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if self._file(key, 1).exists():
            return False
        return self._link(key, 1, data)

    def put(self, key: str, data: bytes) -> int:
        generation = self._newest(key) + 1
        while not self._link(key, generation, data):
            generation += 1
        return generation

    def get(self, key: str, generation: int | None = None) -> bytes | None:
        wanted = self._newest(key) if generation is None else generation
        try:
            return self._file(key, wanted).read_bytes()
        except FileNotFoundError:
            return None

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """Live objects by key; `prefix` need not end at a segment."""
        check_prefix(prefix)
        newest: dict[str, tuple[int, Path]] = {}
        start = self._root / prefix.rpartition("/")[0]
        for folder, subfolders, names in os.walk(start):
            if Path(folder) == self._root and _TEMPORARY in subfolders:
                subfolders.remove(_TEMPORARY)
            for name in names:
                number, _, leaf = name.partition("@")
                key = (Path(folder).relative_to(self._root) / leaf).as_posix()
                if key.startswith(prefix) and int(number) > newest.get(key, (0,))[0]:
                    newest[key] = (int(number), Path(folder) / name)
        return [ObjectInfo(key, number, path.stat().st_size) for key, (number, path) in sorted(newest.items())]

    def _file(self, key: str, generation: int) -> Path:
        folder, _, leaf = check_key(key).rpartition("/")
        return self._root / folder / f"{generation}@{leaf}"

    def _newest(self, key: str) -> int:
        """The highest generation that exists, 0 when none does."""
        if not self._file(key, 1).exists():
            return 0
        low, high = 1, 2
        while self._file(key, high).exists():
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._file(key, middle).exists() else (low, middle)
        return low

    def _link(self, key: str, generation: int, data: bytes) -> bool:
        """Stores `data` under that generation unless another writer was first."""
        target = self._file(key, generation)
        temporary = self._root / _TEMPORARY / secrets.token_hex(12)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write(temporary, data)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            finally:
                temporary.unlink()
            self._sync_folder(target.parent)
        except OSError as error:
            raise Unavailable(f"cannot store: {error.strerror}", where=str(target), fix="Free the disk") from error
        return True

    def _write(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            if self._full:
                file.flush()
                os.fsync(file.fileno())

    def _sync_folder(self, folder: Path) -> None:
        """Forces the names on the way from `folder` up to the root to the disk."""
        if not self._full:
            return
        while True:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if folder == self._root:
                return
            folder = folder.parent
