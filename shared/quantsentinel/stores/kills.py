"""Kill switches as state: who, when, why, until. Scopes: `master`, `tenant:<id>`, `symbol:<UNDERLYING>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.ports import Create, Delete, Documents, Put, Update, Write
from quantsentinel.risk.facts import KillState

_SCOPE = re.compile(r"^(master|tenant:[a-z0-9-]{3,40}|symbol:[A-Z0-9]{2,20})$")


class KillBoard:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on(self, state: KillState) -> None:
        """Takes effect for every tenant at its next decision. Raises `BadInput` for an unknown kind of scope."""
        path = _path(state.scope)
        self._documents.commit([Put(path, canonical(state))])

    def trip_write(self, state: KillState) -> Write:
        """To be committed with what trips it. A switch that is on already keeps its words and loses its end: whoever
        releases it has seen both reasons."""
        path = _path(state.scope)
        before = self._documents.get(path)
        if before is None:
            return Create(path, canonical(state))
        held = _state(before.data)
        if held.until is None or held.until > state.at:
            state = replace(held, who=f"{held.who}, {state.who}", why=f"{held.why}; {state.why}", until=None)
        return Update(path, canonical(state), before.version)

    def off(self, scope: str) -> bool:
        """False when it was not on."""
        if self._documents.get(_path(scope)) is None:
            return False
        self._documents.commit([Delete(_path(scope))])
        return True

    def all(self) -> tuple[KillState, ...]:
        """Every switch that is on, by scope."""
        found = [_state(document.data) for document in self._documents.query("kills")]
        return tuple(sorted(found, key=lambda state: state.scope))

    def active(self, now: datetime) -> tuple[KillState, ...]:
        return tuple(state for state in self.all() if state.until is None or state.until > now)


def _path(scope: str) -> str:
    if not _SCOPE.match(scope):
        raise BadInput(
            f"no such scope {scope!r}", where="kill switch", fix="master, tenant:<id> or symbol:<UNDERLYING>"
        )
    return f"kills/{scope.replace(':', '~')}"


def _state(data: object) -> KillState:
    assert isinstance(data, dict)
    until = data["until"]
    return KillState(
        scope=data["scope"],
        who=data["who"],
        why=data["why"],
        at=datetime.fromisoformat(data["at"]),
        until=datetime.fromisoformat(until) if until else None,
    )


def concerning(states: Sequence[KillState], tenant_id: str, underlying: str) -> tuple[KillState, ...]:
    """The switches that one tenant's pass over one underlying has to see."""
    scopes = {"master", f"tenant:{tenant_id}", f"symbol:{underlying}"}
    return tuple(state for state in states if state.scope in scopes)
