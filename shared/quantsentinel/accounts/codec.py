"""Values to JSON documents and back, exactly: decoders are compiled once from the type hints of frozen dataclasses.

Handles dataclasses, `Decimal` (as text), tz-aware times (ISO, UTC), dates, enums, tuples, mappings, optionals and the
plain JSON types. A document with an unknown field, or without one that has no default, is refused, never guessed at.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeVar

from quantsentinel.accounts.account import Account
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput

T = TypeVar("T")
Decoder = Callable[[Any], Any]
ACCOUNT_SCHEMA = 1
DECLARED = frozenset(
    {
        *("knob", "max_positions", "max_loss_per_trade", "max_loss_per_day"),
        *("daily_loss", "capital_floor", "margin_buffer", "max_lots"),
    }
)
"""Limits that every account has held since the first; one that came later may be absent and is then the default."""


def encode_account(account: Account) -> dict[str, Any]:
    """Without tenant id and `created_at`: those are the document's own name and create time, which nobody can write."""
    data: dict[str, Any] = canonical(account)
    del data["tenant_id"], data["created_at"]
    return data | {"schema": ACCOUNT_SCHEMA}


def decode_account(tenant_id: str, data: Mapping[str, Any], created_at: datetime) -> Account:
    """Raises `BadInput` that names the tenant for another schema, for fields or limits that do not fit, and for missing
    limits, which would be looser than declared; keys of other parts of the document pass by."""
    if data.get("schema") != ACCOUNT_SCHEMA:
        what = f"account schema {data.get('schema')!r}"
        raise BadInput(what, where=f"tenant {tenant_id}", fix=f"Known: {ACCOUNT_SCHEMA}")
    names = {field.name for field in dataclasses.fields(Account)}
    known = {name: value for name, value in data.items() if name in names}
    limits = known.get("limits")
    missing = sorted(DECLARED - limits.keys()) if isinstance(limits, Mapping) else ["limits"]
    if missing:
        fix = "Declare them with `qs tenants set --limit`"
        raise BadInput(f"limits {missing} are missing", where=f"tenant {tenant_id}", fix=fix)
    try:
        return decode(Account, known | {"tenant_id": tenant_id, "created_at": canonical(created_at)})
    except BadInput as error:
        raise BadInput(f"{error.where}: {error.what}", where=f"tenant {tenant_id}", fix=error.fix) from None


def decode(kind: type[T], data: Any) -> T:
    """`data`, as `canonical` made it, as a value of `kind`. Raises `BadInput` naming what does not fit."""
    try:
        read: Decoder = decoder(typing.cast(Any, kind))
        value: T = read(data)
    except (TypeError, ValueError, KeyError, AttributeError, InvalidOperation) as error:
        raise BadInput(f"{type(error).__name__}: {error}", where=f"{kind.__name__} document") from None
    return value


@functools.cache
def decoder(kind: Any) -> Decoder:
    """The function that turns the JSON form of `kind` into a value."""
    if hasattr(kind, "__supertype__"):  # NewType
        return decoder(kind.__supertype__)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    origin = typing.get_origin(kind)
    if origin is not None:
        return _generic(origin, typing.get_args(kind))
    return _scalar(kind)


def _scalar(kind: Any) -> Decoder:
    if kind is float:
        return _number
    if kind is bool:
        return _flag
    if kind in (Any, int, str, type(None)):
        return lambda value: value
    if kind is Decimal:
        return Decimal
    if kind in (datetime, date):
        parse: Decoder = kind.fromisoformat
        return parse
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    raise TypeError(f"no decoder for {kind}")


def _flag(value: Any) -> bool:
    """True or false and nothing that only counts as one of them: the word "false" is no yes."""
    if value is not True and value is not False:
        raise TypeError(f"{value!r} is neither true nor false")
    return bool(value)


def _number(value: Any) -> float:
    """A float that JSON stores as a whole number comes back as an int from some stores."""
    return float(value)


def _generic(origin: Any, args: tuple[Any, ...]) -> Decoder:
    if origin in (typing.Union, types.UnionType):
        return _optional(args)
    if origin is typing.Literal:
        return lambda value: value
    if origin is tuple and args[-1] is Ellipsis:
        item = decoder(args[0])
        return lambda values: tuple(map(item, values))
    if origin is tuple:
        items = tuple(decoder(arg) for arg in args)
        return lambda values: tuple(read(value) for read, value in zip(items, values, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = decoder(args[1])
        return lambda values: {key: item(value) for key, value in values.items()}
    raise TypeError(f"no decoder for {origin}")


def _optional(args: tuple[Any, ...]) -> Decoder:
    kinds = [arg for arg in args if arg is not type(None)]
    if len(kinds) != 1:
        return lambda value: value  # a union of plain JSON types, as `Measured`
    item = decoder(kinds[0])
    return lambda value: None if value is None else item(value)


def _dataclass(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    fields = [field for field in dataclasses.fields(kind) if field.init]
    readers = {field.name: decoder(hints[field.name]) for field in fields}
    in_order = tuple(readers.items())

    def read(data: Any) -> Any:
        if data.keys() == readers.keys():  # by place: nearly every document holds all fields
            return kind(*[reader(data[name]) for name, reader in in_order])
        unknown = data.keys() - readers.keys()
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)} of {kind.__name__}")
        return kind(**{name: readers[name](value) for name, value in data.items()})

    return read
