"""Kite's margin calculator: `POST /margins/basket`, of which `final` is the sum after the benefit of hedges.

Its `option_premium` is net and signed: received premium lowers `total`, so `total - option_premium` is what compares
with an estimate of margin. `initial` is partly netted already and is not used. Names of contracts come from its own
instrument list (`/instruments/NFO`), read once a day.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import httpx

from quantsentinel.adapters.brokers.amounts import amount, answer_data, figure_of, table
from quantsentinel.adapters.brokers.http_call import sent
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Instrument, Right
from quantsentinel.ports import BrokerFigure, Clock, MarginOrder

BASE_URL = "https://api.kite.trade"
BASKET, INSTRUMENTS = "/margins/basket", "/instruments/NFO"
RETRY_AFTER_S = 10.0
"""Kite sends no Retry-After; its limits are a second's."""
RIGHTS: dict[str, Right] = {"CE": "CE", "PE": "PE"}
PARTS = ("span", "exposure", "option_premium", "additional", "bo", "cash", "var")
LOGIN = "Access tokens end at 06:00 IST every day: log in again and set QS_KITE_TOKEN (QS_KITE_KEY is the API key)"
_TOKEN_ERRORS = frozenset({"TokenException", "PermissionException"})
_PASSING_ERRORS = frozenset({"NetworkException", "DataException", "GeneralException"})


class KiteMargin:
    """Raises as `BrokerMargin.figure` says; the token is never shown."""

    name = "kite"

    def __init__(self, client: httpx.Client, key: str, token: str, clock: Clock) -> None:
        if not key.strip() or not token.strip():
            raise BadInput("no API key or access token", where="Kite", fix=LOGIN)
        self._client = client
        self._headers = {"X-Kite-Version": "3", "Authorization": f"token {key.strip()}:{token.strip()}"}
        self._clock = clock
        self._listed: tuple[date, dict[Instrument, str]] | None = None

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        """What Kite asks for these orders together, without the positions of the account."""
        if not orders:
            raise BadInput("no orders", where=f"Kite {BASKET}")
        asked = [self._asked(order) for order in orders]
        query = {"consider_positions": "false"}
        where = f"Kite {BASKET}"
        data = answer_data(self._call("POST", BASKET, params=query, json=asked), where)
        final = table(data, "final", where)
        parts = {name: amount(final, name, where) for name in PARTS}
        total = amount(final, "total", where)
        return figure_of(self.name, self._clock.now(), total, parts["option_premium"], parts)

    def _asked(self, order: MarginOrder) -> dict[str, Any]:
        return {
            "exchange": "NFO",
            "tradingsymbol": self._name(order.instrument),
            "transaction_type": "BUY" if order.units > 0 else "SELL",
            "variety": "regular",
            "product": "NRML",
            "order_type": "LIMIT",
            "quantity": abs(order.units),
            "price": order.price,
            "trigger_price": 0,
        }

    def _name(self, instrument: Instrument) -> str:
        today = self._clock.now().astimezone(IST).date()
        if self._listed is None or self._listed[0] != today:
            self._listed = (today, _contracts(self._call("GET", INSTRUMENTS).content))
        try:
            return self._listed[1][instrument]
        except KeyError:
            raise BadInput(f"{instrument} is not listed", where=f"Kite {INSTRUMENTS}") from None

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = sent(self._client, "Kite", method, path, self._headers, **request)
        _raise_for(response, path)
        return response


def _contracts(body: bytes) -> dict[Instrument, str]:
    """Every index and stock option of the list, by contract. Raises `Unavailable` for a list that cannot be read."""
    found: dict[Instrument, str] = {}
    try:
        for row in csv.DictReader(io.StringIO(body.decode("utf-8"))):
            right = RIGHTS.get(row["instrument_type"])
            if right is not None:
                contract = Instrument(row["name"], date.fromisoformat(row["expiry"]), float(row["strike"]), right)
                found[contract] = row["tradingsymbol"]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise Unavailable(f"the instrument list cannot be read: {error!r}", where=f"Kite {INSTRUMENTS}") from None
    if not found:
        raise Unavailable("the instrument list is empty", where=f"Kite {INSTRUMENTS}")
    return found


def _raise_for(response: httpx.Response, path: str) -> None:
    where, status = f"Kite {path}", response.status_code
    if status == 200:
        return
    kind, message = _error(response)
    said = f"HTTP {status} {kind} {message}".strip()
    if status == 429:
        raise RateLimited(f"too many requests ({said})", retry_after_s=RETRY_AFTER_S, where=where)
    if status == 403 or kind in _TOKEN_ERRORS:
        raise BadInput(f"the access token is invalid or has expired ({said})", where=where, fix=LOGIN)
    if status >= 500 or kind in _PASSING_ERRORS:
        raise Unavailable(said, where=where)
    raise BadInput(said, where=where, fix="The request is refused for good: check the contracts and the account")


def _error(response: httpx.Response) -> tuple[str, str]:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    return str(document.get("error_type", "")), str(document.get("message", ""))[:200]
