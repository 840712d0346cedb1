"""Amounts in a broker's JSON: a finite number, or the answer is broken. Nothing is filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from quantsentinel.errors import Unavailable
from quantsentinel.ports import BrokerFigure

PAISA = 0.01


def answer_data(response: httpx.Response, where: str) -> Any:
    """The `data` of a successful answer. Raises `Unavailable` for a body that is not whole: the next may be."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        raise Unavailable("the answer is not JSON", where=where) from None
    if not isinstance(document, dict) or document.get("status") != "success" or "data" not in document:
        raise Unavailable("the answer has no data", where=where)
    return document["data"]


def table(record: Any, name: str, where: str) -> Mapping[str, Any]:
    """A JSON object inside another. Raises `Unavailable` when it is none."""
    found = record.get(name) if isinstance(record, Mapping) else None
    if not isinstance(found, Mapping):
        raise Unavailable(f"the answer has no {name}", where=where)
    return found


def amount(record: Mapping[str, Any], name: str, where: str) -> float:
    """Rupees. Raises `Unavailable` when the field is missing, no number, or not finite."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unavailable(f"{name} is not an amount", where=where)
    return float(value)


def figure_of(broker: str, at: datetime, total: float, premium: float, parts: Mapping[str, float]) -> BrokerFigure:
    """Raises `Unavailable` when the premium alone is more than the whole: then no margin is known."""
    found = BrokerFigure(broker, at, total, premium, parts)
    if found.margin < -PAISA:
        raise Unavailable(f"total {total} is below its premium {premium}", where=broker)
    return found
