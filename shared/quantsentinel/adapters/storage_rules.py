"""What a path, a document, a query value and an object key may be: the narrowest of all implementations.

Every adapter checks with these before it touches its storage, so what works on a laptop works on Firestore and GCS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from quantsentinel.errors import BadInput, Broken
from quantsentinel.ports import MAX_BATCH_WRITES, Where, Write
from quantsentinel.stores import expiring

MAX_DOCUMENT_BYTES = 1_000_000
"""Firestore's 1 MiB counts names and indexing overhead too: the margin is left free."""
MAX_DEPTH = 18
"""Firestore allows 20 levels; a list in a list costs two."""
MAX_ID_BYTES = 1_500
MAX_KEY_BYTES = 1_024
NESTED_LIST = "[]"
"""Firestore has no list in a list; there it is stored as a map with this one key, which is therefore reserved."""

_ALWAYS_JSON = frozenset({str, bool, type(None)})
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_SEGMENT = re.compile(r"[A-Za-z0-9_=+~:-][A-Za-z0-9._=+~:-]{0,199}")


def check_path(path: str) -> str:
    """`path` when it can name a document. Raises `BadInput` for an odd number of segments or a segment not allowed."""
    segments = _segments(path)
    if len(segments) % 2:
        raise BadInput(f"{path!r} names a collection, not a document", where="documents")
    return path


def check_collection(path: str) -> str:
    """`path` when it can name a collection. Raises `BadInput` otherwise."""
    segments = _segments(path)
    if len(segments) % 2 == 0:
        raise BadInput(f"{path!r} names a document, not a collection", where="documents")
    return path


def _segments(path: str) -> list[str]:
    segments = path.split("/")
    for segment in segments:
        allowed = segment and segment not in (".", "..") and not _RESERVED.fullmatch(segment)
        if not allowed or "\x00" in segment or len(_utf8(segment, path)) > MAX_ID_BYTES:
            raise BadInput(
                f"segment {segment!r} of path {path!r}", where="documents", fix="Not empty, no '.', '..' or __x__"
            )
    return segments


def _utf8(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{text!r} is not Unicode text", where=where) from None


def check_batch(writes: Sequence[Write]) -> None:
    """Raises `Broken` for a batch that is too large or touches a path twice, `BadInput` for a wrong path."""
    if len(writes) > MAX_BATCH_WRITES:
        raise Broken(f"{len(writes)} writes in one batch, at most {MAX_BATCH_WRITES}", where="documents")
    seen: set[str] = set()
    for write in writes:
        path = check_path(write.path)
        if path in seen:
            raise Broken(f"{path} is written twice in one batch", where="documents")
        seen.add(path)


def encode(path: str, data: Mapping[str, Any]) -> str:
    """`data` as JSON with sorted keys. Raises `Broken` when it is not JSON, has a reserved key or is too large."""
    _check_map(dict(data), path, MAX_DEPTH)
    _check_expiry(path, data)
    text = _ENCODE(dict(data))
    size = len(_utf8(text, path))
    if size > MAX_DOCUMENT_BYTES:
        raise Broken(f"{size} bytes, at most {MAX_DOCUMENT_BYTES}", where=path, fix="Store it as an object")
    return text


_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
"""What was walked to `MAX_DEPTH` cannot run in a circle."""


def _check_expiry(path: str, data: Mapping[str, Any]) -> None:
    if expiring.FIELD not in data:
        return
    if expiring.moment_of(data[expiring.FIELD]) is None:
        what = f"{expiring.FIELD} {data[expiring.FIELD]!r} is no time that a document can end at"
        raise Broken(what, where=path, fix="Write it with `stores.expiring.expiry`")
    if expiring.collection_of(path) not in expiring.COLLECTIONS:
        fix = "Add the collection to `stores.expiring` and its group to terraform/indexes.json"
        raise Broken(f"documents of {expiring.collection_of(path)} do not end", where=path, fix=fix)


def _check_map(data: dict[str, Any], where: str, depth: int) -> None:
    for key, value in data.items():
        if not _is_key(key):
            raise Broken(f"key {key!r} is not allowed", where=where, fix=f"Text, not empty, not __x__ or {NESTED_LIST}")
        kind = type(value)
        if depth == 0 or not (kind in _ALWAYS_JSON or (kind is float and isfinite(value))):  # most need no call
            _check_value(value, f"{where}#{key}", depth)


@lru_cache(4096)
def _is_key(key: object) -> bool:
    return isinstance(key, str) and bool(key) and key != NESTED_LIST and not _RESERVED.fullmatch(key)


def _check_value(value: Any, where: str, depth: int) -> None:
    if depth == 0:
        raise Broken(f"nested deeper than {MAX_DEPTH} levels", where=where)
    if isinstance(value, dict):
        _check_map(value, where, depth - 1)
    elif isinstance(value, list):
        for item in value:
            kind = type(item)
            if depth > 1 and (kind in _ALWAYS_JSON or (kind is float and isfinite(item))):
                continue
            _check_value(item, where, depth - (2 if isinstance(item, list) and depth > 1 else 1))
    else:
        _check_scalar(value, where)


def _check_scalar(value: Any, where: str) -> None:
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Broken(f"{value} does not fit 64 bits", where=where, fix="Store it as text")
        return
    if not isinstance(value, float):
        raise Broken(f"{type(value).__name__} is not JSON", where=where, fix="Pass it through `canonical` first")
    if not isfinite(value):
        raise Broken(f"{value} is not JSON", where=where, fix="Use None for an unknown number")


def check_where(where: Where) -> Where:
    """Raises `BadInput` for a field that is not a plain name or a value that cannot be compared that way."""
    check_field(where.field)
    value = where.value
    text_or_number = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not (text_or_number or (where.op == "==" and (value is None or isinstance(value, bool)))):
        raise BadInput(f"{where.op} {value!r} on {where.field}", where="query", fix="Compare with text or a number")
    if where.field == expiring.FIELD and (where.op == "array_contains" or expiring.moment_of(value) is None):
        raise BadInput(f"{where.op} {value!r} on {where.field}", where="query", fix="Compare with `expiring.expiry(…)`")
    _check_scalar(value, f"query on {where.field}")
    return where


def check_field(name: str) -> str:
    if not _FIELD.fullmatch(name) or _RESERVED.fullmatch(name):
        raise BadInput(f"field {name!r}", where="query", fix="A top-level key of letters, digits and _")
    return name


def check_key(key: str) -> str:
    """`key` when it can name an object: relative, no traversal, portable characters. Raises `BadInput` otherwise."""
    if len(key) > MAX_KEY_BYTES or not all(_KEY_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        fix = "Segments of at most 200 of A-Z a-z 0-9 . _ = + ~ : - (no dot first), joined by /"
        raise BadInput(f"object key {key!r}", where="objects", fix=fix)
    return key


def check_prefix(prefix: str) -> str:
    """`prefix` when keys can begin with it. Raises `BadInput` otherwise."""
    whole, _, partial = prefix.rpartition("/")
    for part in (whole, partial):
        if part:
            check_key(part)
    if prefix.startswith("/"):
        raise BadInput(f"prefix {prefix!r}", where="objects", fix="The beginning of a key")
    return prefix


def check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit}", where="query", fix="At least 1")
