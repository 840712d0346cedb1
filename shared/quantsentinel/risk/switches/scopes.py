"""Which kill switches concern one tenant's pass over one underlying: who it is, what it trades, where and through whom.

A broker's switch concerns whose charges the desk reckons with, and whose chain this is.
"""

from __future__ import annotations

from quantsentinel.desk import Desk
from quantsentinel.errors import RuleGap
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.portfolio.memo import Memo
from quantsentinel.risk.kill_state import MASTER

_MARKET: Memo[frozenset[str]] = Memo(256)
_EXCHANGES: Memo[str] = Memo(256)


def scopes_of(tenant_id: str, view: MarketView, desk: Desk) -> frozenset[str]:
    key = (view.snapshot_digest, desk.digest)
    return _MARKET.get(key, lambda: _of_market(view, desk)) | {f"tenant:{tenant_id}", f"strategy:{tenant_id}"}


def _of_market(view: MarketView, desk: Desk) -> frozenset[str]:
    scopes = {MASTER, f"symbol:{view.underlying}", f"stale_data:{view.underlying}", *broker_scopes(view, desk)}
    exchange = exchange_of(view, desk)
    return frozenset(scopes | {f"exchange:{exchange}"} if exchange else scopes)


def broker_scopes(view: MarketView, desk: Desk) -> tuple[str, ...]:
    """The broker's own and that of the chain's source, once each."""
    return tuple(dict.fromkeys((f"broker:{desk.broker}", f"broker:{view.snapshot.source}")))


def exchange_of(view: MarketView, desk: Desk) -> str:
    """Where the underlying's options are traded; empty when the rule book does not say."""
    return _EXCHANGES.get((view.underlying, view.session, desk.rules.digest), lambda: _exchange(view, desk))


def _exchange(view: MarketView, desk: Desk) -> str:
    try:
        row = desk.rules.rows.pick("underlying", view.session, underlying=view.underlying)
    except RuleGap:
        return ""
    return str(row.values["exchange"])
