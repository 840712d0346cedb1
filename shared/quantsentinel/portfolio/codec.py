"""The book as a JSON document and back, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.soundness import require_sound

BOOK_SCHEMA = 1


def encode_book(book: Book) -> dict[str, Any]:
    data: dict[str, Any] = canonical(book)
    return data | {"schema": BOOK_SCHEMA}


def decode_book(data: Mapping[str, Any]) -> Book:
    """Raises `BadInput` for another schema, fields that do not fit, or a position held only in part: an unreadable book
    is never an empty one."""
    if data.get("schema") != BOOK_SCHEMA:
        raise BadInput(f"book schema {data.get('schema')!r}", where="book", fix=f"Known: {BOOK_SCHEMA}")
    return require_sound(decode(Book, {name: value for name, value in data.items() if name != "schema"}))
