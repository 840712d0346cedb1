"""What each session's chains said about the watched relations, and the alarms that were raised on them.

relations/{underlying}.{session}                     one reading, created once
alarms/{underlying}.{source}.{relation}.{since}      one `definition_changed`, created once and never taken away
health/{underlying}                                  the newest session's distance of every relation from an alarm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from quantsentinel.accounts.codec import decode
from quantsentinel.canonical import canonical
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.relation_alarm import Alarm
from quantsentinel.ports import Create, Documents, Put, Where
from quantsentinel.risk.facts import KillState
from quantsentinel.risk.health import Health


@dataclass(frozen=True, slots=True)
class SessionReading:
    """`measured`: by source, the median of each relation over `snapshots` accepted snapshots; none is a reading too."""

    underlying: str
    session: date
    snapshots: int
    measured: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm as it was raised on one underlying. `why` stands in the kill switch that came with it."""

    underlying: str
    alarm: Alarm
    why: str
    raised_at: datetime

    def is_open(self, kills: Iterable[KillState]) -> bool:
        """Until the underlying's switch is released, nobody has said that they looked."""
        return any(state.scope == f"symbol:{self.underlying}" and self.why in state.why for state in kills)


class RelationStore:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def unread(self, underlyings: Sequence[str], session: date) -> list[str]:
        """Those without a reading of the session."""
        paths = {name: _reading_path(name, session) for name in underlyings}
        found = self._documents.get_many(list(paths.values()))
        return [name for name, path in paths.items() if path not in found]

    def readings(self, underlying: str) -> list[SessionReading]:
        """Every stored session, ascending."""
        found = self._documents.query("relations", [Where("underlying", "==", underlying)])
        return sorted((_reading(document.data) for document in found), key=lambda item: item.session)

    def underlyings(self) -> list[str]:
        """Those with a reading."""
        return sorted({str(document.data["underlying"]) for document in self._documents.query("relations")})

    def create_reading(self, reading: SessionReading) -> Create:
        return Create(_reading_path(reading.underlying, reading.session), canonical(reading))

    def health_write(self, underlying: str, readings: Sequence[Health]) -> Put:
        return Put(f"health/{underlying}", {"underlying": underlying, "readings": canonical(readings)})

    def health(self, underlying: str) -> tuple[Health, ...]:
        """Of the session that was read last; empty before any. Raises `BadInput` for a document that does not fit."""
        document = self._documents.get(f"health/{underlying}")
        return () if document is None else decode(tuple[Health, ...], document.data.get("readings"))

    def unraised(self, alarms: Sequence[RaisedAlarm]) -> list[RaisedAlarm]:
        """Those that were never raised before: an alarm that somebody acknowledged does not come again."""
        found = self._documents.get_many([_alarm_path(item) for item in alarms])
        return [item for item in alarms if _alarm_path(item) not in found]

    def create_alarm(self, raised: RaisedAlarm) -> Create:
        return Create(_alarm_path(raised), canonical(raised))

    def alarms(self) -> list[RaisedAlarm]:
        """Every alarm, by the time at which it was raised, then by name."""
        found = [_raised(document.data) for document in self._documents.query("alarms")]
        return sorted(found, key=lambda item: (item.raised_at, item.alarm.name))


def _reading_path(underlying: str, session: date) -> str:
    return f"relations/{underlying}.{session}"


def _alarm_path(raised: RaisedAlarm) -> str:
    source = raised.alarm.source.partition(" ")[0]
    return f"alarms/{raised.underlying}.{source}.{raised.alarm.relation}.{raised.alarm.since}"


def _reading(data: Mapping[str, Any]) -> SessionReading:
    session = date.fromisoformat(data["session"])
    return SessionReading(data["underlying"], session, data["snapshots"], data["measured"])


def _raised(data: Mapping[str, Any]) -> RaisedAlarm:
    told = data["alarm"]
    days = {name: date.fromisoformat(told[name]) for name in ("session", "since")}
    return RaisedAlarm(
        data["underlying"], Alarm(**{**told, **days}), data["why"], datetime.fromisoformat(data["raised_at"])
    )
