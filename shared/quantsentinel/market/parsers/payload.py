"""Bytes of a payload within limits: sizes by kind, bounded unpacking, JSON without surprises, Parquet footers.

Every reader of foreign bytes goes through here, so that a bomb, a repeated key or a nesting of ten thousand lists is
`BadInput` and never a full memory or another exception.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from quantsentinel.errors import BadInput

T = TypeVar("T")
MAX_BYTES: Mapping[str, int] = {"json": 32 << 20, "csv": 64 << 20, "parquet": 256 << 20, "arrow": 256 << 20}
"""The largest real ones: NSE's chain 1.3 MB of JSON, a year of bars 4 MB of text, a day of chains 4 MB of Parquet."""
MAX_ROWS = 4_000_000
MAX_COLUMNS = 512


def check_size(body: bytes, kind: str, where: str) -> None:
    """Raises `BadInput` that names the limit when `body` is larger than its kind may be."""
    limit = MAX_BYTES[kind]
    if len(body) > limit:
        raise BadInput(f"{len(body)} bytes, at most {limit} of {kind}", where=where, fix="Split it into smaller files")


def gunzip(data: bytes, limit: int, where: str) -> bytes:
    """All members of a gzip stream, at most `limit` bytes. Raises `BadInput` when truncated, damaged or larger."""
    found = bytearray()
    rest = data
    try:
        while rest:
            stream = zlib.decompressobj(wbits=31)
            found += stream.decompress(rest, limit + 1 - len(found))
            if len(found) > limit:
                raise BadInput(f"more than {limit} bytes unpacked", where=where, fix="Split it into smaller files")
            if not stream.eof:
                raise BadInput("the gzip stream ends early", where=where, fix="Is it truncated?")
            rest = stream.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise BadInput(f"not gzip: {error}", where=where, fix="Is it damaged?") from None
    return bytes(found)


def load_json(body: bytes, where: str) -> Any:
    """The document. Raises `BadInput` for truncated or over-large JSON, repeated keys, NaN and Infinity (no JSON has
    them), integers of thousands of digits and nesting that no market payload has."""
    check_size(body, "json", where)
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refused_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInput(f"not JSON: {reason}", where=where, fix="Is it truncated?") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:40]!r} stands twice in one object")
    return found


def _refused_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def parquet_columns(body: bytes, where: str) -> tuple[str, ...]:
    """Column names out of a Parquet footer. Raises `BadInput` when unreadable or beyond the limits."""
    import polars as pl

    check_size(body, "parquet", where)
    plan = readable(lambda: pl.scan_parquet(io.BytesIO(body)), where)
    names = tuple(readable(plan.collect_schema, where).names())
    rows = readable(lambda: plan.select(pl.len()).collect().item(), where)
    check_shape(rows, len(names), where)
    return names


def check_shape(rows: int, columns: int, where: str) -> None:
    """Raises `BadInput` for a table beyond the limits: a small Parquet file can claim a billion equal rows."""
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        most = f"at most {MAX_ROWS} x {MAX_COLUMNS}"
        raise BadInput(f"{rows} rows of {columns} columns, {most}", where=where, fix="Split it into smaller files")


def readable(read: Callable[[], T], where: str) -> T:
    """What `read` gives; whatever polars raises at damaged bytes, also a panic of its reader, becomes `BadInput`."""
    import polars as pl

    try:
        return read()
    except (pl.exceptions.PolarsError, OSError, ValueError, OverflowError, MemoryError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
    except pl.exceptions.PanicException:
        first = "its reader gave up"
    raise BadInput(f"unreadable: {first[:200]}", where=where, fix="Is it truncated?")
