"""One tenant's chain as a file that proves itself: no state, no account, nobody else's heads.

One JSON document a line. First what it is and where the chain ends; then every day's root with the proof that this
tenant's head stands under it; then the records in order, each followed by its decision row unless it carries it; last
the counts of all three. Read as a stream: what is kept is one record and one entry a root.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import field

from quantsentinel.audit.chain import Break, Chain, Record, plain_record, read_record
from quantsentinel.audit.roots import Header, Inclusion, read_header, read_inclusion
from quantsentinel.canonical import canonical_bytes, plain_bytes, sha256
from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass

EXPORT_FORMAT = 2
_ROW, _ROW_END = b'{"kind":"row","row":', b"}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What an export holds, and the first thing in it that does not. `records` hold; `sealed` is the newest root with
    this tenant's head; records after `sealed_seq` are chained and wait for the next root."""

    tenant: str
    records: int
    rows: int
    roots: tuple[Header, ...]
    sealed: Header | None
    sealed_seq: int | None
    problem: Break | None
    is_read: bool
    """To its end: what it does not hold then is not in the file."""

    @property
    def _sealed(self) -> int:
        return 0 if self.sealed_seq is None else self.sealed_seq + 1

    @property
    def unsealed(self) -> int:
        """Records that no root covers yet."""
        return max(self.records - self._sealed, 0)

    @property
    def missing(self) -> int:
        """Records that a root was made over and the file does not hold; 0 while it is not read to its end."""
        return max(self._sealed - self.records, 0) if self.is_read else 0

    @property
    def unread(self) -> int:
        """Records that a root was made over and that stand behind the one that does not hold."""
        return 0 if self.is_read else max(self._sealed - self.records, 0)


# --- writing ---
def first_line(tenant: str, head: Record, with_rows: bool) -> bytes:
    return canonical_bytes(
        {
            "kind": "export",
            "format": EXPORT_FORMAT,
            "tenant": tenant,
            "head": {"seq": head.seq, "hash": head.hash},
            "rows": with_rows,
        }
    )


def root_line(header: Header, proof: Inclusion | None) -> bytes:
    return canonical_bytes({"kind": "root", "header": header, "proof": proof})


def record_line(record: Record) -> bytes:
    return plain_bytes({"kind": "record", **plain_record(record)})


def row_line(row: bytes) -> bytes:
    """`row` in its canonical bytes: they are what the record's digest is over."""
    return _ROW + row + _ROW_END


def last_line(records: int, rows: int, roots: int) -> bytes:
    return canonical_bytes({"kind": "end", "records": records, "rows": rows, "roots": roots})


# --- reading ---
def verify_export(lines: Iterable[bytes]) -> Verified:
    """Reads an export to its end or to the first thing that does not hold. Raises `BadInput` for another file."""
    stream = iter(lines)
    reader = _Reader(_first(next(stream, b"")))
    for number, line in enumerate(stream, start=2):
        found = reader.take(line.rstrip(b"\r\n"), number)
        if found is not None:
            is_read = next(stream, None) is None
            if is_read and reader.said is None and not line.endswith(b"\n"):
                found = Break(found.seq, f"cut off: the file ends within line {number}")
            return reader.verified(found, is_read=is_read)
    return reader.verified(reader.ended(), is_read=True)


def _first(line: bytes) -> _About:
    fix = "`qs audit export` writes them"
    try:
        first = json.loads(line)
        kind, version = first["kind"], first["format"]
    except _NOT_JSON:
        raise BadInput("this is no export of an audit chain", where="line 1", fix=fix) from None
    if kind != "export" or version != EXPORT_FORMAT:
        what = f"{kind} of format {version}, known is export of format {EXPORT_FORMAT}"
        raise BadInput(what, where="line 1", fix=fix)
    try:
        return _About(str(first["tenant"]), first["head"]["seq"], first["head"]["hash"], first["rows"] is True)
    except _NOT_JSON:
        raise BadInput("it does not say whose chain it is or where it ends", where="line 1", fix=fix) from None


_NOT_JSON = (ValueError, KeyError, TypeError, RecursionError)
"""What reading a line raises that was changed into something else."""


@dataclass(frozen=True, slots=True)
class _About:
    """The first line: whose chain, its last record, and whether decision rows come with the records."""

    tenant: str
    seq: int
    hash: str
    has_rows: bool


