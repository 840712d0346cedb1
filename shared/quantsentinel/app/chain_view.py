"""One snapshot of a recording as the whole market pass sees it: judged, with the day before it as its history."""

from __future__ import annotations

from collections.abc import Sequence

from quantsentinel.app.chain_check import Judged
from quantsentinel.desk import Desk
from quantsentinel.errors import BadInput
from quantsentinel.features.strike_flow import opening_of
from quantsentinel.features.summary import summary_row
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.calendar import IST
from quantsentinel.market.earlier import Breadth
from quantsentinel.market.history import History, ParticipantOi, known_at
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.pipeline import market_pass


@dataclass(frozen=True, slots=True)
class Before:
    """What is on file of the days before; what is absent is unknown."""

    daily: tuple[DailyBar, ...] = ()
    participants: ParticipantOi | None = None
    breadth: Breadth | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChainView:
    """The judged snapshot, its view, and the history that the view stands on."""

    firewall: Firewall
    view: MarketView
    history: History


def chain_view(day: Sequence[Judged], before: Before, desk: Desk) -> ChainView:
    """Of the last of `day`, whether the firewall accepts it or not; the accepted ones before it are its history.

    Raises `BadInput` when it cannot be parsed, `RuleGap` on a day that the rules do not cover.
    """
    last = day[-1]
    if last.firewall is None:
        assert last.unread is not None
        raise last.unread
    firewall = last.firewall
    session = firewall.snapshot.received_at.astimezone(IST).date()
    earlier = [item.firewall for item in day[:-1] if item.firewall is not None and item.accepted]
    if any(item.snapshot.underlying != firewall.snapshot.underlying for item in earlier):
        raise BadInput("snapshots of several underlyings", where="chain_view")
    first = earlier[0] if earlier else None
    history = History(
        underlying=firewall.snapshot.underlying,
        session=session,
        rows=tuple(summary_row(item.snapshot, item, desk) for item in earlier),
        daily=before.daily,
        participants=before.participants,
        opening=opening_of(first.snapshot, first.quotes) if first else None,
        breadth=before.breadth,
    )
    history = known_at(history, firewall.snapshot.received_at)
    return ChainView(firewall, market_pass(firewall.snapshot, history, desk, firewall.quotes), history)
