"""A pure, append-only hash chain: every record carries the hash of the one before it.

Record 0 is the genesis: it names the tenant, so that a chain cannot pass for another tenant's. The hash covers the
record's format, sequence number, the hash before it and its canonical body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from quantsentinel.canonical import canonical, plain_bytes, sha256
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass

FORMAT = 1
"""Of a record; a later one is a new number, and old records keep theirs."""
NOTHING = "sha256:" + "0" * 64
"""The `previous` of a genesis record."""
GENESIS = "genesis"
"""Its `kind`."""


@dataclass(frozen=True, slots=True)
class Record:
    """`seq` starts at 0. `body` is canonical JSON; `hash` covers format, seq, previous and body."""

    seq: int
    previous: str
    body: Mapping[str, Any]
    hash: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Break:
    """The first record that does not hold, and why."""

    seq: int
    what: str


def genesis(tenant: str, at: datetime) -> Record:
    """The record that a tenant's chain begins with, made when the tenant is."""
    return _record(0, NOTHING, canonical({"kind": GENESIS, "tenant": tenant, "at": at}))


def append(body: Mapping[str, Any], head: Record | None) -> Record:
    """The record that follows `head`. Raises `Broken` without one: a chain that lost its end is never begun anew."""
    if head is None:
        raise Broken("the chain's last record is missing", where="audit", fix="Verify the chain against its roots")
    return _record(head.seq + 1, head.hash, canonical(body))


def plain_record(record: Record) -> dict[str, Any]:
    """A record as JSON."""
    return {
        "format": record.format,
        "seq": record.seq,
        "previous": record.previous,
        "body": record.body,
        "hash": record.hash,
    }


def read_record(data: Mapping[str, Any]) -> Record:
    """The inverse of `plain_record`; other keys pass by. Raises `Broken` for what is no record."""
    try:
        return Record(data["seq"], data["previous"], data["body"], data["hash"], data["format"])
    except KeyError as missing:
        raise Broken(f"a record without {missing}", where="audit") from None


class Chain:
    """The verifier: takes one record after another and keeps only the last."""

    __slots__ = ("head", "tenant")

    def __init__(self, tenant: str = "", head: Record | None = None) -> None:
        self.tenant, self.head = tenant, head

    def take(self, record: Record) -> Break | None:
        """None when `record` continues the chain; then it is the new head."""
        head = self.head
        seq, previous = (head.seq + 1, head.hash) if head else (0, NOTHING)
        if record.seq != seq:
            return Break(seq, f"expected record {seq}, found {record.seq}")
        if record.format != FORMAT:
            return Break(seq, f"format {record.format!r} is not known, known is {FORMAT}")
        if record.previous != previous:
            return Break(seq, "does not follow the record before it")
        if record.hash != _hash(seq, previous, record.body):
            return Break(seq, "its content is not what was hashed")
        if head is None and (wrong := self._no_genesis(record.body)):
            return Break(seq, wrong)
        self.head = record
        return None

    def _no_genesis(self, body: Mapping[str, Any]) -> str:
        if body.get("kind") != GENESIS:
            return "the chain does not begin with a genesis record"
        if self.tenant and body.get("tenant") != self.tenant:
            return f"the chain is that of {body.get('tenant')!r}, not of {self.tenant!r}"
        return ""


def verify(records: Iterable[Record], after: Record | None = None, tenant: str = "") -> Break | None:
    """None when the records form one unbroken chain (from the genesis, or after a record known to be good).

    Finds a changed, removed, inserted or reordered record. A chain cut off at its end looks whole: compare its last
    record with a head that is kept elsewhere (`audit.roots`).
    """
    chain = Chain(tenant, after)
    for record in records:
        found = chain.take(record)
        if found is not None:
            return found
    return None


def _record(seq: int, previous: str, body: Mapping[str, Any]) -> Record:
    return Record(seq, previous, body, _hash(seq, previous, body))


def _hash(seq: int, previous: str, body: Mapping[str, Any]) -> str:
    """`body` is canonical already, so it is not walked again."""
    return sha256(plain_bytes([FORMAT, seq, previous, body]))
