"""What the running system stored about the watched relations: the series, the alarms and who has not looked yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantsentinel.cli.options import open_last
from quantsentinel.cli.output import Table
from quantsentinel.frozen import dataclass

if TYPE_CHECKING:
    from quantsentinel.integrity.relation_alarm import Watch
    from quantsentinel.stores.relations import RaisedAlarm


@dataclass(frozen=True, slots=True)
class StoredRelations:
    """`open` are the alarms whose switch nobody has released; `learning` says whose series are too short to judge."""

    watches: tuple[Watch, ...] = ()
    alarms: tuple[RaisedAlarm, ...] = ()
    open: frozenset[str] = frozenset()
    learning: tuple[str, ...] = ()

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "underlying": item.underlying,
                "name": item.alarm.name,
                "raised_at": item.raised_at,
                "why": item.why,
                "open": item.alarm.name in self.open,
            }
            for item in self.alarms
        ]

    def table(self) -> Table:
        rows = [(item.raised_at, self._state(item), item.why) for item in self.alarms]
        return Table("Alarms of the running system", ("raised", "state", "why"), rows, "none was raised")

    def _state(self, item: RaisedAlarm) -> str:
        if item.alarm.name not in self.open:
            return "acknowledged"
        return f"open: entries in {item.underlying} stop until `qs kill off symbol:{item.underlying} --ack …`"


def stored_relations(config: Path | None, state: Path) -> StoredRelations:
    """Of one state folder. Raises `BadInput` when nothing is stored there."""
    from quantsentinel.app.kills import kills
    from quantsentinel.app.session_relations import stored_watches
    from quantsentinel.stores.relations import RelationStore

    platform = open_last(config, state)
    store = RelationStore(platform.documents)
    found = {name: store.readings(name) for name in store.underlyings()}
    watches = tuple(item for readings in found.values() for item in stored_watches(readings))
    alarms, switches = tuple(store.alarms()), kills(platform)
    return StoredRelations(
        watches,
        alarms,
        frozenset(item.alarm.name for item in alarms if item.is_open(switches)),
        tuple(_learning(watches)) or (() if watches else ("no session was read in this state yet",)),
    )


def _learning(watches: tuple[Watch, ...]) -> list[str]:
    """One line a source of which no series is judged yet."""
    judged = {item.source for item in watches if any(one.score is not None for one in item.judged)}
    longest: dict[str, tuple[int, int]] = {}
    for item in watches:
        if item.source not in judged:
            known = sum(one.value is not None for one in item.judged)
            longest[item.source] = max(longest.get(item.source, (0, 0)), (known, item.relation.least))
    return [f"{source}: sessions {known} of {least} before any is judged" for source, (known, least) in longest.items()]
