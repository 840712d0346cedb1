"""A pure, append-only hash chain: every record carries the hash of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quantsentinel.canonical import canonical, plain_bytes, sha256

GENESIS = "sha256:" + "0" * 64
"""The `previous` of a chain's first record."""


@dataclass(frozen=True, slots=True)
class Record:
    """`seq` starts at 1. `body` is canonical JSON; `hash` covers seq, previous and body."""

    seq: int
    previous: str
    body: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first record that does not hold, and why."""

    seq: int
    what: str


def append(body: Mapping[str, Any], head: Record | None) -> Record:
    """The record that follows `head`, or the chain's first."""
    seq, previous = (head.seq + 1, head.hash) if head else (1, GENESIS)
    plain = canonical(body)
    return Record(seq, previous, plain, _hash(seq, previous, plain))


def verify(records: Iterable[Record], after: Record | None = None) -> Break | None:
    """None when the records form one unbroken chain (from the beginning, or after a record known to be good).

    Finds a changed, removed, inserted or reordered record. A chain cut off at its end looks whole: compare its last
    record with a head that is kept elsewhere.
    """
    head = after
    for record in records:
        seq, previous = (head.seq + 1, head.hash) if head else (1, GENESIS)
        if record.seq != seq:
            return Break(seq, f"expected record {seq}, found {record.seq}")
        if record.previous != previous:
            return Break(seq, "does not follow the record before it")
        if record.hash != _hash(seq, previous, record.body):
            return Break(seq, "its content is not what was hashed")
        head = record
    return None


def _hash(seq: int, previous: str, body: Mapping[str, Any]) -> str:
    """`body` is canonical already, so it is not walked again."""
    return sha256(plain_bytes([seq, previous, body]))
