"""Secrets of a laptop: one file each, readable by its owner alone; `QS_<SECRET>_FILE` names it."""

from __future__ import annotations

import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from quantsentinel.errors import BadInput, Unavailable

_NAME = re.compile(r"^[a-z][a-z0-9-]{2,62}$")


class SecretFiles:
    """`folder/<name>`, replaced in one step: a reader sees the old value or the new one, never a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise BadInput(f"no name of a secret: {name!r}", where="secrets", fix="a-z, 0-9 and -")
        return self._folder / name

    def add(self, name: str, value: str) -> str:
        path = self.path(name)
        draft: str | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=self._folder)  # 0600 from the start
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except OSError as error:
            if draft:
                Path(draft).unlink(missing_ok=True)
            raise Unavailable(f"cannot be written: {error.strerror}", where=str(path)) from None
        return str(path)

    def newest(self, name: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(self.path(name).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