@dataclass(slots=True)
class _Reader:
    """What is known so far. `awaited` is the digest of the row that has to come next."""

    about: _About
    chain: Chain = field(init=False)
    headers: list[Header] = field(default_factory=list)
    heads: dict[int, list[Inclusion]] = field(default_factory=lambda: defaultdict(list))
    newest: Inclusion | None = None
    awaited: str | None = None
    rows: int = 0
    said: tuple[int, int, int] | None = None
    """The counts of the last line."""

    def __post_init__(self) -> None:
        self.chain = Chain(self.about.tenant)

    @property
    def next_seq(self) -> int:
        return self.chain.head.seq + 1 if self.chain.head else 0

    def take(self, line: bytes, number: int) -> Break | None:
        if self.said is not None:
            return Break(self.next_seq, f"line {number} stands after the end")
        if line.startswith(_ROW):
            return self._row(line)
        try:
            data = json.loads(line)
            kind = data["kind"]
            if kind == "record":
                return self._record(read_record(data))
            if kind == "root":
                return self._root(read_header(data["header"]), data["proof"] and read_inclusion(data["proof"]))
            if kind == "end":
                self.said = (data["records"], data["rows"], data["roots"])
                return None
        except (*_NOT_JSON, AttributeError, Broken):
            return Break(self.next_seq, f"line {number} cannot be read")
        return Break(self.next_seq, f"line {number} is a {kind!r}, which no export holds")

    def _record(self, record: Record) -> Break | None:
        if self.awaited is not None:
            return Break(self.next_seq - 1, "its decision row is missing")
        found = self.chain.take(record)
        if found is not None:
            return found
        digest, row = record.body.get("row_digest"), record.body.get("row")
        if row is not None and sha256(plain_bytes(row)) != digest:
            return Break(record.seq, "its row is not the one that its digest names")
        self.awaited = digest if row is None and self.about.has_rows else None
        for proof in self.heads.pop(record.seq, ()):
            if proof.head.hash != record.hash:
                return Break(record.seq, f"the root of {proof.header.on} was made over another record {record.seq}")
        return None

    def _row(self, line: bytes) -> Break | None:
        if self.awaited is None:
            return Break(self.next_seq - 1, "it is followed by a row that it does not name")
        if not line.endswith(_ROW_END) or sha256(line[len(_ROW) : -len(_ROW_END)]) != self.awaited:
            return Break(self.next_seq - 1, "its decision row is not the one that its digest names")
        self.awaited = None
        self.rows += 1
        return None

    def _root(self, header: Header, proof: Inclusion | None) -> Break | None:
        before = self.headers[-1] if self.headers else None
        if before is not None and (header.previous != before.digest or header.on <= before.on):
            return Break(self.next_seq, f"the root of {header.on} does not follow that of {before.on}")
        self.headers.append(header)
        if proof is None:
            return None
        if proof.head.tenant != self.about.tenant:
            return Break(self.next_seq, f"the proof under the root of {header.on} is of {proof.head.tenant!r}")
        if proof.header != header or not proof.holds or not isinstance(proof.head.seq, int):
            return Break(proof.head.seq, f"the proof does not lead to the root of {header.on}")
        self.heads[proof.head.seq].append(proof)
        self.newest = proof
        return None

    def ended(self) -> Break | None:
        """What only shows at the end: a file or a chain that was cut off."""
        if self.awaited is not None:
            cut = "" if self.said else ": the file is cut off there"
            return Break(self.next_seq - 1, f"its decision row is missing{cut}")
        if self.heads:
            seq, proofs = max(self.heads.items())
            return Break(self.next_seq, f"cut off: the root of {proofs[0].header.on} names record {seq}")
        head = self.chain.head
        if head is None or (head.seq, head.hash) != (self.about.seq, self.about.hash):
            return Break(self.next_seq, f"cut off: the chain ends with record {self.about.seq}")
        if self.said is None:
            return Break(self.next_seq, "cut off: the file's last line is missing")
        if self.said != (counted := (self.next_seq, self.rows, len(self.headers))):
            what = "the file ends with {} records, {} rows and {} roots, holds {}, {} and {}"
            return Break(self.next_seq, what.format(*self.said, *counted))
        return None

    def verified(self, problem: Break | None, *, is_read: bool) -> Verified:
        newest = self.newest
        return Verified(
            tenant=self.about.tenant,
            records=self.next_seq,
            rows=self.rows,
            roots=tuple(self.headers),
            sealed=newest.header if newest else None,
            sealed_seq=newest.head.seq if newest else None,
            problem=problem,
            is_read=is_read,
        )
