"""The monitored relations of recorded chains, session by session.

Every snapshot that parses is measured, whatever the firewall thinks of it: a changed unit is often the very reason why
a chain is refused, and a median over the session's snapshots shrugs off a bad one. Nothing here decides anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.integrity.relation_alarm import Watch, watch
from quantsentinel.integrity.relations import CHAIN, RELATIONS, chain_measurements, chain_readings, vix_chain_readings
from quantsentinel.market.calendar import IST
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.ports import RawSnapshot

Measurements = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ChainSeries:
    """One source and underlying: `sessions` ascend, each with what its snapshots measured."""

    source: str
    underlying: str
    sessions: tuple[tuple[date, tuple[Measurements, ...]], ...]

    @property
    def name(self) -> str:
        return f"{self.source} {self.underlying}"


def chain_series(raws: Iterable[RawSnapshot], rules: RuleBook) -> tuple[list[ChainSeries], int]:
    """Measurements by source and underlying, and how many payloads could not be parsed."""
    found: dict[tuple[str, str], dict[date, list[Measurements]]] = defaultdict(lambda: defaultdict(list))
    unparsed = 0
    for raw in raws:
        try:
            snapshot = parse(raw, rules)
        except BadInput:
            unparsed += 1
            continue
        day = snapshot.observed_at.astimezone(IST).date()
        measured = chain_measurements(snapshot, quote_mask(snapshot, rules), rules)
        found[snapshot.source, snapshot.underlying][day].append(measured)
    series = [
        ChainSeries(source, underlying, tuple((day, tuple(items)) for day, items in sorted(days.items())))
        for (source, underlying), days in sorted(found.items())
    ]
    return series, unparsed


def chain_watches(series: Sequence[ChainSeries], vix: Mapping[date, float] | None = None) -> list[Watch]:
    """Each relation that was measured at least once, judged session by session; `vix`: published closes, per cent."""
    watches = []
    for item in series:
        against_vix = vix_chain_readings(item.sessions, vix or {})
        if any(reading.value is not None for reading in against_vix):
            watches.append(watch(RELATIONS["vix_chain"], item.name, against_vix))
        for name in CHAIN:
            readings = chain_readings(name, item.sessions)
            if any(reading.value is not None for reading in readings):
                watches.append(watch(RELATIONS[name], item.name, readings))
    return watches


def spread_over_sessions(times: Sequence[date], most: int) -> list[int]:
    """Up to `most` places of each session's snapshots, evenly spread; `times` are the sessions of the snapshots."""
    places: dict[date, list[int]] = defaultdict(list)
    for place, day in enumerate(times):
        places[day].append(place)
    return [
        mine[(2 * k + 1) * len(mine) // (2 * kept)]
        for mine in places.values()
        for kept in [min(most, len(mine))]
        for k in range(kept)
    ]
