"""What one alpha view says, and what the views say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from quantsentinel.frozen import dataclass

Horizon = Literal["tick", "intraday", "daily", "weekly"]
Axis = Literal["direction", "volatility"]
"""A view speaks about direction (+ up) or about volatility (+ long volatility: options are cheap)."""


@dataclass(frozen=True, slots=True)
class View:
    """`score` in [-1, 1], or None when the view abstains, with the reason; `confidence` in [0, 1].

    `evidence` holds the quantised numbers that made the score, by name with the unit in the name.
    """

    name: str
    version: int
    horizon: Horizon
    axis: Axis
    score: float | None
    confidence: float
    evidence: Mapping[str, float | str | None]
    reason: str = ""

    @property
    def abstains(self) -> bool:
        return self.score is None


@dataclass(frozen=True, slots=True)
class HorizonStance:
    """The weighted stance of one horizon on one axis, with how much its views disagree (0 none, 1 fully opposed)."""

    horizon: Horizon
    axis: Axis
    score: float | None
    disagreement: float
    voices: tuple[str, ...]
    abstained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """Both axes over all horizons; abstentions renormalised; the structure of the disagreement is kept in `stances`."""

    direction: float | None
    volatility: float | None
    confidence: float
    disagreement: float
    stances: tuple[HorizonStance, ...]
    reason: str = ""
