"""Upstox's margin calculator: `POST /v2/charges/margin`, at most 20 instruments a call.

`final_margin` is its sum after the benefit of hedges; `net_buy_premium` of each instrument is premium, not margin. Keys
of contracts come from its own contract list, read once a day and expiry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import httpx

from quantsentinel.adapters.brokers.amounts import amount, answer_data, figure_of
from quantsentinel.adapters.brokers.http_call import sent
from quantsentinel.adapters.brokers.poll_plan import RateBudget
from quantsentinel.adapters.brokers.upstox import Bearer, Token, raise_for_answer
from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS
from quantsentinel.ports import BrokerFigure, Clock, MarginOrder

MOST_INSTRUMENTS = 20
MARGIN, CONTRACTS = "/v2/charges/margin", "/v2/option/contract"
PARTS = ("span_margin", "exposure_margin", "additional_margin", "net_buy_premium")
"""Of every instrument; Upstox sets what does not apply to zero, so one that is missing is a broken answer."""


class UpstoxMargin:
    """`budget` is the account's, shared with its feed. Raises as `BrokerMargin.figure` says; no token is ever shown."""

    name = "upstox"

    def __init__(self, client: httpx.Client, token: Token, clock: Clock, budget: RateBudget | None = None) -> None:
        self._client = client
        self._bearer = Bearer(token)
        self._clock = clock
        self._budget = budget if budget is not None else RateBudget()
        self._keys: dict[tuple[str, date], tuple[date, dict[Instrument, str]]] = {}

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        """What Upstox asks for these orders together."""
        if not 1 <= len(orders) <= MOST_INSTRUMENTS:
            raise BadInput(f"{len(orders)} orders", where=f"Upstox {MARGIN}", fix=f"1 to {MOST_INSTRUMENTS} a call")
        asked = [self._asked(order) for order in orders]
        data = answer_data(self._call("POST", MARGIN, json={"instruments": asked}), MARGIN)
        return self._read(data, len(orders))

    def _asked(self, order: MarginOrder) -> dict[str, Any]:
        return {
            "instrument_key": self._key(order.instrument),
            "quantity": abs(order.units),
            "transaction_type": "BUY" if order.units > 0 else "SELL",
            "product": "D",
            "price": order.price,
        }

    def _read(self, data: Any, count: int) -> BrokerFigure:
        where = f"Upstox {MARGIN}"
        lines = data.get("margins") if isinstance(data, Mapping) else None
        if not isinstance(lines, list) or len(lines) != count or not all(isinstance(line, Mapping) for line in lines):
            raise Unavailable(f"margins of {count} instruments were asked for, not these", where=where)
        parts = {name: sum(amount(line, name, where) for line in lines) for name in PARTS}
        parts["required_margin"] = amount(data, "required_margin", where)
        total = amount(data, "final_margin", where)
        return figure_of(self.name, self._clock.now(), total, parts["net_buy_premium"], parts)

    def _key(self, instrument: Instrument) -> str:
        today = self._clock.now().astimezone(IST).date()
        asked = (instrument.underlying, instrument.expiry)
        known = self._keys.get(asked)
        if known is None or known[0] != today:
            known = self._keys[asked] = (today, self._contracts(instrument))
        try:
            return known[1][instrument]
        except KeyError:
            raise BadInput(f"{instrument} is not listed", where=f"Upstox {CONTRACTS}") from None

    def _contracts(self, instrument: Instrument) -> dict[Instrument, str]:
        underlying, expiry = instrument.underlying, instrument.expiry
        if underlying not in INSTRUMENT_KEYS:
            raise BadInput(f"no Upstox key for {underlying!r}", fix=f"Known: {', '.join(INSTRUMENT_KEYS)}")
        query = {"instrument_key": INSTRUMENT_KEYS[underlying], "expiry_date": expiry.isoformat()}
        rows = answer_data(self._call("GET", CONTRACTS, params=query), CONTRACTS)
        try:
            return {
                Instrument(underlying, expiry, float(row["strike_price"]), row["instrument_type"]): row[
                    "instrument_key"
                ]
                for row in rows
                if row["expiry"] == expiry.isoformat() and row["instrument_type"] in ("CE", "PE")
            }
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"the contract list cannot be read: {error!r}", where=f"Upstox {CONTRACTS}") from None

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._sent(method, path, **request)
        if response.status_code == 401 and self._bearer.renewed():
            response = self._sent(method, path, **request)
        raise_for_answer(response, path)
        return response

    def _sent(self, method: str, path: str, **request: Any) -> httpx.Response:
        self._budget.take(1, self._clock.now())
        headers = {**self._bearer.headers, "Accept": "application/json"}
        return sent(self._client, "Upstox", method, path, headers, **request)
