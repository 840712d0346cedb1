"""The day's root: one hash over the heads of all tenants' chains, kept where nobody can change it.

What a chain alone cannot show, that its end was cut off or that all of it was written anew, a root shows that was kept
elsewhere. Each root names the digest of the one before it, so that the roots are a chain themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from quantsentinel.audit.merkle import LEAF_RULE, audit_path, leaf_hash, root_from, root_hash
from quantsentinel.canonical import canonical_bytes, digest
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass

ROOT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a tenant's chain."""

    tenant: str
    seq: int
    hash: str

    @property
    def leaf(self) -> bytes:
        return leaf_hash(canonical_bytes([self.tenant, self.seq, self.hash]))


@dataclass(frozen=True, slots=True)
class Header:
    """A root without the heads below it: what every tenant may see. `previous` is the digest of the header before it,
    `on` the session whose close it seals, `size` the number of heads."""

    on: date
    sealed_at: datetime
    size: int
    root: str
    previous: str | None
    leaves: str = LEAF_RULE
    format: int = ROOT_FORMAT

    @property
    def digest(self) -> str:
        return digest(self)


@dataclass(frozen=True, slots=True)
class Root:
    """A header and the heads that it was made from, by tenant."""

    header: Header
    heads: tuple[Head, ...]

    def head(self, tenant: str) -> Head | None:
        return next((head for head in self.heads if head.tenant == tenant), None)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a tenant's head stands under a header, without the other tenants' heads: `path` in hex, nearest first."""

    header: Header
    head: Head
    index: int
    path: tuple[str, ...]

    @property
    def holds(self) -> bool:
        path = [bytes.fromhex(item) for item in self.path]
        found = root_from(self.head.leaf, self.index, self.header.size, path)
        return found is not None and found.hex() == self.header.root


def seal(on: date, at: datetime, heads: Iterable[Head], previous: Header | None) -> Root:
    """The root over these heads."""
    ordered = tuple(sorted(heads, key=lambda head: head.tenant))
    root = root_hash([head.leaf for head in ordered]).hex()
    return Root(Header(on, at, len(ordered), root, previous.digest if previous else None), ordered)


def inclusion(root: Root, tenant: str) -> Inclusion | None:
    """The proof for one tenant; None when it is not under this root."""
    for index, head in enumerate(root.heads):
        if head.tenant == tenant:
            path = audit_path([item.leaf for item in root.heads], index)
            return Inclusion(root.header, head, index, tuple(item.hex() for item in path))
    return None


def encode_root(root: Root) -> bytes:
    heads = [[head.tenant, head.seq, head.hash] for head in root.heads]
    return canonical_bytes({"header": root.header, "heads": heads})


def decode_root(data: Mapping[str, Any], where: str) -> Root:
    """Raises `Broken` when the heads are not those that the header was made from, or it is no root at all."""
    try:
        heads = tuple(Head(*head) for head in data["heads"])
        header = read_header(data["header"])
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"no root: {type(error).__name__}: {error}", where=where) from None
    made = seal(header.on, header.sealed_at, heads, None).header
    if (made.root, made.size, header.format) != (header.root, header.size, ROOT_FORMAT):
        raise Broken("the heads are not those that the root was made from", where=where, fix="The object was changed")
    return Root(header, heads)


def read_header(data: Mapping[str, Any]) -> Header:
    return Header(
        on=date.fromisoformat(data["on"]),
        sealed_at=datetime.fromisoformat(data["sealed_at"]),
        size=data["size"],
        root=data["root"],
        previous=data["previous"],
        leaves=data["leaves"],
        format=data["format"],
    )


def read_inclusion(data: Mapping[str, Any]) -> Inclusion:
    return Inclusion(read_header(data["header"]), Head(**data["head"]), data["index"], tuple(data["path"]))


def unchained(headers: Sequence[Header]) -> Header | None:
    """The first header that does not name the one before it, in order of days; the first may name one not given."""
    for before, header in pairwise(headers):
        if header.previous != before.digest or header.on <= before.on:
            return header
    return None
