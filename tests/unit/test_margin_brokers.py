"""The margin clients of Upstox and Kite against servers that answer in their documented shapes, whole and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from quantsentinel.adapters.brokers.kite_margin import KiteMargin
from quantsentinel.adapters.brokers.poll_plan import RateBudget
from quantsentinel.adapters.brokers.upstox_margin import UpstoxMargin
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.market.instruments import Instrument
from quantsentinel.ports import BrokerMargin, MarginOrder
from quantsentinel.settings import Settings
from quantsentinel.wiring.margin_broker import standing_broker

EXPIRY, SECRET = date(2025, 9, 2), "a-token-that-must-never-show"
ORDERS = [
    MarginOrder(Instrument("NIFTY", EXPIRY, 24_500.0, "CE"), -75, 110.0),
    MarginOrder(Instrument("NIFTY", EXPIRY, 24_600.0, "CE"), 75, 70.0),
]
CONTRACTS = [
    {
        "instrument_key": f"NSE_FO|{strike}",
        "strike_price": float(strike),
        "instrument_type": "CE",
        "expiry": "2025-09-02",
    }
    for strike in (24_500, 24_600)
]
LINE = {
    "span_margin": 60_000.0, "exposure_margin": 36_000.0, "additional_margin": 0.0, "net_buy_premium": 0.0,
    "equity_margin": 0.0, "tender_margin": 0.0, "total_margin": 96_000.0,
}  # fmt: skip
UPSTOX = {
    "required_margin": 101_250.0,
    "final_margin": 49_250.0,
    "margins": [LINE, {**LINE, "span_margin": 0.0, "exposure_margin": 0.0, "net_buy_premium": 5_250.0}],
}
KITE_LIST = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange\n1,1,NIFTY25SEPFUT,NIFTY,0,2025-09-30,0,0.1,75,FUT,NFO-FUT,NFO\n"
    "2,2,NIFTY2590224500CE,NIFTY,0,2025-09-02,24500,0.05,75,CE,NFO-OPT,NFO\n"
    "3,3,NIFTY2590224600CE,NIFTY,0,2025-09-02,24600,0.05,75,CE,NFO-OPT,NFO\n"
)
FINAL = {
    "span": 7_788.0, "exposure": 29_151.225, "option_premium": -2_152.5, "additional": 0, "bo": 0, "cash": 0, "var": 0,
    "total": 34_786.725,
}  # fmt: skip
KITE = {"initial": {**FINAL, "total": 96_504.975}, "final": FINAL, "orders": []}


@dataclass
class Hand:
    at: datetime = datetime(2025, 8, 29, 5, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Broker:
    """A server of either broker; `answer` is the data of its margin call, `fault` replaces that call's answer."""

    answer: Any
    fault: Callable[[], httpx.Response] | None = None
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path == "/instruments/NFO":
            return httpx.Response(200, text=KITE_LIST)
        if request.url.path == "/v2/option/contract":
            return httpx.Response(200, json={"status": "success", "data": CONTRACTS})
        return self.fault() if self.fault else httpx.Response(200, json={"status": "success", "data": self.answer})

    @property
    def calls(self) -> list[str]:
        return [request.url.path for request in self.asked]


def upstox(server: Broker, clock: Hand | None = None, budget: RateBudget | None = None) -> BrokerMargin:
    http = httpx.Client(base_url="http://upstox.test", transport=httpx.MockTransport(server))
    return UpstoxMargin(http, SECRET, clock or Hand(), budget)


def kite(server: Broker, clock: Hand | None = None) -> BrokerMargin:
    http = httpx.Client(base_url="http://kite.test", transport=httpx.MockTransport(server))
    return KiteMargin(http, "key", SECRET, clock or Hand())


def broken(name: str, fault: Callable[[], httpx.Response]) -> BrokerMargin:
    return upstox(Broker(UPSTOX, fault)) if name == "upstox" else kite(Broker(KITE, fault))


def test_upstox_is_asked_by_its_own_keys_and_its_final_margin_is_the_figure() -> None:
    server = Broker(UPSTOX)
    figure = upstox(server).figure(ORDERS)
    asked = json.loads(server.asked[-1].content)["instruments"]
    assert [item["instrument_key"] for item in asked] == ["NSE_FO|24500", "NSE_FO|24600"]
    assert [(item["transaction_type"], item["quantity"]) for item in asked] == [("SELL", 75), ("BUY", 75)]
    assert (figure.broker, figure.total, figure.premium, figure.margin) == ("upstox", 49_250.0, 5_250.0, 44_000.0)
    assert figure.parts["required_margin"] == 101_250.0
    assert SECRET in server.asked[-1].headers["Authorization"]


def test_kite_is_asked_by_its_own_names_and_premium_received_is_no_margin() -> None:
    server = Broker(KITE)
    figure = kite(server).figure(ORDERS)
    request = server.asked[-1]
    asked = json.loads(request.content)
    assert [item["tradingsymbol"] for item in asked] == ["NIFTY2590224500CE", "NIFTY2590224600CE"]
    assert [(item["transaction_type"], item["price"]) for item in asked] == [("SELL", 110.0), ("BUY", 70.0)]
    assert request.url.params["consider_positions"] == "false"
    assert (figure.broker, figure.total, figure.margin) == ("kite", 34_786.725, 36_939.225)


