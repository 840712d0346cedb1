"""A file's bytes with the name they came under, unpacked within limits, and the layout by which it is recognised."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

from quantsentinel.canonical import sha256
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.parsers.payload import MAX_BYTES, check_size, gunzip, load_json, parquet_columns

MAX_PACKED_BYTES = 256 << 20
MAX_MEMBERS = 64
HEADER_LINES = 3
_PARQUET_MAGIC = b"PAR1"
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class Document:
    """`name` is the file's own name (a member's, in an archive); `input_sha256` is that of the file on the disk."""

    name: str
    body: bytes = field(repr=False)
    input_sha256: str = ""

    @cached_property
    def kind(self) -> str:
        """`parquet`, `json` or `csv`, by the first bytes."""
        if self.body.startswith(_PARQUET_MAGIC):
            return "parquet"
        return "json" if self.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "csv"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names of a Parquet file, or the cells of a text's first line, as printed. Empty for JSON."""
        if self.kind == "parquet":
            return parquet_columns(self.body, self.name)
        return tuple(self.head[0]) if self.kind == "csv" and self.head else ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`columns` without padding, lower case."""
        return tuple(column.strip().lower() for column in self.columns)

    @cached_property
    def head(self) -> list[list[str]]:
        """The first lines of a text, as cells."""
        lines = self.body[:65_536].decode("utf-8-sig", "replace").replace("\0", "").splitlines()[:HEADER_LINES]
        try:
            return list(csv.reader(lines))
        except csv.Error:
            return []

    @cached_property
    def json(self) -> object:
        """The parsed JSON. Raises `BadInput` as `load_json` does."""
        return load_json(self.body, self.name)

    def text(self) -> str:
        """The decoded text. Raises `BadInput` when it is too large, not UTF-8 or holds NUL bytes."""
        check_size(self.body, "csv", self.name)
        try:
            text = self.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"not UTF-8 at byte {error.start}", where=self.name, fix="Save it as UTF-8") from None
        if "\0" in text:
            raise BadInput("NUL bytes in a text file", where=self.name, fix="Is the file damaged?")
        return text

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """(line number, cells) of every line that is not empty."""
        reader = csv.reader(io.StringIO(self.text(), newline=""))
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error as error:
            raise BadInput(f"not CSV: {error}", where=f"{self.name} line {reader.line_num}") from None


def unpacked(name: str, data: bytes) -> list[Document]:
    """The documents in a file: itself, what a .gz holds, or the members of a .zip (no archive inside an archive).

    Raises `BadInput` for truncated archives and for anything beyond the limits, which it names.
    """
    if len(data) > MAX_PACKED_BYTES:
        raise BadInput(f"{len(data)} bytes, at most {MAX_PACKED_BYTES} a file", where=name, fix="Split the file")
    digest = sha256(data).removeprefix("sha256:")
    if data.startswith(_GZIP_MAGIC):
        return [Document(name.removesuffix(".gz"), gunzip(data, MAX_BYTES["csv"], name), digest)]
    if data.startswith(_ZIP_MAGIC):
        return [Document(member, body, digest) for member, body in _members(name, data)]
    return [Document(name, data, digest)]


def _members(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    left = MAX_BYTES["csv"]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_MEMBERS:
                raise BadInput(f"{len(entries)} members, at most {MAX_MEMBERS} an archive", where=name)
            for entry in entries:
                with archive.open(entry) as stream:
                    body = stream.read(left + 1)
                left -= len(body)
                if left < 0:
                    raise BadInput(f"more than {MAX_BYTES['csv']} bytes unpacked", where=f"{name}: {entry.filename}")
                yield entry.filename, body
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"not a readable archive: {error}", where=name, fix="Is the file truncated?") from None
