"""Training windows: a stretch of data over which a method changed is refused unless a declared mapping joins its parts.

A change is a dated method version of the data contract that begins inside the window, or a `definition_changed` alarm
that nobody has explained yet (`Break`). A mapping is a factor with its interval, which brings the values before the
change to the definition after it, or standardisation of each part by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.contracts import DataContract, MethodVersion, contract_for

Floats = NDArray[np.float64]
_ONE_DAY = timedelta(days=1)
_LEAST_VALUES = 20
"""Fewer values do not tell a part's centre and spread."""
_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Break:
    """From `day` on the numbers mean something else. `name` is what a mapping is declared for."""

    name: str
    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Rebase:
    """Values before the change times `factor` are comparable with those after it; [low, high] is its interval."""

    factor: float
    low: float
    high: float
    evidence: str

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.factor <= self.high < float("inf") or not self.evidence:
            raise BadInput(f"{self} is no factor inside its interval with evidence", where="rebase")


Mapped = Rebase | Literal["standardise"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Sessions `first` to `last` of one definition. Values times `factor` are on the newest one, `low` to `high`."""

    first: date
    last: date
    factor: float = 1.0
    low: float = 1.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """`segments` ascend without gaps; `standardised`: each is brought to median 0 and spread 1 instead of scaled."""

    source: str
    fields: tuple[str, ...]
    segments: tuple[Segment, ...]
    breaks: tuple[Break, ...]
    standardised: bool = False

    def rebased(self, days: Sequence[date], values: Floats) -> Floats:
        """`values` (n,) of `days` (n,) on one footing. NaN stays NaN.

        Raises `BadInput` for a day outside the window, or a standardised part with fewer than 20 values or no spread.
        """
        result = np.full(len(values), np.nan)
        found = np.array([self._place(day) for day in days], dtype=np.int64)
        for index, part in enumerate(self.segments):
            mine = found == index
            result[mine] = _standard(values[mine], part) if self.standardised else values[mine] * part.factor
        return result

    def _place(self, day: date) -> int:
        for index, part in enumerate(self.segments):
            if part.first <= day <= part.last:
                return index
        raise BadInput(f"{day} is outside {self.segments[0].first} to {self.segments[-1].last}", where="window")


def _standard(values: Floats, part: Segment) -> Floats:
    known = values[np.isfinite(values)]
    middle = float(np.median(known)) if known.size else 0.0
    spread = _TO_SIGMA * float(np.median(np.abs(known - middle))) if known.size else 0.0
    if known.size < _LEAST_VALUES or spread <= 0:
        where = f"window {part.first} to {part.last}"
        raise BadInput(f"{known.size} values without enough spread to standardise", where=where, fix="Widen the window")
    return np.asarray((values - middle) / spread)


def training_window(
    source: str,
    fields: Sequence[str],
    first: date,
    last: date,
    rebase: Mapping[str, Mapped] | None = None,
    alarms: Sequence[Break] = (),
) -> Window:
    """The window of one source's fields; `source` as its monitored series is named, "nse_site BANKNIFTY", NIFTY where
    no underlying is said. `rebase` maps the name of a change (`Break.name`) to what joins its sides.

    Raises `BadInput` naming every change inside that nothing joins, a field or mapping that is unknown, an empty
    window, or a day before the first version of a method.
    """
    where = f"training window of {source} {', '.join(fields)} from {first} to {last}"
    if first > last or not fields:
        raise BadInput("is empty", where=where)
    mapped = dict(rebase or {})
    name, _, underlying = source.partition(" ")
    versions = contract_for(name).methods_of(fields, underlying or "NIFTY")
    _require_known(versions, first, where)
    found = _breaks(versions, alarms, first, last)
    unknown = sorted(set(mapped) - {item.name for item in found})
    if unknown:
        raise BadInput(f"no change {', '.join(unknown)} lies inside", where=where, fix="Leave the mapping out")
    bare = [item for item in found if item.name not in mapped]
    if bare:
        named = "; ".join(f"{item.name} on {item.day}: {item.what}" for item in bare)
        raise BadInput(f"spans {named}", where=where, fix="Train on one side of it, or declare what joins the two")
    kinds = {mapped[item.name] == "standardise" for item in found}
    if len(kinds) > 1:
        raise BadInput("mixes factors and standardisation", where=where, fix="Standardise every part, or none")
    segments = _segments(first, last, found, mapped)
    return Window(source, tuple(fields), segments, tuple(found), standardised=True in kinds)


def changes(contract: DataContract, fields: Sequence[str], underlying: str = "NIFTY") -> tuple[Break, ...]:
    """Every declared change of the methods behind these fields, by date."""
    versions = contract.methods_of(fields, underlying)
    return tuple(sorted((_break(v) for v in versions if v.version > 1), key=lambda item: (item.day, item.name)))


def _break(version: MethodVersion) -> Break:
    return Break(f"{version.name} v{version.version}", version.effective, version.what)


def _require_known(versions: Sequence[MethodVersion], first: date, where: str) -> None:
    """Before the first version of a method nobody has said what the numbers mean."""
    early = [v for v in versions if v.version == 1 and v.effective > first]
    if early:
        named = "; ".join(f"{v.name} is known from {v.effective}" for v in early)
        raise BadInput(f"begins too early: {named}", where=where, fix="Begin later, or describe the earlier version")


def _breaks(versions: Sequence[MethodVersion], alarms: Sequence[Break], first: date, last: date) -> list[Break]:
    declared = [_break(version) for version in versions if version.version > 1]
    inside = {item for item in (*declared, *alarms) if first < item.day <= last}
    return sorted(inside, key=lambda item: (item.day, item.name))


def _segments(first: date, last: date, found: Sequence[Break], mapped: Mapping[str, Mapped]) -> tuple[Segment, ...]:
    """Cut at each day on which something changed. Factors multiply from the newest part backwards."""
    starts = sorted({first, *(item.day for item in found)})
    parts = [(start, end - _ONE_DAY) for start, end in pairwise((*starts, last + _ONE_DAY))]
    segments: list[Segment] = []
    factor = low = high = 1.0
    for start, end in reversed(parts):
        segments.append(Segment(start, end, factor, low, high))
        for item in found:
            how = mapped[item.name]
            if item.day == start and isinstance(how, Rebase):
                factor, low, high = factor * how.factor, low * how.low, high * how.high
    return tuple(reversed(segments))
