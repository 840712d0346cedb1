"""A changed definition stops entries: each closed session is read once, and an alarm comes with a kill switch.

One reading a session and underlying: the medians of what a few of its accepted snapshots say about every relation of a
chain. The reading, its alarms and the switch are one commit: a crash leaves all of it or nothing, and what is nothing
is done at the next beat. `qs kill off symbol:X` says that somebody looked; the same alarm does not come again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median

from quantsentinel.app.platform import Platform
from quantsentinel.app.watch_relations import ChainSeries, chain_watches, spread_over_sessions
from quantsentinel.errors import QuantsentinelError, RuleGap
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.integrity.relation_alarm import Alarm, Watch
from quantsentinel.integrity.relations import chain_measurements
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.ports import Write
from quantsentinel.risk.health import Health
from quantsentinel.risk.kill_state import KillState, Rearm
from quantsentinel.stores.relations import RaisedAlarm, RelationStore, SessionReading
from quantsentinel.units import quantise

SETTLED = timedelta(minutes=5)
"""After the close the last polls are still under way."""
A_SESSION = 12
"""Snapshots measured: a median over them shrugs off a bad one, and more say the same again."""
WHO = "relation watch"


def watch_session(platform: Platform) -> None:
    """Reads the session that closed last, for every underlying that was ever accepted and is not read yet.

    One underlying's failure does not keep the others from being read: the first is raised after all had their turn.
    """
    session = closed_session(platform.desk.rules, platform.clock.now())
    if session is None:
        return
    known = list(platform.snapshots.latest_of(platform.desk.rules.underlyings()))
    trouble: list[QuantsentinelError] = []
    for name in RelationStore(platform.documents).unread(known, session):
        try:
            _read(platform, name, session)
        except QuantsentinelError as error:
            trouble.append(error)
    if trouble:
        raise trouble[0]


def closed_session(rules: RuleBook, now: datetime) -> date | None:
    """The last session that is over. None where the rule book does not know."""
    today = now.astimezone(IST).date()
    try:
        session = rules.session(today)
        if session is not None and now >= session.close + SETTLED:
            return today
        return rules.previous_session(today).day
    except RuleGap:
        return None


def _read(platform: Platform, underlying: str, session: date) -> None:
    store = RelationStore(platform.documents)
    reading = _measured(platform, underlying, session)
    before = [item for item in store.readings(underlying) if item.session < session]
    watches = stored_watches([*before, reading])
    # Earlier sessions were judged on their own evenings: limits that changed since do not rewrite the past.
    alarms = [alarm for item in watches for alarm in item.alarms if alarm.session == session]
    now = platform.clock.now()
    raised = store.unraised([RaisedAlarm(underlying, alarm, _why(alarm), now) for alarm in alarms])
    health = store.health_write(underlying, readings_of(watches, underlying, session))
    writes: list[Write] = [store.create_reading(reading), health, *(store.create_alarm(item) for item in raised)]
    change = platform.kills.pulled(_switch(underlying, raised, now)) if raised else None
    platform.documents.commit([*writes, *(change.writes if change else ())])
    if change:
        platform.outbox.publish([change.event])


def _switch(underlying: str, raised: Sequence[RaisedAlarm], now: datetime) -> KillState:
    """A changed definition does not pass by itself: clean minutes do not release it, a person does."""
    why = "; ".join(item.why for item in raised)
    return KillState(f"symbol:{underlying}", WHO, why, now, rearm=Rearm.ACKNOWLEDGED)


def readings_of(watches: Sequence[Watch], underlying: str, session: date) -> tuple[Health, ...]:
    """How near each relation judged on the session is to an alarm: a score of `start` asks for confirmation."""
    last = [(item.relation, item.judged[-1], item.source) for item in watches if item.judged]
    return tuple(
        Health(f"{source} {relation.name}", underlying, session, quantise(abs(judged.score) / relation.start))
        for relation, judged, source in last
        if judged.session == session and judged.score is not None
    )


def _measured(platform: Platform, underlying: str, session: date) -> SessionReading:
    keys = platform.snapshots.accepted_on(underlying, session)
    chosen = [keys[place] for place in spread_over_sessions([session] * len(keys), A_SESSION)]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    rules = platform.desk.rules
    for key in chosen:
        # Not through the platform's cache: the session is over, and the cache belongs to what is being decided.
        snapshot = platform.snapshots.get_snapshot(key)
        for relation, value in chain_measurements(snapshot, quote_mask(snapshot, rules), rules).items():
            found[snapshot.source][relation].append(value)
    medians = {
        source: {relation: quantise(median(values)) for relation, values in sorted(by_relation.items())}
        for source, by_relation in sorted(found.items())
    }
    return SessionReading(underlying, session, len(chosen), medians)


def stored_watches(readings: Sequence[SessionReading]) -> list[Watch]:
    """The detector over one underlying's sessions, source by source; a session without the source is unmeasured."""
    return chain_watches(list(_series(readings)))


def _series(readings: Sequence[SessionReading]) -> Iterator[ChainSeries]:
    for source in sorted({source for item in readings for source in item.measured}):
        sessions = tuple((item.session, _of(item.measured, source)) for item in readings)
        yield ChainSeries(source, readings[0].underlying, sessions)


def _of(measured: Mapping[str, Mapping[str, float]], source: str) -> tuple[Mapping[str, float], ...]:
    return (measured[source],) if source in measured else ()


def _why(alarm: Alarm) -> str:
    cause = f", looks like {alarm.cause}" if alarm.cause else ""
    return (
        f"definition_changed: {alarm.relation} of {alarm.source} moved by {alarm.measured:+.4f} {alarm.unit}, "
        f"limit {alarm.limit:.4f}, since {alarm.since}{cause}"
    )
