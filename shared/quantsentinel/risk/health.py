"""How the data's relations fare, as the sizing ladder reads it."""

from __future__ import annotations

from datetime import date

from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """How far a watched relation of an underlying was off in its last session: 1 is where a second one raises the
    alarm."""

    name: str
    underlying: str
    session: date
    measured: float
