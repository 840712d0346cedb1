"""Kill switches as state, one document a scope: who, when, why, until, how it re-arms, and what came before.

    kills/{scope, `~` for `:`}    the newest episode (`risk.kill_state`), its number `seq`, earlier ones in `history`
    trips/{scope, likewise}       the same of latches that decide in a tenant's own book: told to people here, and not
                                  read by decisions, which a day on which every tenant trips must not slow down

A released switch keeps its document. One that cannot be read is on, with the reason `unreadable`, for the scope that
its name tells; when not even that can be told, for everybody. Every change carries its announcement: document and
event are one commit (`stores.outbox`), so that what took effect is also told.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Create, Delete, Document, Documents, Event, Update, Write
from quantsentinel.risk.kill_state import MASTER, OF_A_BOOK, UNREADABLE, Ack, KillState, Rearm, by_hand, check_scope
from quantsentinel.stores.outbox import entry

COLLECTION, TRIPS = "kills", "trips"
TOPIC = "kill.changed"
HISTORY_KEPT = 20
UNREADABLE_KEPT = 2_000
"""Characters of a document that could not be read."""
_KNOWN = frozenset({"seq", "history", *(field.name for field in fields(KillState))})


@dataclass(frozen=True, slots=True)
class Change:
    """A switch about to change: `writes` go into one commit, `event` is published after it."""

    state: KillState
    event: Event
    writes: tuple[Write, ...]


class KillBoard:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    # --- changes ---
    def pulled(self, state: KillState) -> Change | None:
        """On, from the next decision of everybody concerned. None when it is on already for that reason.

        A switch that is on keeps its words beside the new ones and the stricter of both rules: whoever releases it has
        seen both reasons. Raises `BadInput` for an unknown scope.
        """
        check_scope(state.scope, told=True)
        before = self._documents.get(_path(state.scope))
        held = _state(before) if before else None
        if held is not None and held.is_on(state.at):
            after = held.joined(state)
            return None if after == held else _change(before, after)
        return _change(before, state, ended=held)

    def acknowledged(self, scope: str, ack: Ack) -> Change | None:
        """A person's word, which releases it when its rule says so. None when it is not on.

        Releasing the master also clears documents whose scope could not be told. Raises `BadInput`.
        """
        check_scope(scope, told=True)
        before = self._documents.get(_path(scope))
        strays = self._strays() if scope == MASTER else []
        held = _state(before) if before else (_unreadable(strays[0], MASTER) if strays else None)
        if held is None or not held.is_on(ack.at):
            return None
        if ack.at < held.at:
            what = f"{scope} was pulled at {held.at.isoformat()}, after {ack.at.isoformat()} of this clock"
            raise BadInput(what, where="kill switch", fix="Set the clock that is wrong, then release it")
        change = _change(before, held.acknowledged(ack))
        if change.state.released is None or not strays:
            return change
        return replace(change, writes=(*change.writes, *(Delete(document.path) for document in strays)))

    def rearmed(self, scope: str, rule: Rearm, why: str, at: datetime) -> Change | None:
        """The rule's own release. None when it is off, or somebody else's rule holds it too."""
        before = self._documents.get(_path(scope))
        held = _state(before) if before else None
        if held is None or not held.is_on(at) or held.rearm is not rule or at < held.at:
            return None
        return _change(before, replace(held, released=Ack("quantsentinel", why, at)))

    # --- looking ---
    def get(self, scope: str) -> KillState | None:
        """The newest episode of a scope, whether on or over."""
        found = self._documents.get(_path(scope))
        return _state(found) if found else None

    def all(self) -> tuple[KillState, ...]:
        """The newest episode of every scope, by scope."""
        # What lies in `trips` under no scope decides nothing, so it is not shown as if it stopped everybody.
        told = [_state(document) for document in self._documents.query(TRIPS) if _scope_of(document) is not None]
        return _sorted([*self._all_deciding(), *told])

    def _all_deciding(self) -> list[KillState]:
        return [_state(document) for document in self._documents.query(COLLECTION)]

    def active(self, now: datetime) -> tuple[KillState, ...]:
        """Every switch that is on."""
        return tuple(state for state in self.all() if state.is_on(now))

    def deciding(self, now: datetime) -> tuple[KillState, ...]:
        """What decisions have to see: what is on, and a strategy's release, which the tenant's book takes up."""
        states = self._all_deciding()
        return _sorted(state for state in states if state.is_on(now) or state.scope.startswith("strategy:"))

    def history(self, scope: str) -> list[Mapping[str, Any]]:
        """Earlier episodes of a scope, oldest first; empty when the document cannot be read."""
        found = self._documents.get(_path(scope))
        kept = found.data.get("history", []) if found else []
        return [item for item in kept if isinstance(item, Mapping)] if isinstance(kept, list) else []

    def has_tenant(self, tenant_id: str) -> bool:
        return self._documents.get(f"tenants/{tenant_id}") is not None

    def _strays(self) -> list[Document]:
        return [document for document in self._documents.query(COLLECTION) if _scope_of(document) is None]


def _sorted(states: Iterable[KillState]) -> tuple[KillState, ...]:
    return tuple(sorted(states, key=lambda state: (state.scope, state.at)))


def concerning(states: Sequence[KillState], scopes: Collection[str]) -> tuple[KillState, ...]:
    """The switches that one tenant's pass has to see (`risk.switches.scopes`)."""
    return tuple(state for state in states if state.scope in scopes)


