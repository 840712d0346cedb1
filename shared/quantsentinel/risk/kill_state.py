"""A kill switch as a value: what it stops, who pulled it, when and why, until when, and how it re-arms.

Scopes that a person may pull: `master`, `tenant:<id>`, `strategy:<tenant id>`, `symbol:<UNDERLYING>`, `broker:<name>`,
`exchange:<NSE|BSE>`. Switches whose latch is in a tenant's book are told under `<switch>:<tenant id>`, a feed that
stopped under `stale_data:<UNDERLYING>`, parameters that are too old under `model_staleness:DESK`. They re-arm as
`definitions.md` §8 says; anything else is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass

_TENANT, _SYMBOL = "[a-z0-9-]{3,40}", "[A-Z0-9]{2,20}"
PULLED = re.compile(
    rf"master|(tenant|strategy):{_TENANT}|symbol:{_SYMBOL}|broker:[a-z0-9_-]{{2,30}}|exchange:(NSE|BSE)"
)
OF_A_BOOK = ("daily_loss", "capital_floor", "margin_utilisation", "correlation_cluster")
"""Switches whose latch is in a tenant's book."""
TOLD = re.compile(rf"({'|'.join(OF_A_BOOK)}):{_TENANT}|(stale_data|model_staleness):{_SYMBOL}")
MASTER = "master"
UNREADABLE = "unreadable"
PEOPLE_FOR_MASTER = 2
REQUEST_STANDS = timedelta(hours=1)
"""The first of two people asks for a release; who confirms it later than this would confirm another market."""


class Rearm(StrEnum):
    """What ends a switch. People come first: a rule of the market never releases what a person has to look at."""

    TWO_PEOPLE = "two_people"
    ACKNOWLEDGED = "acknowledged"
    """A person who says what was found."""
    PERSON = "person"
    """Any named person."""
    CLEAN_MINUTES = "clean_minutes"
    FRESH_SNAPSHOTS = "fresh_snapshots"
    NEXT_OPEN = "next_open"
    BELOW = "below"
    PROMOTION = "promotion"


_STRICT = tuple(Rearm)
BY_PEOPLE = frozenset({Rearm.TWO_PEOPLE, Rearm.ACKNOWLEDGED, Rearm.PERSON})
WORDS = {
    Rearm.TWO_PEOPLE: "after two different people acknowledged",
    Rearm.ACKNOWLEDGED: "when a person acknowledges",
    Rearm.PERSON: "when a person releases it",
    Rearm.CLEAN_MINUTES: "by itself, after clean minutes",
    Rearm.FRESH_SNAPSHOTS: "by itself, after 3 fresh snapshots",
    Rearm.NEXT_OPEN: "by itself, at the next open",
    Rearm.BELOW: "by itself, below its lower level",
    Rearm.PROMOTION: "when newer parameters are promoted",
}


@dataclass(frozen=True, slots=True)
class Ack:
    """What a person (or the rule itself) said about a switch that is on."""

    who: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KillState:
    """One episode of a switch; `released` ends it. A switch with a person's rule keeps its `acks`."""

    scope: str
    who: str
    why: str
    at: datetime
    until: datetime | None = None
    rearm: Rearm = Rearm.PERSON
    acks: tuple[Ack, ...] = ()
    released: Ack | None = None

    def is_on(self, at: datetime) -> bool:
        """On until released or over. An end or a release before its own beginning is no end, and neither is a release
        whose time has not come: clocks differ, and a word of tomorrow would answer what trips today."""
        if self.released is not None and self.at <= self.released.at <= at:
            return False
        return self.ends is None or self.ends > at

    @property
    def ends(self) -> datetime | None:
        """`until`, unless that is before the beginning: then it is no end."""
        return None if self.until is None or self.until <= self.at else self.until

    def joined(self, other: KillState) -> KillState:
        """Both reasons in one episode: it ends when the stricter rule says so, and not before both would. A release
        whose time has not come knew nothing of the second."""
        if other.why in self.why and other.who in self.who and _rank(other.rearm) >= _rank(self.rearm):
            ends = _later(self.ends, other.ends)
            return self if ends == self.ends and self.released is None else replace(self, until=ends, released=None)
        return replace(
            self,
            who=_both(self.who, other.who, ", "),
            why=_both(self.why, other.why, "; "),
            until=_later(self.ends, other.ends),
            rearm=min(self.rearm, other.rearm, key=_rank),
            acks=(),
            released=None,
        )

    def acknowledged(self, ack: Ack) -> KillState:
        """With a person's word; released when that is enough. Words whose time has not come do not count.

        Raises `BadInput` that names the rule when people cannot release it, or the word is not enough to count.
        """
        if self.rearm not in BY_PEOPLE:
            fix = "Pull it by hand to keep it on; nobody can release it early"
            raise BadInput(f"{self.scope} re-arms {WORDS[self.rearm]}{self._ends()}", where="kill switch", fix=fix)
        if not ack.who.strip():
            raise BadInput("nobody released it", where="kill switch", fix="Name who: --who")
        if self.rearm is not Rearm.PERSON and not ack.why.strip():
            fix = 'Say what was found: --ack "…"'
            raise BadInput(f"{self.scope} re-arms {WORDS[self.rearm]}", where="kill switch", fix=fix)
        others = (one for one in self.standing(ack.at) if _name(one) != _name(ack))
        told = replace(self, acks=(*others, ack))
        enough = self.rearm is not Rearm.TWO_PEOPLE or len(told.acks) >= PEOPLE_FOR_MASTER
        return replace(told, released=ack) if enough else told

    def standing(self, at: datetime) -> tuple[Ack, ...]:
        """Words that still count: requests for a release that have not expired."""
        return tuple(one for one in self.acks if one.at <= at < one.at + REQUEST_STANDS)

    def _ends(self) -> str:
        return f" ({self.until.isoformat()})" if self.until else ""


def check_scope(scope: str, *, told: bool = False) -> str:
    """`scope` when a person may pull it (or, `told`, when the system may tell of it). Raises `BadInput` otherwise."""
    if not PULLED.fullmatch(scope) and not (told and TOLD.fullmatch(scope)):
        known = "master, tenant:<id>, strategy:<tenant id>, symbol:<UNDERLYING>, broker:<name> or exchange:<NSE|BSE>"
        raise BadInput(f"no such scope {scope!r}", where="kill switch", fix=known)
    return scope


def by_hand(scope: str) -> Rearm:
    """How a switch re-arms that a person pulled (`definitions.md` §8)."""
    if scope == MASTER:
        return Rearm.TWO_PEOPLE
    return Rearm.ACKNOWLEDGED if scope.startswith(("strategy:", "exchange:")) else Rearm.PERSON


def _rank(rearm: Rearm) -> int:
    return _STRICT.index(rearm)


def _name(ack: Ack) -> str:
    return ack.who.strip().casefold()


def _both(first: str, second: str, between: str) -> str:
    return first if second in first else f"{first}{between}{second}"


def _later(first: datetime | None, second: datetime | None) -> datetime | None:
    return None if first is None or second is None else max(first, second)
