"""What a tenant says about a signal: taken at a price and lots, skipped, or closed (`definitions.md` §5)."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


class AnswerKind(StrEnum):
    TAKEN = "taken"
    SKIPPED = "skipped"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """`price` in net points per unit (positive: paid) and `lots` with taken; with closed, what closing returned."""

    signal_id: str
    kind: AnswerKind
    at: datetime
    by: str
    price: float | None = None
    lots: int | None = None

    def __post_init__(self) -> None:
        """Raises `BadInput` for an answer that says too little or too much."""
        priced = self.price is not None and math.isfinite(self.price)
        if self.kind is AnswerKind.SKIPPED:
            fits = self.price is None and self.lots is None
        else:
            fits = priced and self.lots is not None and self.lots >= 1
        if not fits or self.at.tzinfo is None:
            what = f"{self.kind.value} at {self.price} of {self.lots} lots"
            raise BadInput(what, where=self.signal_id, fix="taken and closed need price and lots, skipped neither")
