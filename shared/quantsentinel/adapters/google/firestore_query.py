"""A query in Firestore's own form."""

from __future__ import annotations

from collections.abc import Sequence

from google.cloud.firestore_v1.types import StructuredQuery

from quantsentinel.adapters.google.firestore_values import field_value
from quantsentinel.adapters.storage_rules import check_field, check_where
from quantsentinel.ports import Where

_Filter = StructuredQuery.Filter
_FieldFilter = StructuredQuery.FieldFilter
_OPERATORS = {
    "==": _FieldFilter.Operator.EQUAL,
    "<": _FieldFilter.Operator.LESS_THAN,
    "<=": _FieldFilter.Operator.LESS_THAN_OR_EQUAL,
    ">": _FieldFilter.Operator.GREATER_THAN,
    ">=": _FieldFilter.Operator.GREATER_THAN_OR_EQUAL,
    "array_contains": _FieldFilter.Operator.ARRAY_CONTAINS,
}
_NAME = "__name__"


def is_sorted_here(where: Sequence[Where], order_by: str | None, descending: bool) -> bool:
    """Whether the answer has to be sorted by path after it came, and is therefore read whole, limit or not.

    Firestore sorts a range filter's answer by that field, and does not scan paths downwards.
    """
    return order_by is None and (descending or any(item.op in ("<", "<=", ">", ">=") for item in where))


def structured(
    collection: str, where: Sequence[Where], order_by: str | None, descending: bool, limit: int | None
) -> StructuredQuery:
    """The query over one collection; a document without the field in `order_by` is not in the answer."""
    direction = StructuredQuery.Direction.DESCENDING if descending else StructuredQuery.Direction.ASCENDING
    query = StructuredQuery(from_=[StructuredQuery.CollectionSelector(collection_id=collection)])
    if where:
        filters = [_filter(check_where(item)) for item in where]
        composite = StructuredQuery.CompositeFilter(op=StructuredQuery.CompositeFilter.Operator.AND, filters=filters)
        query.where = _Filter(composite_filter=composite)
    if not is_sorted_here(where, order_by, descending):
        names = [_NAME] if order_by is None else [check_field(order_by), _NAME]
        query.order_by = [StructuredQuery.Order(field=_field(name), direction=direction) for name in names]
    if limit is not None:
        query.limit = limit
    return query


def _field(name: str) -> StructuredQuery.FieldReference:
    return StructuredQuery.FieldReference(field_path=name)


def _filter(where: Where) -> StructuredQuery.Filter:
    if where.value is None:
        unary = StructuredQuery.UnaryFilter(op=StructuredQuery.UnaryFilter.Operator.IS_NULL, field=_field(where.field))
        return _Filter(unary_filter=unary)
    field_filter = _FieldFilter(
        field=_field(where.field), op=_OPERATORS[where.op], value=field_value(where.field, where.value)
    )
    return _Filter(field_filter=field_filter)
