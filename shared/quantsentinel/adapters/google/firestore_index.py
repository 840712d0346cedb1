"""Which queries Firestore answers by its own single-field indexes, and what the others want declared.

Equalities, and at most one `array_contains`, are merged from single-field indexes; so is a range with an order by the
same field. Everything else wants one composite index: equalities first, then the array, then what sorts.
https://firebase.google.com/docs/firestore/query-data/index-overview
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quantsentinel.ports import Where

RANGES = ("<", "<=", ">", ">=")


def composite_of(
    collection: str, where: Sequence[Where], order_by: str | None = None, descending: bool = False
) -> Mapping[str, Any] | None:
    """The index to declare for this query, as a row of `terraform/indexes.json`; None when it needs none.

    `collection` is a path; indexes are of its last part, the collection group.
    """
    equal = sorted({item.field for item in where if item.op == "=="})
    arrays = sorted({item.field for item in where if item.op == "array_contains"})
    ranges = sorted({item.field for item in where if item.op in RANGES} - {order_by})
    sorting = [*([order_by] if order_by is not None and order_by not in equal else []), *ranges]
    others = [field for field in equal if field not in sorting]
    if not sorting or (len(sorting) == 1 and not others and not arrays):
        return None
    # A direction is asked for by `order_by` only; without one the answer comes by the range, upwards.
    direction = "DESCENDING" if descending and order_by is not None else "ASCENDING"
    fields: list[dict[str, str]] = [{"path": field, "order": "ASCENDING"} for field in others]
    fields += [{"path": field, "array": "CONTAINS"} for field in arrays]
    fields += [{"path": field, "order": direction} for field in sorting]
    return {"collection": collection.rsplit("/", 1)[-1], "scope": "COLLECTION", "fields": fields}
