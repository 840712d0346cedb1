"""Pull, release and list kill switches. What changes is announced in the same commit (`app.announce`).

Nothing heavy is imported here: `functions/kill_switch` stands on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.ports import Clock, Documents, Event
from quantsentinel.risk.kill_state import REQUEST_STANDS, WORDS, Ack, KillState, Rearm, by_hand, check_scope
from quantsentinel.stores.kills import Change, KillBoard

if TYPE_CHECKING:
    from quantsentinel.app.platform import Platform
    from quantsentinel.market.rulebook import RuleBook


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What pulling a switch needs; `publish` may leave the announcement to the sweep."""

    documents: Documents
    clock: Clock
    rules: Callable[[], RuleBook]
    publish: Callable[[Sequence[Event]], None]

    @property
    def kills(self) -> KillBoard:
        return KillBoard(self.documents)


@dataclass(frozen=True, slots=True)
class Release:
    """What a person's word came to. `state` is None when the switch was not on."""

    scope: str
    released: bool
    still_needs: str
    state: KillState | None


def board_of(platform: Platform | Switchboard) -> Switchboard:
    if isinstance(platform, Switchboard):
        return platform
    return Switchboard(platform.documents, platform.clock, lambda: platform.desk.rules, platform.outbox.publish)


def kill_on(
    platform: Platform | Switchboard, scope: str, *, who: str, why: str, until: datetime | None = None
) -> KillState:
    """Blocks entries in `scope` from the next decision on; reductions and exits go on. Raises `BadInput`."""
    board = board_of(platform)
    now = board.clock.now()
    if not who.strip() or not why.strip():
        raise BadInput("who and why are needed", where="kill switch", fix="They are shown to every tenant concerned")
    if until is not None and until <= now:
        raise BadInput(f"until {until} is past", where="kill switch")
    _require_known(board, check_scope(scope))
    state = KillState(scope=scope, who=who, why=why, at=now, until=until, rearm=by_hand(scope))
    return trip(board, state) or board.kills.get(scope) or state


def trip(platform: Platform | Switchboard, state: KillState) -> KillState | None:
    """Pulls a switch and announces it. None when it is on for that reason already."""
    board = board_of(platform)
    change = board.kills.pulled(state)
    if change is None:
        return None
    return _done(board, change)


def kill_off(platform: Platform | Switchboard, scope: str, *, who: str, ack: str = "") -> Release:
    """A person's word on a switch; the first of two asks, the second confirms. Raises `BadInput` naming the rule when
    no word releases it (`definitions.md` §8)."""
    board = board_of(platform)
    now = board.clock.now()
    change = board.kills.acknowledged(scope, Ack(who, ack, now))
    if change is None:
        return Release(scope, False, "", None)
    state = _done(board, change)
    still = "" if state.released else f"re-arms {WORDS[state.rearm]}: {who} asked; {_until(now)}"
    return Release(scope, state.released is not None, still, state)


def rearm(platform: Platform | Switchboard, scope: str, rule: Rearm, why: str) -> KillState | None:
    """The rule's own release, announced. None when there is nothing that this rule may release."""
    board = board_of(platform)
    change = board.kills.rearmed(scope, rule, why, board.clock.now())
    return _done(board, change) if change else None


def kills(platform: Platform | Switchboard, *, ended: bool = False) -> tuple[KillState, ...]:
    """Every switch that is on; with `ended`, the newest episode of every scope."""
    board = board_of(platform)
    return board.kills.all() if ended else board.kills.active(board.clock.now())


def _done(board: Switchboard, change: Change) -> KillState:
    board.documents.commit(list(change.writes))
    board.publish([change.event])
    return change.state


def _until(now: datetime) -> str:
    return f"another person confirms before {(now + REQUEST_STANDS).isoformat(timespec='minutes')}"


def _require_known(board: Switchboard, scope: str) -> None:
    """A switch on nothing stops nothing while it looks as if it did."""
    kind, _, name = scope.partition(":")
    if kind in ("tenant", "strategy") and not board.kills.has_tenant(name):
        raise BadInput(f"no tenant {name!r}", where="kill switch", fix="`qs tenants list` names them")
    if kind == "symbol":
        board.rules().require_underlying(name)
    if kind == "broker":
        known = sorted({str(row.values["broker"]) for row in board.rules().rows.of("broker")})
        if name not in known:
            raise BadInput(f"unknown broker {name!r}", where="kill switch", fix="Known: " + ", ".join(known))
