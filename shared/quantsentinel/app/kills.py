"""Pull, release and list kill switches."""

from __future__ import annotations

from datetime import datetime

from quantsentinel.app.platform import Platform
from quantsentinel.errors import BadInput
from quantsentinel.risk.facts import KillState


def kill_on(platform: Platform, scope: str, *, who: str, why: str, until: datetime | None = None) -> KillState:
    """Blocks entries in `scope` from the next decision on; reductions and exits go on. Raises `BadInput`."""
    now = platform.clock.now()
    if not who or not why:
        raise BadInput("who and why are needed", where="kill switch", fix="They are shown to every tenant concerned")
    if until is not None and until <= now:
        raise BadInput(f"until {until} is past", where="kill switch")
    _require_known(platform, scope)
    state = KillState(scope=scope, who=who, why=why, at=now, until=until)
    platform.kills.on(state)
    return state


def _require_known(platform: Platform, scope: str) -> None:
    """A switch on nothing stops nothing while it looks as if it did."""
    kind, _, name = scope.partition(":")
    if kind == "tenant" and name:
        platform.tenants.store(name).account()
    elif kind == "symbol" and name:
        platform.desk.rules.require_underlying(name)


def kill_off(platform: Platform, scope: str) -> bool:
    """False when the switch was not on."""
    return platform.kills.off(scope)


def kills(platform: Platform) -> tuple[KillState, ...]:
    return platform.kills.all()
