"""Canonical bytes of a value and their digest: the base of every content address, receipt and decision digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any

from quantsentinel.errors import Broken

_Encoder = Callable[[Any], Any]
_AS_IS = frozenset({str, int, bool, type(None)})
_ENCODERS: dict[type, _Encoder] = {}
"""By exact type, filled as types are met: a day canonicalises some fifty million values."""


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


def _encoder_of(kind: type) -> _Encoder:
    for base, encoder in _BASES:
        if issubclass(kind, base):
            return encoder
    if dataclasses.is_dataclass(kind):
        return _fields_encoder(tuple(field.name for field in dataclasses.fields(kind)))
    raise Broken(f"{kind.__name__} has no canonical form", where="canonical", fix="Convert it to plain values")


def _fields_encoder(names: tuple[str, ...]) -> _Encoder:
    if len(names) < 2:
        return lambda value: {name: canonical(getattr(value, name)) for name in names}
    get = attrgetter(*names)
    # Plain values, the most of them, are taken without a call.
    return lambda value: {
        name: item if type(item) in _AS_IS else canonical(item) for name, item in zip(names, get(value), strict=True)
    }


def _list(value: Iterable[Any]) -> list[Any]:
    return [item if type(item) in _AS_IS else canonical(item) for item in value]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Broken(f"{value} has no canonical form", where="canonical", fix="Use None for an unknown number")
    return float(value) + 0.0


def _utc(value: datetime) -> str:
    if value.tzinfo is None:
        raise Broken(f"naive time {value}", where="canonical", fix="Attach a timezone where the time enters the system")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        key if type(key) is str else str(canonical(key)): item if type(item) in _AS_IS else canonical(item)
        for key, item in value.items()
    }


_BASES: tuple[tuple[type, _Encoder], ...] = (
    (Enum, lambda value: value.value),
    (bool, lambda value: value),
    (int, int),
    (str, str),
    (float, _finite),
    (Decimal, str),
    (datetime, _utc),
    (date, date.isoformat),
    (Mapping, _mapping),
    (list, _list),
    (tuple, _list),
    (set, lambda value: sorted(canonical(item) for item in value)),
    (frozenset, lambda value: sorted(canonical(item) for item in value)),
)
"""The first that fits: an Enum may be a str, a datetime is a date, a named tuple is a tuple."""


def canonical_bytes(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces of `canonical(value)`."""
    return plain_bytes(canonical(value))


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
