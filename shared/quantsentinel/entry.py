"""The HTTP edge of every function: parse the push, run the use case, answer what the bus should do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from quantsentinel.wiring.garbage import kept_for_good, search_seldom

with kept_for_good():
    from quantsentinel.adapters.embedded.clock import SystemClock
    from quantsentinel.app.platform import Platform
    from quantsentinel.contracts.events import Envelope, Tick, parse_push
    from quantsentinel.contracts.self_test import ASKED
    from quantsentinel.errors import BadInput, QuantsentinelError
    from quantsentinel.ports import Clock, MarketFeed
    from quantsentinel.settings import Settings, settings_from
    from quantsentinel.wiring.desk import desk_of
    from quantsentinel.wiring.google import feeds_of, open_google
    from quantsentinel.wiring.handlers import BY_NAME, Data, handle, log
    from quantsentinel.wiring.identity import identity
    from quantsentinel.wiring.log_lines import log_as_lines

Answer = tuple[str, int] | tuple[str, int, Mapping[str, str]]
POLLS = frozenset({"poll_market"})
"""The functions that hold the broker's token."""


@lru_cache(maxsize=1)
def platform(name: str) -> Platform:
    """This process's platform for function `name`, assembled from the environment at the first request."""
    search_seldom()
    settings = settings_from(os.environ)
    log_as_lines(settings.log_level)
    clock = SystemClock(settings.clock_offset_s)
    feeds = feeds_of(settings, desk_of(settings), clock) if name in POLLS else {}
    found = _opened(settings, clock, feeds)
    if feeds:
        from quantsentinel.app.token_watch import note_token

        note_token(found, settings.upstox_token.get_secret_value())
    return found


def _opened(settings: Settings, clock: Clock, feeds: Mapping[str, MarketFeed]) -> Platform:
    if settings.profile == "google":
        return open_google(settings, clock, feeds)
    from quantsentinel.wiring.local import open_local

    return open_local(settings, clock, feeds)


def push(name: str, request: Any) -> Answer:
    """Handles one push of function `name`. `request` is Flask's.

    A body that is no push at all is dropped (204) after it is logged: redelivery would never mend it. A GET, which
    Cloud Run lets nobody make but who may invoke the function, is told who it is; no platform is opened for it.
    """
    if request.method == "GET":
        return _who(name)
    try:
        envelope = parse_push(dict(request.headers), request.get_data())
    except BadInput as error:
        log("WARNING", f"dropped: {error}", function=name)
        return "", 204
    try:
        found = platform(name)
    except QuantsentinelError as error:
        log("CRITICAL", f"cannot start: {error}", function=name, event_id=envelope.event_id)
        return "", 500
    handled = handle(found, name, envelope.event_id, _data(name, envelope))
    if handled.severity != "DEBUG":
        log(handled.severity, handled.text, function=name, event_id=envelope.event_id, attempt=envelope.attempt)
    return "", handled.status


def _who(name: str) -> Answer:
    try:
        return identity(name).model_dump_json(), 200, {"content-type": "application/json", "cache-control": "no-store"}
    except QuantsentinelError as error:
        log("CRITICAL", f"cannot start: {error}", function=name)
        return "", 500


def _data(name: str, envelope: Envelope) -> Data:
    """The message's data. A scheduler sends the same bytes at every beat: its time is when that was published."""
    beat = BY_NAME[name].message is Tick and not envelope.event_id.startswith(ASKED)
    if not beat or envelope.published_at is None:
        return envelope.data
    return {"at": envelope.published_at.isoformat(), **envelope.data}