def _path(scope: str) -> str:
    collection = TRIPS if scope.partition(":")[0] in OF_A_BOOK else COLLECTION
    return f"{collection}/{scope.replace(':', '~')}"


def _change(before: Document | None, state: KillState, ended: KillState | None = None) -> Change:
    """The writes of a switch's next state; `ended` is the episode that it follows."""
    held = before.data if before else {}
    history = list(held["history"]) if isinstance(held.get("history"), list) else []
    if before is not None and _state(before).why.startswith(UNREADABLE):
        history.append({"unreadable": json.dumps(dict(held), default=str)[:UNREADABLE_KEPT]})
    elif ended is not None:
        history.append(canonical(ended))
    number = _last_number(before) + 1
    data = {**canonical(state), "seq": number, "history": history[-HISTORY_KEPT:]}
    path = _path(state.scope)
    write: Write = Create(path, data) if before is None else Update(path, data, before.version)
    event = _event(state, number)
    return Change(state, event, (write, entry(event, state.released.at if state.released else state.at)))


def _last_number(before: Document | None) -> int:
    """0 before the first change; of a document that does not say, more than any that was told of.

    A change under an old number would pass for the one that was announced then.
    """
    if before is None:
        return 0
    seq = before.data.get("seq")
    return seq if isinstance(seq, int) else int(before.updated_at.timestamp())


def _event(state: KillState, number: int) -> Event:
    """`kill.changed`, as `contracts.events.KillChanged` reads it: without that module, which is slow to load."""
    last = state.released or (state.acks[-1] if state.acks else None)
    data = {
        "scope": state.scope,
        "number": number,
        "on": state.released is None,
        "who": (last.who if last else state.who)[:200],
        "why": (last.why if last else state.why)[:1000],
        "at": canonical(last.at if last else state.at),
        "until": canonical(state.until),
        "rearm": state.rearm.value,
    }
    event_id = f"{TOPIC}:{state.scope}:{number}"
    return Event(event_id, TOPIC, data, {"event_id": event_id})


def _state(document: Document) -> KillState:
    """The episode in a document; one that cannot be understood is on."""
    scope = _scope_of(document)
    if scope is None:
        return _unreadable(document, MASTER)
    try:
        state = _read(document.data)
    except (KeyError, TypeError, ValueError):
        return _unreadable(document, scope)
    return state if state.scope == scope else _unreadable(document, scope)


def _read(data: Mapping[str, Any]) -> KillState:
    """By hand: `accounts.codec` costs the HTTP switch a tenth of a second. Raises when any field is not what it was."""
    if unknown := sorted(data.keys() - _KNOWN):
        raise ValueError(f"unknown fields {unknown}")
    until, released = data.get("until"), data.get("released")
    return KillState(
        scope=_text(data["scope"]),
        who=_text(data["who"]),
        why=_text(data["why"]),
        at=_time(data["at"]),
        until=None if until is None else _time(until),
        rearm=Rearm(data.get("rearm", Rearm.ACKNOWLEDGED)),
        acks=tuple(_ack(ack) for ack in data.get("acks", ())),
        released=None if released is None else _ack(released),
    )


def _ack(data: Mapping[str, Any]) -> Ack:
    return Ack(_text(data["who"]), _text(data["why"]), _time(data["at"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset")
    return moment


def _scope_of(document: Document) -> str | None:
    """What a document's own name says it stops."""
    try:
        return check_scope(document.id.replace("~", ":"), told=True)
    except BadInput:
        return None


def _unreadable(document: Document, scope: str) -> KillState:
    rearm = min(by_hand(scope), Rearm.ACKNOWLEDGED, key=tuple(Rearm).index)
    return KillState(scope, "quantsentinel", f"{UNREADABLE}: {document.path}", document.updated_at, rearm=rearm)
