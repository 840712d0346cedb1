"""JSON to Firestore's typed values and back. Integers and floats stay what they were; lists in lists are wrapped.

Maps come back with their keys sorted, as from every implementation: Firestore keeps no order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from google.cloud.firestore_v1.types import Value
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]  # ships no types

from quantsentinel.adapters.storage_rules import NESTED_LIST
from quantsentinel.errors import Broken
from quantsentinel.ports import Document, Json
from quantsentinel.stores import expiring

# The raw protobuf class: the wrapper's conversions would cost several times as much a document.
_Value = Value.pb()


def document_fields(data: Json) -> dict[str, Any]:
    """The fields of a document."""
    return {key: field_value(key, value) for key, value in data.items()}


def field_value(key: str, value: Any) -> Any:
    """The value of a document's own field: the time at which it ends is a timestamp, which TTL asks for."""
    moment = expiring.moment_of(value) if key == expiring.FIELD else None
    if moment is None:
        return value_of(value)
    end = Timestamp()
    end.FromDatetime(moment)
    return _Value(timestamp_value=end)


def fields_of(data: Json) -> dict[str, Any]:
    """The fields of a map."""
    return {key: value_of(value) for key, value in data.items()}


def value_of(value: Any) -> Any:
    """One JSON value as a protobuf `Value`. Raises `Broken` for another type."""
    if value is None:
        return _Value(null_value=0)
    if isinstance(value, bool):
        return _Value(boolean_value=value)
    if isinstance(value, int):
        return _Value(integer_value=value)
    if isinstance(value, float):
        return _Value(double_value=value)
    if isinstance(value, str):
        return _Value(string_value=value)
    if isinstance(value, Mapping):
        return _Value(map_value={"fields": fields_of(value)})
    if isinstance(value, list):
        return _Value(array_value={"values": [_item_of(item) for item in value]})
    raise Broken(f"{type(value).__name__} is not JSON", where="firestore", fix="Pass it through `canonical` first")


def _item_of(item: Any) -> Any:
    return value_of({NESTED_LIST: item}) if isinstance(item, list) else value_of(item)


def json_of(value: Any) -> Any:
    """The JSON value of a protobuf `Value`."""
    kind = value.WhichOneof("value_type")
    if kind == "null_value":
        return None
    if kind == "map_value":
        return {key: json_of(item) for key, item in sorted(value.map_value.fields.items())}
    if kind == "array_value":
        return [_unwrapped(json_of(item)) for item in value.array_value.values]
    if kind in ("boolean_value", "integer_value", "double_value", "string_value"):
        return getattr(value, kind)
    raise Broken(f"a {kind} that we never write", where="firestore", fix="Find who else writes this database")


def _unwrapped(item: Any) -> Any:
    return item[NESTED_LIST] if isinstance(item, dict) and item.keys() == {NESTED_LIST} else item


def decode_document(path: str, message: Any) -> Document:
    """A protobuf `Document`; its update time is the version."""
    return Document(
        path=path,
        data={key: _field_of(key, value) for key, value in sorted(message.fields.items())},
        version=f"{message.update_time.seconds}.{message.update_time.nanos:09d}",
        created_at=message.create_time.ToDatetime(tzinfo=UTC),
        updated_at=message.update_time.ToDatetime(tzinfo=UTC),
    )


def _field_of(key: str, value: Any) -> Any:
    if key == expiring.FIELD and value.WhichOneof("value_type") == "timestamp_value":
        return expiring.expiry(value.timestamp_value.ToDatetime(tzinfo=UTC))
    return json_of(value)


def timestamp_of(version: str) -> Timestamp | None:
    """The update time that `version` stands for; None when it is not one of ours."""
    seconds, _, nanos = version.partition(".")
    if not (seconds.isdecimal() and nanos.isdecimal() and len(nanos) == 9):
        return None
    return Timestamp(seconds=int(seconds), nanos=int(nanos))
