"""What is known of a broker's access token, never the token itself.

tokens/{name}    {issued_at, expires_at, seen_at, told}
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from quantsentinel.contracts.access_token import TokenLife
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Create, Document, Documents, Put, Update, Write

UPSTOX = "upstox"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A person asked for a token; it is listened for until `ends_at`."""

    id: str
    who: str
    asked_at: datetime
    ends_at: datetime


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

    # --- a new one ---
    def path_hash(self, now: datetime, name: str = UPSTOX) -> str | None:
        """Of the callback path; None when there is none, or its time is over."""
        found = self._documents.get(_path(f"{name}-callback"))
        if found is None or datetime.fromisoformat(found.data["ends_at"]) <= now:
            return None
        return str(found.data["path_hash"])

    def set_path(self, path_hash: str, ends_at: datetime, name: str = UPSTOX) -> None:
        data = {"path_hash": path_hash, "ends_at": ends_at.isoformat()}
        self._documents.commit([Put(_path(f"{name}-callback"), data)])

    def request(self, now: datetime, name: str = UPSTOX) -> OpenRequest | None:
        """The newest one; None when its time is over."""
        found = self._documents.get(_path(f"{name}-request"))
        if found is None:
            return None
        data = found.data
        asked, ends = (datetime.fromisoformat(data[key]) for key in ("asked_at", "ends_at"))
        return OpenRequest(str(data["id"]), str(data["who"]), asked, ends) if now < ends else None

    def open_request(self, request: OpenRequest, name: str = UPSTOX) -> None:
        """The one before, if it is still open, is closed by it."""
        data = {
            "id": request.id,
            "who": request.who,
            "asked_at": request.asked_at.isoformat(),
            "ends_at": request.ends_at.isoformat(),
        }
        self._documents.commit([Put(_path(f"{name}-request"), data)])


def _path(name: str) -> str:
    return f"tokens/{name}"


def _life(document: Document) -> TokenLife:
    return TokenLife(_moment(document.data["issued_at"]), _moment(document.data["expires_at"]))


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
