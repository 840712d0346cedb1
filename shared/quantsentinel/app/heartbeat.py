"""What the clock alone tells: a feed that stopped in a session; a session that is over can be sealed and read."""

from __future__ import annotations

from datetime import datetime

from quantsentinel.app.audit import seal_session
from quantsentinel.app.market_watch import WHO, Told, feed_stopped
from quantsentinel.app.platform import Platform
from quantsentinel.app.session_relations import watch_session
from quantsentinel.app.token_watch import tell_countdown
from quantsentinel.contracts.events import Tick
from quantsentinel.errors import QuantsentinelError, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.ports import Put, Write
from quantsentinel.risk.kill_state import KillState, Rearm
from quantsentinel.risk.switches.model_staleness import oldest
from quantsentinel.stores.snapshots import parse_time

MODELS = "model_staleness:DESK"


@dataclass(frozen=True, slots=True)
class Pulse:
    """Session seconds since the last accepted chain of one underlying, against its data contract's `max_gap_s`."""

    underlying: str
    at: datetime
    gap_s: float
    limit_s: float
    last_accepted_at: datetime

    @property
    def is_stale(self) -> bool:
        return self.gap_s > self.limit_s


def pulses(platform: Platform) -> list[Pulse]:
    """One pulse per underlying that was ever accepted; none outside a session."""
    now = platform.clock.now()
    try:
        session = platform.desk.rules.session(now.astimezone(IST).date())
    except RuleGap:
        return []
    if session is None or not session.is_open(now):
        return []
    found = []
    for name, document in platform.snapshots.latest_of(platform.desk.rules.underlyings()).items():
        last = parse_time(document.data["accepted_at"])
        contract = contract_for(str(document.data["source"]))
        gap = 60 * session.minutes_between(max(last, session.open), now)
        found.append(Pulse(name, now, round(gap, 3), contract.max_gap_s, last))
    return found


def heartbeat(platform: Platform, tick: Tick) -> None:
    """Writes one `heartbeats/{underlying}` document per underlying; its `state` turns `stale` above the limit, and the
    switch over its stale data goes on.

    After the close the audit chains are sealed and the session's relations are read, once each; the broker's token is
    counted down. The feed's state is told before any of that can fail, and none of the three keeps another from its
    turn.
    """
    found = pulses(platform)
    writes: list[Write] = [
        Put(
            f"heartbeats/{pulse.underlying}",
            {
                "state": "stale" if pulse.is_stale else "alive",
                "at": pulse.at.isoformat(),
                "measured": pulse.gap_s,
                "limit": pulse.limit_s,
                "unit": "s of session time",
                "last_accepted_at": pulse.last_accepted_at.isoformat(),
            },
        )
        for pulse in found
    ]
    told = [feed_stopped(platform, pulse.underlying, pulse.limit_s) for pulse in found if pulse.is_stale]
    told.append(_models(platform))
    writes = [*writes, *(write for one in told for write in one.writes)]
    if writes:
        platform.documents.commit(writes)
    platform.outbox.publish([event for one in told for event in one.events])
    trouble: list[QuantsentinelError] = []
    for duty in (seal_session, watch_session, tell_countdown):
        try:
            duty(platform)
        except QuantsentinelError as error:
            trouble.append(error)
    if trouble:
        raise trouble[0]


def _models(platform: Platform) -> Told:
    """Tells of fitted parameters that grew too old, and of newer ones; the switch itself measures at every decision."""
    now, told = platform.clock.now(), Told()
    age = oldest(platform.desk, now.astimezone(IST).date())
    if age.days is not None and age.limit_days is not None and age.days <= age.limit_days:
        told.add(platform.kills.rearmed(MODELS, Rearm.PROMOTION, f"{age.part} is {age.days:g} days old", now))
    else:
        why = f"{age.part} is older than {age.limit_days} days, or of unknown age"
        told.add(platform.kills.pulled(KillState(MODELS, WHO, why, now, rearm=Rearm.PROMOTION)))
    return told
