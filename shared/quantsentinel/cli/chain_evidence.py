"""What is on file of the days before a snapshot: named files win over what the recording or the lake holds."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from quantsentinel.app.chain_view import Before
from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.bars import DailyBar, read_daily_bars
from quantsentinel.market.calendar import IST
from quantsentinel.market.earlier import Breadth, of_day
from quantsentinel.market.history import ParticipantOi
from quantsentinel.market.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class Evidence:
    """`lake` and `daily` come with the recording; the paths are what the command line names."""

    lake: Path | None
    daily: tuple[DailyBar, ...]
    history: Path | None
    participants: Path | None
    breadth: Path | None


def before(evidence: Evidence, underlying: str, at: datetime, rules: RuleBook) -> Before:
    """Of the sessions before `at`. Raises `BadInput` for a named file that cannot be read."""
    daily = read_daily_bars(evidence.history, underlying) if evidence.history else evidence.daily
    days = _sessions_before(at.astimezone(IST).date(), rules)
    if days is None:
        return Before(daily)
    return Before(daily, _participants(evidence, days[0]), _breadth(evidence, *days))


def _sessions_before(day: date, rules: RuleBook) -> tuple[date, date] | None:
    """The two before `day`, the newer first; None where the rules do not cover them."""
    try:
        newer = rules.previous_session(day).day
        return newer, rules.previous_session(newer).day
    except RuleGap:
        return None


def _participants(evidence: Evidence, day: date) -> ParticipantOi | None:
    from quantsentinel.adapters.lake_evenings import lake_participants
    from quantsentinel.market.participants import read_participants

    if evidence.participants is not None:
        return of_day(read_participants(evidence.participants), day)
    return lake_participants(evidence.lake, day) if evidence.lake else None


def _breadth(evidence: Evidence, day: date, earlier: date) -> Breadth | None:
    from quantsentinel.adapters.lake_evenings import lake_breadth
    from quantsentinel.market.breadth import read_breadth

    if evidence.breadth is not None:
        return of_day(read_breadth(evidence.breadth), day)
    return lake_breadth(evidence.lake, day, earlier) if evidence.lake else None
