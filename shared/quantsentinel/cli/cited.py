"""The rule rows that an answer stands on, as `qs costs` and `qs margin` cite them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantsentinel.market.rule_rows import RuleRow


def plain_rows(rows: Sequence[RuleRow]) -> dict[str, Any]:
    """For machines: every row, and the ids of those that are not confirmed on their day."""
    return {
        "rows": [
            {"id": row.id, "status": row.status, "verified_until": row.verified_until, "source": row.source}
            for row in rows
        ],
        "unconfirmed": _unconfirmed(rows),
    }


def unconfirmed_lines(rows: Sequence[RuleRow]) -> list[str]:
    """For people: which rows served their worse candidate; no line when all are confirmed."""
    names = _unconfirmed(rows)
    return [f"not confirmed on the day, the worse candidate stands: {', '.join(names)}"] if names else []


def _unconfirmed(rows: Sequence[RuleRow]) -> list[str]:
    return [row.id for row in rows if row.status != "confirmed"]
