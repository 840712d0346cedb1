"""A tenant's documents as values."""

from __future__ import annotations

from typing import Any

from quantsentinel.accounts.account import Account
from quantsentinel.accounts.codec import decode, decode_account
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.answers import Answer
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.codec import decode_book
from quantsentinel.ports import Document


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tenant's messages go on one channel: webhook `{url, secret}` or telegram `{chat_id}`."""

    channel: str
    address: str
    secret: str = ""


def account_of(document: Document) -> Account:
    """The account, with the database's create time as the anchor of the dry-run lock."""
    return decode_account(document.id, document.data, document.created_at)


def endpoints_of(document: Document) -> tuple[Endpoint, ...]:
    """Raises `BadInput` for channels that are none; their content, which holds secrets, is not repeated."""
    channels: Any = document.data.get("channels", {})
    try:
        return tuple(Endpoint(**channels[name]) for name in sorted(channels))
    except (TypeError, KeyError, IndexError):
        fix = "Set its channels again with `qs tenants set`"
        raise BadInput("its channels cannot be read", where=f"tenant {document.id}", fix=fix) from None


def owner_of(document: Document) -> tuple[Account, tuple[Endpoint, ...]]:
    """The account and its channels. Raises `BadInput` as either does."""
    return account_of(document), endpoints_of(document)


def book_of(document: Document | None) -> tuple[Book, str | None]:
    return (Book(), None) if document is None else (decode_book(document.data), document.version)


def answers_of(document: Document | None) -> tuple[Answer, ...]:
    return () if document is None else decode(tuple[Answer, ...], document.data.get("answers", ()))


def audit_end_of(book: Document | None) -> int:
    seq = book.data.get("audit_seq") if book else 0
    return seq if isinstance(seq, int) else -1


def undelivered_of(document: Document | None) -> tuple[str, ...]:
    return () if document is None else tuple(document.data.get("event_ids", ()))
