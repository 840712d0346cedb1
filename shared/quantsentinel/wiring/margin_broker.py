"""The broker whose margin calculator is asked, when one is configured: until then nothing of it is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quantsentinel.errors import BadInput
from quantsentinel.ports import BrokerFigure, BrokerMargin, Clock, MarginOrder
from quantsentinel.settings import Settings

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0
DECIDING_TIMEOUT_S = 2.0
"""While a cycle waits: a calculator that is slower than this leaves the estimate."""


@contextmanager
def margin_broker(settings: Settings, clock: Clock) -> Iterator[BrokerMargin]:
    """Of `QS_MARGIN_BROKER`, its connections closed at the end. Raises `BadInput` when none is named."""
    with _client(settings, TIMEOUT_S) as client:
        yield _broker(settings, client, clock)


class StandingBroker:
    """The configured broker of a process that decides, made at the first question: a function that never asks needs no
    token, and a token that is missing is an answer that is missing."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.name: str = settings.margin_broker
        self._settings = settings
        self._clock = clock
        self._broker: BrokerMargin | None = None

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        if self._broker is None:
            self._broker = _broker(self._settings, _client(self._settings, DECIDING_TIMEOUT_S), self._clock)
        return self._broker.figure(orders)


def standing_broker(settings: Settings, clock: Clock) -> BrokerMargin | None:
    """None when no broker is configured: the estimate is all there is."""
    return StandingBroker(settings, clock) if settings.margin_broker else None


def _client(settings: Settings, timeout_s: float) -> httpx.Client:
    import httpx

    from quantsentinel.adapters.brokers.upstox import upstox_client

    if settings.margin_broker == "upstox":
        return upstox_client(settings.upstox_url, timeout_s)
    if settings.margin_broker == "kite":
        return httpx.Client(base_url=settings.kite_url, timeout=timeout_s)
    raise BadInput("no margin broker", where="QS_MARGIN_BROKER", fix="Set it to upstox or kite, with its token")


def _broker(settings: Settings, client: httpx.Client, clock: Clock) -> BrokerMargin:
    from quantsentinel.adapters.brokers.kite_margin import KiteMargin
    from quantsentinel.adapters.brokers.upstox_margin import UpstoxMargin
    from quantsentinel.wiring.upstox_token import upstox_token

    if settings.margin_broker == "upstox":
        return UpstoxMargin(client, upstox_token(settings, os.environ), clock)
    return KiteMargin(client, settings.kite_key.get_secret_value(), settings.kite_token.get_secret_value(), clock)