@pytest.mark.parametrize("make", [lambda s, c: upstox(s, c), lambda s, c: kite(s, c)], ids=["upstox", "kite"])
def test_the_list_of_contracts_is_read_once_a_day(make: Callable[[Broker, Hand], BrokerMargin]) -> None:
    clock = Hand()
    server = Broker(UPSTOX if make(Broker({}), clock).name == "upstox" else KITE)
    client = make(server, clock)
    for _ in range(3):
        client.figure(ORDERS)
    assert len(server.calls) == 1 + 3
    clock.at += timedelta(days=1)
    client.figure(ORDERS)
    assert len(server.calls) == 2 + 4


@pytest.mark.parametrize("name", ["upstox", "kite"])
@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (500, Unavailable), (503, Unavailable), (400, BadInput), (403, BadInput)]
)
def test_a_refusal_is_no_figure(name: str, status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        broken(name, lambda: httpx.Response(status, json={"status": "error"})).figure(ORDERS)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["upstox", "kite"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"status": "success"}', b'{"status": "success", "data": {}}'])
def test_a_broken_answer_is_no_figure(name: str, body: bytes) -> None:
    with pytest.raises(Unavailable):
        broken(name, lambda: httpx.Response(200, content=body)).figure(ORDERS)


def test_no_answer_in_time_is_no_figure() -> None:
    def late() -> httpx.Response:
        raise httpx.ReadTimeout("too late")

    for name in ("upstox", "kite"):
        with pytest.raises(Unavailable, match="ReadTimeout"):
            broken(name, late).figure(ORDERS)


@pytest.mark.parametrize("value", [None, "49250", True, float("nan"), float("inf")])
def test_an_amount_that_is_no_number_is_no_figure(value: object) -> None:
    """NaN and Infinity are not JSON, but Python's parser takes them."""
    for name in ("final_margin", "required_margin"):
        body = json.dumps({"status": "success", "data": {**UPSTOX, name: value}}).encode()
        with pytest.raises(Unavailable, match=name):
            upstox(Broker(UPSTOX, partial(httpx.Response, 200, content=body))).figure(ORDERS)
    for name in FINAL:
        body = json.dumps({"status": "success", "data": {"final": {**FINAL, name: value}}}).encode()
        with pytest.raises(Unavailable, match=name):
            kite(Broker(KITE, partial(httpx.Response, 200, content=body))).figure(ORDERS)


@pytest.mark.parametrize("lines", [[], [LINE], [LINE, "x"], [LINE, {"span_margin": 1.0}]])
def test_upstox_must_answer_for_every_instrument(lines: list[Any]) -> None:
    with pytest.raises(Unavailable):
        upstox(Broker({**UPSTOX, "margins": lines})).figure(ORDERS)


def test_a_contract_that_the_broker_does_not_list_is_refused() -> None:
    other = [MarginOrder(Instrument("NIFTY", EXPIRY, 99_000.0, "CE"), 75, 1.0)]
    for client in (upstox(Broker(UPSTOX)), kite(Broker(KITE))):
        with pytest.raises(BadInput, match="99000 CE is not listed"):
            client.figure(other)


@pytest.mark.parametrize("count", [0, 21])
def test_upstox_takes_one_to_twenty_instruments(count: int) -> None:
    server = Broker(UPSTOX)
    with pytest.raises(BadInput, match=f"{count} orders"):
        upstox(server).figure(ORDERS[:1] * count)
    assert server.calls == []


def test_margin_calls_use_the_budget_of_the_account() -> None:
    budget = RateBudget([(60.0, 5)], share=0.8)
    client = upstox(Broker(UPSTOX), budget=budget)
    for _ in range(3):  # one list, three figures
        client.figure(ORDERS)
    with pytest.raises(RateLimited, match="budget"):
        client.figure(ORDERS)


def test_a_total_below_its_premium_is_no_figure() -> None:
    with pytest.raises(Unavailable, match="below its premium"):
        kite(Broker({"final": {**FINAL, "total": 100.0, "option_premium": 101.0}})).figure(ORDERS)


def test_a_refused_upstox_token_is_read_again_and_the_question_is_put_once_more() -> None:
    tokens = iter(["expired", SECRET])
    server = Broker(UPSTOX)

    def answer(request: httpx.Request) -> httpx.Response:
        if SECRET in request.headers["Authorization"]:
            return server(request)
        return httpx.Response(401, json={"status": "error", "errors": [{"errorCode": "UDAPI100050"}]})

    http = httpx.Client(base_url="http://upstox.test", transport=httpx.MockTransport(answer))
    assert UpstoxMargin(http, lambda: next(tokens), Hand()).figure(ORDERS).margin == 44_000.0
    assert server.calls == ["/v2/option/contract", "/v2/charges/margin"]


def test_an_answer_that_cannot_be_unpacked_is_a_broker_that_is_not_there() -> None:
    def packed() -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    for name in ("upstox", "kite"):
        with pytest.raises(Unavailable, match="DecodingError"):
            broken(name, packed).figure(ORDERS)


def test_a_process_that_decides_needs_its_token_only_when_it_asks() -> None:
    assert standing_broker(Settings(), Hand()) is None
    for name in ("upstox", "kite"):
        found = standing_broker(Settings(margin_broker=name), Hand())
        assert found is not None
        assert found.name == name
        with pytest.raises(BadInput, match="access token"):
            found.figure(ORDERS)
