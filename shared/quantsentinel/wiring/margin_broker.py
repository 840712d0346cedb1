"""The broker whose margin calculator is asked, when one is configured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from quantsentinel.adapters.brokers.kite_margin import KiteMargin
from quantsentinel.adapters.brokers.upstox import upstox_client
from quantsentinel.adapters.brokers.upstox_margin import UpstoxMargin
from quantsentinel.errors import BadInput
from quantsentinel.ports import BrokerMargin, Clock
from quantsentinel.settings import Settings

TIMEOUT_S = 10.0


@contextmanager
def margin_broker(settings: Settings, clock: Clock) -> Iterator[BrokerMargin]:
    """Of `QS_MARGIN_BROKER`, its connections closed at the end. Raises `BadInput` when none is named."""
    if settings.margin_broker == "upstox":
        with upstox_client(settings.upstox_url, TIMEOUT_S) as client:
            yield UpstoxMargin(client, settings.upstox_token.get_secret_value(), clock)
    elif settings.margin_broker == "kite":
        with httpx.Client(base_url=settings.kite_url, timeout=TIMEOUT_S) as client:
            key, token = settings.kite_key.get_secret_value(), settings.kite_token.get_secret_value()
            yield KiteMargin(client, key, token, clock)
    else:
        raise BadInput("no margin broker", where="QS_MARGIN_BROKER", fix="Set it to upstox or kite, with its token")
