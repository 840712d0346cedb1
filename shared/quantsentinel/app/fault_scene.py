"""Where faults are laid: a simulated session with its neighbours, or the sessions of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import simulate_day
from quantsentinel.simulator.faults.fault import Scene

WEEKS_BEFORE = timedelta(weeks=5)
DRIFT = 0.97
"""Level of the earlier session against today: less than one deviation of five weeks at 12 % a year."""
NEIGHBOURS: Mapping[str, str] = {"NIFTY": "BANKNIFTY"}


def simulated_scene(underlying: str, day: date, seed: int, rules: RuleBook) -> Scene:
    """A session, the same one of another underlying, and one five weeks before it."""
    other = NEIGHBOURS.get(underlying, "NIFTY")
    before = day - WEEKS_BEFORE
    while rules.session(before) is None:
        before -= timedelta(days=1)
    usual = default_config(underlying)
    return Scene(
        simulate_day(underlying, day, seed, rules).snapshots,
        rules,
        simulate_day(other, day, seed, rules).snapshots,
        simulate_day(underlying, before, seed + 1, rules, replace(usual, level=usual.level * DRIFT)).snapshots,
    )


def recorded_scene(recorded: Mapping[str, Sequence[Snapshot]], underlying: str, rules: RuleBook) -> Scene:
    """The longest session of `underlying`, the same day of the others, and the sessions before it.

    Raises `BadInput` when the recording has no chain of the underlying.
    """
    sessions = _by_session(recorded.get(underlying, ()))
    if not sessions:
        raise BadInput(f"no chain of {underlying}", where="recording", fix=f"It holds {', '.join(sorted(recorded))}")
    main = max(sessions, key=lambda day: (len(sessions[day]), day))
    others = [name for name in sorted(recorded) if name != underlying]
    foreign = next((chains for name in others if (chains := _by_session(recorded[name]).get(main))), [])
    earlier = [snapshot for day in sorted(sessions) if day < main for snapshot in sessions[day]]
    return Scene(tuple(sessions[main]), rules, tuple(foreign), tuple(earlier))


def _by_session(snapshots: Sequence[Snapshot]) -> dict[date, list[Snapshot]]:
    sessions: dict[date, list[Snapshot]] = {}
    for snapshot in sorted(snapshots, key=lambda item: item.received_at):
        sessions.setdefault(snapshot.received_at.astimezone(IST).date(), []).append(snapshot)
    return sessions
