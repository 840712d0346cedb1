"""When has a relation between two numbers changed, rather than the market? One reading a session, judged on its past.

A **level** relation (vendor vol against ours) stays where it is: both sessions after a change are displaced. A **step**
relation (today's VIX against yesterday's, given what the index did) is displaced on the session of the change only.
A reading's score is its distance from what its own past makes usual:

    score = (value - expected - centre) / (scale · spread),  spread = max(floor, 1.4826 · MAD, P98(|·|) / 3)

over the last `window` readings of the same definition (centre: their median for a level, 0 for a step). P98 widens the
limits of a series that is often off by itself. Below `least` readings nothing is judged. An alarm is raised

- at once, when |score| > `jump`;
- one session later, when |score| > `start` is confirmed: for a level by a second score beyond `start` on the same side,
  for a step because the two moves together still exceed `both` deviations (a shock that is taken back does not).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.frozen import dataclass
from quantsentinel.market.windows import Break
from quantsentinel.units import quantise

Floats = NDArray[np.float64]
Kind = Literal["level", "step"]
_TO_SIGMA = 1.4826
_FAR = 0.98
_FAR_DEVIATIONS = 3.0
_LEAST_CAUSE = 0.03
"""A cause is named within this distance in logarithm, or within one deviation of the relation."""


@dataclass(frozen=True, slots=True)
class Relation:
    """`unit` is that of the readings; `causes` are logarithms of factors that a known change would show."""

    name: str
    kind: Kind
    unit: str
    what: str
    floor: float
    jump: float
    start: float
    both: float = 0.0
    window: int = 250
    least: int = 20
    causes: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One session. `value` None: not measured. `expected` and `scale` come from a model of what is usual."""

    session: date
    value: float | None
    expected: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """`definition_changed`: raised on `session`, changed since `since`; `measured` is the shift, beyond `limit`."""

    relation: str
    source: str
    session: date
    since: date
    measured: float
    limit: float
    unit: str
    cause: str = ""

    @property
    def name(self) -> str:
        return f"{self.source} {self.relation} {self.since}"

    def as_break(self) -> Break:
        """What splits a training window until somebody has explained it."""
        cause = f", looks like {self.cause}" if self.cause else ""
        what = f"definition_changed: {self.relation} moved by {self.measured:+.4f} {self.unit}, limit {self.limit:.4f}"
        return Break(self.name, self.since, what + cause)


@dataclass(frozen=True, slots=True)
class Judged:
    """A reading with its score; None where nothing was measured or too little is known."""

    session: date
    value: float | None
    score: float | None
    sessions_known: int


@dataclass(frozen=True, slots=True)
class Watch:
    relation: Relation
    source: str
    judged: tuple[Judged, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class _Usual:
    centre: float
    spread: float
    known: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """A measured reading; a first score beyond `start` waits for the next session."""

    reading: Reading
    residual: float
    score: float
    deviation: float
    usual: _Usual


def watch(relation: Relation, source: str, readings: Iterable[Reading], before: Iterable[Reading] = ()) -> Watch:
    """Judges each reading on those before it. Readings ascend by session; nothing later is looked at.

    `before` are earlier readings of the same definition, learnt from but not judged.
    """
    past = [_normal(reading) for reading in before if reading.value is not None]
    pending: _Pending | None = None
    judged: list[Judged] = []
    alarms: list[Alarm] = []
    for reading in readings:
        usual = pending.usual if pending else _usual(relation, past)
        if reading.value is None or usual is None:
            judged.append(Judged(reading.session, reading.value, None, len(past)))
            past += [] if reading.value is None else [_normal(reading)]
            continue
        found = _score(reading, usual)
        judged.append(Judged(reading.session, reading.value, quantise(found.score), usual.known))
        alarm = _alarm(relation, source, found, pending)
        if alarm is not None:
            alarms.append(alarm)
            past = _after(relation, past, found, pending, alarm)
            pending = None
            continue
        past.append(_normal(reading))
        # What takes a first move back is no first move itself.
        pending = found if abs(found.score) > relation.start and pending is None else None
    return Watch(relation, source, tuple(judged), tuple(alarms))


def _usual(relation: Relation, past: Sequence[float]) -> _Usual | None:
    if len(past) < relation.least:
        return None
    recent = np.sort(past[-relation.window :])
    centre = _quantile(recent, 0.5) if relation.kind == "level" else 0.0
    off = np.sort(np.abs(recent - centre))
    usual = max(_TO_SIGMA * _quantile(off, 0.5), _quantile(off, _FAR) / _FAR_DEVIATIONS)
    return _Usual(centre, max(relation.floor, usual), len(past))


def _quantile(ascending: Floats, share: float) -> float:
    """Linear between neighbours, as np.quantile, whose overhead would be most of the work."""
    place = share * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return float(ascending[low] + (place - low) * (ascending[high] - ascending[low]))


def _score(reading: Reading, usual: _Usual) -> _Pending:
    assert reading.value is not None
    residual = reading.value - reading.expected - usual.centre * reading.scale
    deviation = reading.scale * usual.spread
    return _Pending(reading, residual, residual / deviation, deviation, usual)


def _alarm(relation: Relation, source: str, found: _Pending, pending: _Pending | None) -> Alarm | None:
    if pending is not None and found.score * pending.score > 0 and relation.kind == "level":
        if abs(found.score) > relation.start:
            return _raised(relation, source, found, pending, relation.start * found.deviation)
    elif pending is not None and relation.kind == "step":
        together = pending.residual + found.residual
        deviation = float(np.hypot(pending.deviation, found.deviation))
        if together * pending.score > 0 and abs(together) > relation.both * deviation:
            return _raised(relation, source, found, pending, relation.start * pending.deviation)
    if abs(found.score) > relation.jump:
        return _raised(relation, source, found, found, relation.jump * found.deviation)
    return None


def _raised(relation: Relation, source: str, found: _Pending, first: _Pending, limit: float) -> Alarm:
    measured = first.residual if relation.kind == "step" else 0.5 * (first.residual + found.residual)
    return Alarm(
        relation=relation.name,
        source=source,
        session=found.reading.session,
        since=first.reading.session,
        measured=quantise(measured),
        limit=quantise(limit),
        unit=relation.unit,
        cause=_cause(relation, measured, found.deviation),
    )


def _cause(relation: Relation, measured: float, deviation: float) -> str:
    near = {name: abs(measured - shift) for name, shift in (relation.causes or {}).items()}
    if not near:
        return ""
    name = min(near, key=lambda item: (near[item], item))
    return name if near[name] <= max(_LEAST_CAUSE, deviation) else ""


def _after(
    relation: Relation, past: list[float], found: _Pending, pending: _Pending | None, alarm: Alarm
) -> list[float]:
    """A level is learnt anew from the session of the change; a step's own past goes on."""
    if relation.kind == "step":
        return [*past, _normal(found.reading)]
    begun = [pending] if pending is not None and alarm.since == pending.reading.session else []
    return [_normal(item.reading) for item in (*begun, found)]


def _normal(reading: Reading) -> float:
    assert reading.value is not None
    return (reading.value - reading.expected) / reading.scale
