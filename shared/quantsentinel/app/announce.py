"""Tell everybody concerned that a kill switch changed: on their own channels, once each, within a day.

A change is first written down (`announcements/{id}`, for the operator) and split into batches of tenants, a batch into
one event a tenant: an endpoint that does not answer makes nobody else wait. What is left is delivered as signals are:
claimed, retried by the bus alone, ended by its deadline. A notice says what happened and never holds a decision up:
decisions read `kills/`, not announcements.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from quantsentinel.app.deliver import SWITCHED, send
from quantsentinel.app.platform import Platform
from quantsentinel.canonical import canonical
from quantsentinel.contracts.events import KillChanged, SignalIssued
from quantsentinel.errors import BadInput
from quantsentinel.market.calendar import IST
from quantsentinel.ports import Create
from quantsentinel.risk.kill_state import OF_A_BOOK, WORDS, Rearm
from quantsentinel.stores.inbox import Claim, run_once

BATCH = 50
NOTICE = timedelta(hours=24)
OF_A_TENANT = frozenset({"tenant", "strategy", *OF_A_BOOK})
OF_AN_UNDERLYING = frozenset({"symbol", "stale_data"})

_log = logging.getLogger(__name__)


def announce(platform: Platform, changed: KillChanged) -> None:
    """Twice equals once. Raises `Unavailable` while a channel of the tenant still has to be tried again."""
    if changed.tenants is not None and len(changed.tenants) == 1:
        _tell(platform, changed, changed.tenants[0])
        return
    split = _split if changed.tenants is None else _hand_out
    run_once(platform.inbox, f"announce:{changed.event_id}", changed.event_id, partial(split, platform, changed))


def tell_operators(changed: KillChanged) -> None:
    """One line a change, which the deployment counts and alerts on (terraform/modules/monitoring/logs.tf)."""
    kind, state = changed.scope.partition(":")[0], "on" if changed.on else "released"
    labels = {"alarm": "kill_switch", "state": state, "kind": kind, "scope": changed.scope}
    text = f"kill switch {changed.scope} {state} ({changed.who}): {changed.why}"
    _log.info(text, extra={"severity": "WARNING", "labels": labels})


def _split(platform: Platform, changed: KillChanged, claim: Claim) -> None:
    tell_operators(changed)  # before the commit: told twice after a crash rather than never
    concerned = concerned_by(platform, changed.scope)
    groups = [tuple(concerned[start : start + BATCH]) for start in range(0, len(concerned), BATCH)]
    batches = [changed.model_copy(update={"tenants": group, "batch": number}) for number, group in enumerate(groups)]
    events = [batch.to_event() for batch in batches]
    record = {**canonical(changed.model_dump(exclude={"tenants", "batch"})), "tenants": len(concerned)}
    writes = [Create(f"announcements/{changed.notice_id}", record), *platform.outbox.writes(events)]
    platform.documents.commit([*writes, claim.complete_write({"tenants": len(concerned)})])
    platform.outbox.publish(events)


def concerned_by(platform: Platform, scope: str) -> list[str]:
    """Whose decisions see a switch of this scope: one tenant, those who follow the underlying, or everybody."""
    kind, _, name = scope.partition(":")
    if kind in OF_A_TENANT:
        return [name] if platform.kills.has_tenant(name) else []
    return platform.tenants.entitled(name) if kind in OF_AN_UNDERLYING else platform.tenants.ids()


def _hand_out(platform: Platform, changed: KillChanged, claim: Claim) -> None:
    """Of a batch: one event a tenant."""
    events = [changed.model_copy(update={"tenants": (tenant,)}).to_event() for tenant in changed.tenants or ()]
    platform.documents.commit([*platform.outbox.writes(events), claim.complete_write({"tenants": len(events)})])
    platform.outbox.publish(events)


def _tell(platform: Platform, changed: KillChanged, tenant: str) -> None:
    issued = SignalIssued(
        tenant_id=tenant,
        signal_id=f"{changed.notice_id}-{tenant}",  # deliveries are claimed by this name, across tenants
        sequence=changed.number,
        state=SWITCHED,
        valid_until=changed.at + NOTICE,
    )
    stored = {"webhook": webhook_data(changed), "telegram": telegram_html(changed)}
    try:
        send(platform, platform.tenants.store(tenant), issued, stored)
    except BadInput as error:
        _log.warning("%s is not told of %s: %s", tenant, changed.notice_id, error)


def webhook_data(changed: KillChanged) -> Mapping[str, Any]:
    """The `data` of the webhook `switch.changed`; `decided_at` is when the change happened, as in a signal's."""
    data: dict[str, Any] = canonical(changed.model_dump(exclude={"tenants", "batch"}))
    return {**data, "id": changed.notice_id, "decided_at": data["at"], "rearms": _rearms(changed)}


def telegram_html(changed: KillChanged) -> str:
    """Well below Telegram's 4,096 characters: an event holds at most 1,000 of the reason."""
    state = "ON: no new entries; exits and reductions go on" if changed.on else "released"
    lines = [f"<b>Kill switch {html.escape(changed.scope)} {state}</b>"]
    lines.append(f"{html.escape(changed.who)}, {changed.at.astimezone(IST):%d %b %Y %H:%M} IST")
    if changed.why:
        lines.append(f"<b>Why</b>: {html.escape(changed.why)}")
    if changed.on and changed.until is not None:
        lines.append(f"<b>Until</b>: {changed.until.astimezone(IST):%d %b %Y %H:%M} IST")
    if changed.on and changed.rearm:
        lines.append(f"<b>Re-arms</b>: {html.escape(_rearms(changed))}")
    return "\n".join(lines)


def _rearms(changed: KillChanged) -> str:
    return WORDS[Rearm(changed.rearm)] if changed.rearm in set(Rearm) else changed.rearm
