"""Which latches of a tenant's book tripped or let go in one pass: what has to be told in the same commit.

The latch itself stands in the book; the document (in `trips/`, a drawdown's in `kills/`) is how people see it, hear of
it and, for a drawdown, release it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from quantsentinel.desk import Desk
from quantsentinel.errors import RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.portfolio.book import Book
from quantsentinel.risk.facts import TenantFacts
from quantsentinel.risk.kill_state import KillState, Rearm
from quantsentinel.risk.switches import capital_floor, daily_loss, strategy_drawdown
from quantsentinel.verdict import Verdict, Verdicts

WHO = "quantsentinel"


@dataclass(frozen=True, slots=True)
class Turn:
    """`state` is what tripped; of what let go by itself only the scope, the rule and why are known."""

    scope: str
    rearm: Rearm
    why: str
    state: KillState | None


def turned(before: Book, asked: TenantFacts, switches: Verdicts) -> tuple[Turn, ...]:
    """`before` is the book that was read, `asked` holds the one that the switches saw after it was latched."""
    after = asked.book
    if _latches(before) == _latches(after):
        return ()
    said = {verdict.guard: verdict for verdict in switches.said}
    return tuple(_turns(before, asked, said))


def _latches(book: Book) -> tuple[object, ...]:
    return book.loss_latched_on, book.floor_latched_on, book.latched


def _turns(before: Book, asked: TenantFacts, said: Mapping[str, Verdict]) -> Iterator[Turn]:
    after, tenant = asked.book, asked.account.tenant_id
    opens = _next_open(asked.desk, asked)
    if after.loss_latched_on != before.loss_latched_on:
        yield _trip(asked, f"{daily_loss.NAME}:{tenant}", Rearm.NEXT_OPEN, said[daily_loss.NAME], opens)
    if after.floor_latched_on != before.floor_latched_on:
        yield _trip(asked, f"{capital_floor.NAME}:{tenant}", Rearm.NEXT_OPEN, said[capital_floor.NAME], opens)
    for name in sorted(after.latched.keys() - before.latched.keys()):
        drawdown = name == strategy_drawdown.NAME
        scope = strategy_drawdown.scope_of(asked) if drawdown else f"{name}:{tenant}"
        yield _trip(asked, scope, Rearm.ACKNOWLEDGED if drawdown else Rearm.BELOW, said[name], None)
    for name in sorted(before.latched.keys() - after.latched.keys() - {strategy_drawdown.NAME}):
        yield Turn(f"{name}:{tenant}", Rearm.BELOW, _measured(said[name]), None)


def _trip(asked: TenantFacts, scope: str, rearm: Rearm, said: Verdict, until: datetime | None) -> Turn:
    why = f"{said.guard}: {_measured(said)}"
    return Turn(scope, rearm, why, KillState(scope, WHO, why, asked.as_of.decided_at, until, rearm))


def _measured(said: Verdict) -> str:
    return f"{said.measured} {said.unit}, limit {said.limit}"


def _next_open(desk: Desk, asked: TenantFacts) -> datetime | None:
    """None where the rule book does not know the next session: then the document outlives the latch."""
    try:
        return desk.rules.next_session(asked.view.session).open
    except RuleGap:
        return None
