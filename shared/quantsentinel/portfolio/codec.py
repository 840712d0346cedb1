"""The book as a JSON document and back, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.soundness import require_sound

BOOK_SCHEMA = 1
FIRST = frozenset(
    {
        *("session", "capital", "capital_declared_on", "positions", "closed", "realised", "settlement_pnl"),
        *("entered_loss", "loss_latched_on", "floor_latched_on", "rearm", "applied", "audit_seq", "refusals"),
    }
)
"""What every book has held since the first. The rest came together: a document has all of it or none."""
LATER = frozenset(field.name for field in fields(Book)) - FIRST


def encode_book(book: Book) -> dict[str, Any]:
    data: dict[str, Any] = canonical(book)
    return data | {"schema": BOOK_SCHEMA}


def decode_book(data: Mapping[str, Any]) -> Book:
    """Raises `BadInput` for another schema, fields that do not fit or are missing, or a position held only in part: an
    unreadable book is never an empty one."""
    if data.get("schema") != BOOK_SCHEMA:
        raise BadInput(f"book schema {data.get('schema')!r}", where="book", fix=f"Known: {BOOK_SCHEMA}")
    known = {name: value for name, value in data.items() if name != "schema"}
    missing = sorted((FIRST | LATER if LATER & known.keys() else FIRST) - known.keys())
    if missing:
        raise BadInput(f"fields {missing} are missing", where="book", fix="Restore the book document")
    return require_sound(decode(Book, known))
