"""What the desk asks of any fitted model: no library shows through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Prediction:
    """`value` in the unit of the slot, or None when the model abstains and says why; `confidence` in [0, 1]."""

    value: float | None
    confidence: float
    reason: str = ""


class Predictor(Protocol):
    """A fitted model: pure and deterministic for one fingerprint."""

    @property
    def fingerprint(self) -> str:
        """Digest of the artefact and its specification: part of the desk's digest."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the features it reads; a feature that is None makes it abstain."""
        ...

    def predict(self, features: Mapping[str, float | str | None]) -> Prediction: ...
