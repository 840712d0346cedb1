"""Which step of a signal may follow which, and how its sequence runs.

created → updated* → withdrawn? → closed | expired. `withdrawn` takes back an entry inside its validity: do not enter
any more. The position stays assumed, because it may have been taken before the withdrawal arrived, so `closed` still
follows it. `expired` ends a signal that was delivered on no channel, the one case in which it cannot have been taken.
"""

from __future__ import annotations

from quantsentinel.errors import Broken
from quantsentinel.signals.signal import SignalEvent, SignalState

NEXT: dict[SignalState | None, frozenset[SignalState]] = {
    None: frozenset({SignalState.CREATED}),
    SignalState.CREATED: frozenset(SignalState) - {SignalState.CREATED},
    SignalState.UPDATED: frozenset(SignalState) - {SignalState.CREATED},
    SignalState.WITHDRAWN: frozenset({SignalState.CLOSED, SignalState.EXPIRED}),
    SignalState.CLOSED: frozenset(),
    SignalState.EXPIRED: frozenset(),
}


def may_follow(state: SignalState, before: SignalState | None) -> bool:
    return state in NEXT[before]


def require_step(event: SignalEvent, before: SignalEvent | None) -> None:
    """Raises `Broken` when `event` is not the next step of the signal whose newest step is `before`."""
    if not may_follow(event.state, before.state if before else None):
        raise Broken(
            f"{event.state.value} cannot follow {before.state.value if before else 'nothing'}", where=event.signal_id
        )
    if before is not None and (before.signal_id != event.signal_id or event.supersedes != before.sequence):
        raise Broken(f"{event.event_id} does not supersede {before.event_id}", where=event.signal_id)


def is_over(state: SignalState) -> bool:
    return not NEXT[state]
