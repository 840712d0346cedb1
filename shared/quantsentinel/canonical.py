"""Canonical bytes of a value and their digest: the base of every content address, receipt and decision digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any, Never

from quantsentinel.errors import Broken

_Encoder = Callable[[Any], Any]
_Writer = Callable[[Any], str]
_AS_IS = frozenset({str, int, bool, type(None)})
_ENCODERS: dict[type, _Encoder] = {}
_WRITERS: dict[type, _Writer] = {}
"""Both by exact type, filled as types are met: a day canonicalises some fifty million values."""
quoted: Callable[[str], str] = encode_basestring
"""A JSON string: what the encoder of `plain_bytes` makes of a text."""


def canonical(value: Any) -> Any:
    """`value` as plain JSON types: dataclasses by field, keys sorted, times in UTC, Decimal as text, no NaN.

    Raises `Broken` for a float that is not finite, a naive datetime and any other type: they have no one form.
    """
    kind = type(value)
    if kind in _AS_IS:
        return value
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        encoder = _ENCODERS[kind] = _encoder_of(kind)
    return encoder(value)


def canonical_text(value: Any) -> str:
    """JSON with sorted keys and no spaces of `canonical(value)`, in one walk: half the time of one after another."""
    kind = type(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        writer = _WRITERS[kind] = _writer_of(kind)
    return writer(value)


def _encoder_of(kind: type) -> _Encoder:
    for base, encoder, _ in _BASES:
        if issubclass(kind, base):
            return encoder
    return _fields_encoder(_fields_of(kind))


def _writer_of(kind: type) -> _Writer:
    for base, _, writer in _BASES:
        if issubclass(kind, base):
            return writer
    return _fields_writer(tuple(sorted(_fields_of(kind))))


def _fields_of(kind: type) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return _formless(kind)


def _formless(kind: type) -> Never:
    raise Broken(f"{kind.__name__} has no canonical form", where="canonical", fix="Convert it to plain values")


def _fields_encoder(names: tuple[str, ...]) -> _Encoder:
    if len(names) < 2:
        return lambda value: {name: canonical(getattr(value, name)) for name in names}
    get = attrgetter(*names)
    # Plain values, the most of them, are taken without a call.
    return lambda value: {
        name: item if type(item) in _AS_IS else canonical(item) for name, item in zip(names, get(value), strict=True)
    }


def _fields_writer(names: tuple[str, ...]) -> _Writer:
    form = f"{{{','.join(f'{quoted(name)}:%s' for name in names)}}}"
    if len(names) < 2:
        return lambda value: form % tuple(canonical_text(getattr(value, name)) for name in names)
    get, known = attrgetter(*names), _WRITERS.get
    return lambda value: form % tuple([(known(type(item)) or canonical_text)(item) for item in get(value)])


def _list(value: Iterable[Any]) -> list[Any]:
    return [item if type(item) in _AS_IS else canonical(item) for item in value]


def _sequence_text(value: Iterable[Any]) -> str:
    return list_text([canonical_text(item) for item in value])


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Broken(f"{value} has no canonical form", where="canonical", fix="Use None for an unknown number")
    return float(value) + 0.0


def _utc(value: datetime) -> str:
    return _utc_of(value, value.fold)


@lru_cache(4096)
def _utc_of(value: datetime, _fold: int) -> str:
    """Equal times have one text, but for `fold`, which a comparison of times does not see."""
    if value.tzinfo is None:
        raise Broken(f"naive time {value}", where="canonical", fix="Attach a timezone where the time enters the system")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        key if type(key) is str else str(canonical(key)): item if type(item) in _AS_IS else canonical(item)
        for key, item in value.items()
    }


def _mapping_text(value: Mapping[Any, Any]) -> str:
    return object_text(
        {key if type(key) is str else str(canonical(key)): canonical_text(item) for key, item in value.items()}
    )


def object_text(members: Mapping[str, str]) -> str:
    """The canonical text of an object whose members have these canonical texts."""
    return f"{{{','.join([f'{quoted(name)}:{members[name]}' for name in sorted(members)])}}}"


def list_text(items: Iterable[str]) -> str:
    """The canonical text of a list whose items have these canonical texts."""
    return f"[{','.join(items)}]"


def _sorted(value: Iterable[Any]) -> list[Any]:
    return sorted(canonical(item) for item in value)


_BASES: tuple[tuple[type, _Encoder, _Writer], ...] = (
    (type(None), lambda _: None, lambda _: "null"),
    (Enum, lambda value: value.value, lambda value: canonical_text(value.value)),
    (bool, lambda value: value, lambda value: "true" if value else "false"),
    (int, int, int.__repr__),
    (str, str, quoted),
    (float, _finite, lambda value: repr(_finite(value))),
    (Decimal, str, lambda value: f'"{value}"'),
    (datetime, _utc, lambda value: f'"{_utc(value)}"'),
    (date, date.isoformat, lambda value: f'"{value.isoformat()}"'),
    (Mapping, _mapping, _mapping_text),
    (bytes, lambda value: _formless(type(value)), lambda value: _formless(type(value))),
    (Sequence, _list, _sequence_text),
    (set, _sorted, lambda value: _sequence_text(_sorted(value))),
    (frozenset, _sorted, lambda value: _sequence_text(_sorted(value))),
)
"""The first that fits: an Enum may be a str, a datetime is a date, a text and bytes are sequences."""


def canonical_bytes(value: Any) -> bytes:
    """UTF-8 of `canonical_text(value)`."""
    return canonical_text(value).encode()


def plain_bytes(value: Any) -> bytes:
    """`canonical_bytes` of a value that is canonical already: its walk is saved."""
    return _ENCODE(value).encode()


_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
"""What `canonical` has walked cannot run in a circle."""


def sha256(data: bytes) -> str:
    """`sha256:<hex>` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """`sha256:<hex>` of the canonical bytes of any value."""
    return sha256(canonical_bytes(value))


def short_id(prefix: str, *parts: Any, length: int = 20) -> str:
    """A stable identifier from meaning: `prefix-<hex>` of the canonical parts."""
    return f"{prefix}-{hashlib.sha256(canonical_bytes(parts)).hexdigest()[:length]}"
