"""The HTTP edge of every function: parse the push, run the use case, answer what the bus should do."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.platform import Platform
from quantsentinel.contracts.events import Envelope, Tick, parse_push
from quantsentinel.errors import BadInput, QuantsentinelError
from quantsentinel.settings import settings_from
from quantsentinel.wiring.google import feeds_of, open_google
from quantsentinel.wiring.handlers import BY_NAME, Data, handle, log
from quantsentinel.wiring.local import desk_of, open_local

Answer = tuple[str, int]
POLLS = frozenset({"poll_market"})
"""The functions that hold the broker's token."""


@lru_cache(maxsize=1)
def platform(name: str) -> Platform:
    """This process's platform for function `name`, assembled from the environment at the first request."""
    settings = settings_from(os.environ)
    clock = SystemClock(settings.clock_offset_s)
    feeds = feeds_of(settings, desk_of(settings), clock) if name in POLLS else {}
    opener = open_google if settings.profile == "google" else open_local
    return opener(settings, clock, feeds)


def push(name: str, request: Any) -> Answer:
    """Handles one push of function `name`. `request` is Flask's.

    A body that is no push at all is dropped (204) after it is logged: redelivery would never mend it.
    """
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


def _data(name: str, envelope: Envelope) -> Data:
    """The message's data. A scheduler sends the same bytes at every beat: its time is when that was published."""
    if BY_NAME[name].message is not Tick or envelope.published_at is None:
        return envelope.data
    return {"at": envelope.published_at.isoformat(), **envelope.data}
