"""News as state: what a person or a poller published, one document an item.

    news/{news_id}    a `market.news.NewsItem`

An item is never changed: a correction is a new one. One document that cannot be read makes the whole list unreadable,
and nobody enters anything until it is dropped: what it said may have been the reason not to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.market.news import NewsItem
from quantsentinel.ports import Create, Delete, Documents

COLLECTION = "news"
_ID = re.compile(r"^[a-z0-9][a-z0-9.-]{2,79}$")
DROP = "qs news drop ID, then add it again if it still holds"


class NewsBoard:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def add(self, item: NewsItem) -> None:
        """Counts from the next decision on. Raises `BadInput` for an id that exists or is no id."""
        try:
            self._documents.commit([Create(_path(item.news_id), canonical(item))])
        except Conflict:
            fix = "A correction is a new item: give it an id of its own, and drop the old one"
            raise BadInput(f"there is an item {item.news_id!r} already", where="news", fix=fix) from None

    def drop(self, news_id: str) -> bool:
        """False when there was none. A document is dropped by its name, however wrong it or its name is."""
        names = {document.id for document in self._documents.query(COLLECTION)}
        if news_id not in names:
            return False
        self._documents.commit([Delete(f"{COLLECTION}/{news_id}")])
        return True

    def all(self) -> tuple[tuple[NewsItem, ...], Mapping[str, str]]:
        """(every item that can be read, by id; what is wrong with each document that cannot)."""
        found: dict[str, NewsItem] = {}
        faults: dict[str, str] = {}
        for document in self._documents.query(COLLECTION):
            try:
                found[document.id] = _item(document.id, document.data)
            except BadInput as error:
                faults[document.id] = str(error)
        return tuple(found[name] for name in sorted(found)), dict(sorted(faults.items()))

    def live(self, at: datetime) -> tuple[NewsItem, ...]:
        """Known and not over at a time, by id. Raises `BadInput` that names every document that cannot be read."""
        items, faults = self.all()
        if faults:
            raise BadInput("; ".join(faults.values()), where="news", fix=DROP)
        return tuple(item for item in items if item.known_at <= at < item.until)


def _path(news_id: str) -> str:
    if not _ID.match(news_id):
        fix = "3 to 80 characters: small letters, digits, dots and hyphens"
        raise BadInput(f"{news_id!r} is no id of news", where="news", fix=fix)
    return f"{COLLECTION}/{news_id}"


def _item(name: str, data: Mapping[str, Any]) -> NewsItem:
    texts = [data.get("headline"), data.get("source"), *_symbols(name, data)]
    if data.get("news_id") != name or not all(isinstance(text, str) for text in texts):
        raise BadInput("its id or one of its texts is not what it must be", where=f"{COLLECTION}/{name}", fix=DROP)
    try:
        return decode(NewsItem, data)
    except BadInput as error:
        raise BadInput(error.what, where=f"{COLLECTION}/{name}", fix=DROP) from None


def _symbols(name: str, data: Mapping[str, Any]) -> list[Any]:
    symbols = data.get("symbols")
    if not isinstance(symbols, list):
        raise BadInput("symbols are no list", where=f"{COLLECTION}/{name}", fix=DROP)
    return symbols
