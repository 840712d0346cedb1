"""What is known of a broker's access token, never the token itself.

tokens/{name}    {issued_at, expires_at, seen_at, told}
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from quantsentinel.contracts.access_token import TokenLife
from quantsentinel.ports import Create, Document, Documents, Update, Write

UPSTOX = "upstox"


class TokenBoard:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def life(self, name: str = UPSTOX) -> TokenLife | None:
        """None while no token was ever seen."""
        found = self._documents.get(_path(name))
        return None if found is None else _life(found)

    def seen_write(self, life: TokenLife, now: datetime, name: str = UPSTOX) -> Write | None:
        """None when this very token is known already; another one starts its countdown anew."""
        before = self._documents.get(_path(name))
        if before is not None and _life(before) == life:
            return None
        data = {
            "issued_at": _text(life.issued_at),
            "expires_at": _text(life.expires_at),
            "seen_at": now.isoformat(),
            "told": "",
        }
        return Create(_path(name), data) if before is None else Update(_path(name), data, before.version)

    def told_write(self, word: str, name: str = UPSTOX) -> Write | None:
        """Remembers that `word` (an alarm's name) was told. None when it was before, or there is no token."""
        before = self._documents.get(_path(name))
        if before is None or before.data["told"] == word:
            return None
        return Update(_path(name), {**before.data, "told": word}, before.version)


def _path(name: str) -> str:
    return f"tokens/{name}"


def _life(document: Document) -> TokenLife:
    return TokenLife(_moment(document.data["issued_at"]), _moment(document.data["expires_at"]))


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
