"""The real Upstox client against the replay server: chains, tokens, limits, faults, and no call above the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from emulators.replay_server import Faults, ReplayServer
from quantsentinel.adapters.brokers.poll_plan import PollPlan, RateBudget
from quantsentinel.adapters.brokers.upstox import UpstoxFeed, upstox_client
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.parsers import parse
from tests.chains import AT, EXPIRIES, chain, judged, refusal, rules

TOKEN = "analytics"
SECRET = "eyJ-a-token-that-must-never-show"
TEN_SECONDS = timedelta(seconds=10)
CHAIN, CONTRACT = "/v2/option/chain", "/v2/option/contract"


@dataclass
class Hand:
    """A clock that a test sets."""

    at: datetime = AT.astimezone(UTC) + timedelta(seconds=1)

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "day.parquet"
    day = [chain(at=AT + step * TEN_SECONDS, volume=75.0 * step) for step in range(12)]
    write_day_file(path, [*day, chain(underlying="BANKNIFTY", expiries=(date(2025, 9, 30),), forward=54_000)], {})
    return path


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def server(data: Path, clock: Hand) -> Iterator[ReplayServer]:
    with ReplayServer([data], rules(), token=TOKEN, now=clock.now) as running:
        yield running


@pytest.fixture
def client(server: ReplayServer) -> Iterator[httpx.Client]:
    with upstox_client(server.url, timeout_s=2.0) as opened:
        yield opened


def feed(client: httpx.Client, clock: Hand, token: str = TOKEN, near: int = 2, far_every: int = 3) -> UpstoxFeed:
    plan = PollPlan(10.0, near, far_every, {"NIFTY": 3})
    return UpstoxFeed(client, token, rules(), plan, clock)


def test_a_poll_brings_what_the_source_showed_expiry_by_expiry(client: httpx.Client, clock: Hand) -> None:
    raw = feed(client, clock).poll("NIFTY")
    assert raw is not None
    assert [payload.expiry for payload in raw.payloads] == list(EXPIRIES)
    snapshot, original = parse(raw, rules()), chain(volume=0.0)
    assert (snapshot.bid == original.bid).all()
    assert (snapshot.oi == original.oi).all()
    assert (snapshot.source, snapshot.received_at) == ("upstox", clock.at)


def test_far_expiries_come_every_third_tick_and_keep_their_receipt(
    client: httpx.Client, server: ReplayServer, clock: Hand
) -> None:
    polled, start = feed(client, clock), clock.at
    receipts = []
    for _ in range(4):
        raw = polled.poll("NIFTY")
        assert raw is not None
        receipts.append([(payload.received_at - start).total_seconds() for payload in raw.payloads])
        clock.at += TEN_SECONDS
    assert receipts == [[0, 0, 0], [10, 10, 0], [20, 20, 0], [30, 30, 30]]
    assert server.calls == {f"{CONTRACT} 200": 1, f"{CHAIN} 200": 3 + 2 + 2 + 3}


def test_the_second_poll_proves_life_and_is_accepted(client: httpx.Client, clock: Hand) -> None:
    polled = feed(client, clock)
    first = polled.poll("NIFTY")
    clock.at += TEN_SECONDS
    second = polled.poll("NIFTY")
    assert first is not None
    assert second is not None
    earlier, now = parse(first, rules()), parse(second, rules())
    assert refusal(judged(earlier)) == "liveness"
    assert judged(now, last_seen=earlier).accepted


def test_an_expired_token_says_how_to_get_a_new_one_and_never_shows_itself(client: httpx.Client, clock: Hand) -> None:
    with pytest.raises(BadInput, match="UDAPI100050") as error:
        feed(client, clock, SECRET).poll("NIFTY")
    assert "03:30 IST" in error.value.fix
    assert "QS_UPSTOX_TOKEN" in error.value.fix
    assert SECRET not in str(error.value)


def test_no_token_at_all_is_refused_before_any_call(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    with pytest.raises(BadInput, match="no access token"):
        feed(client, clock, " ")
    assert server.calls == {}


def test_too_many_requests_is_rate_limited(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    server.break_down(Faults(status=429))
    with pytest.raises(RateLimited, match="UDAPI10005") as error:
        feed(client, clock).poll("NIFTY")
    assert error.value.retry_after_s == 60


@pytest.mark.parametrize(("status", "kind"), [(500, Unavailable), (503, Unavailable), (400, BadInput), (403, BadInput)])
def test_other_errors_take_their_branch(
    client: httpx.Client, server: ReplayServer, clock: Hand, status: int, kind: type[Exception]
) -> None:
    server.break_down(Faults(status=status))
    with pytest.raises(kind, match=f"HTTP {status} UDAPI100500"):
        feed(client, clock).poll("NIFTY")


def test_one_failed_call_is_not_retried_by_the_feed(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    server.break_down(Faults(status=500, times=1))
    polled = feed(client, clock)
    with pytest.raises(Unavailable):
        polled.poll("NIFTY")
    assert server.calls == {f"{CONTRACT} 500": 1}
    assert polled.poll("NIFTY") is not None


def test_a_server_that_is_gone_is_unavailable(clock: Hand) -> None:
    with upstox_client("http://127.0.0.1:9", timeout_s=0.5) as gone, pytest.raises(Unavailable, match="ConnectError"):
        feed(gone, clock).poll("NIFTY")


def test_a_truncated_chain_is_handed_on_as_it_came_and_refused_by_the_parser(
    client: httpx.Client, server: ReplayServer, clock: Hand
) -> None:
    polled = feed(client, clock)
    polled.poll("NIFTY")
    server.break_down(Faults(truncate=True))
    raw = polled.poll("NIFTY")
    assert raw is not None
    with pytest.raises(BadInput, match="not JSON"):
        parse(raw, rules())


def test_a_truncated_contract_list_is_asked_for_again(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    polled = feed(client, clock)
    server.break_down(Faults(truncate=True, times=1))
    with pytest.raises(Unavailable, match="contract list"):
        polled.poll("NIFTY")
    assert polled.poll("NIFTY") is not None


def test_another_instrument_s_chain_is_refused(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    polled = feed(client, clock)
    polled.poll("NIFTY")
    server.break_down(Faults(other_instrument=True))
    raw = polled.poll("NIFTY")
    assert raw is not None
    with pytest.raises(BadInput, match="asked for"):
        parse(raw, rules())


def test_an_underlying_without_a_key_is_refused(client: httpx.Client, clock: Hand) -> None:
    with pytest.raises(BadInput, match="no Upstox key for 'GOLD'"):
        feed(client, clock).poll("GOLD")


def test_a_spent_budget_stops_the_feed_before_it_calls(client: httpx.Client, server: ReplayServer, clock: Hand) -> None:
    plan = PollPlan(10.0, 3, 1, {"NIFTY": 3})
    polled = UpstoxFeed(client, TOKEN, rules(), plan, clock, RateBudget(((60.0, 10),), share=0.5))
    polled.poll("NIFTY")
    with pytest.raises(RateLimited) as error:
        polled.poll("NIFTY")
    assert error.value.retry_after_s == 60
    assert server.calls[f"{CHAIN} 200"] == 3
    clock.at += timedelta(seconds=60)
    assert polled.poll("NIFTY") is not None


def test_a_rotated_token_takes_effect_at_the_first_refusal(
    client: httpx.Client, server: ReplayServer, clock: Hand
) -> None:
    tokens = [SECRET, TOKEN]
    feed = UpstoxFeed(client, lambda: tokens.pop(0), rules(), PollPlan.standard(("NIFTY",), 15.0), clock)
    assert feed.poll("NIFTY") is not None
    assert server.calls[f"{CONTRACT} 401"] == 1
    assert not tokens
    assert sum(count for call, count in server.calls.items() if call.endswith(" 401")) == 1


def test_a_token_that_is_still_the_same_is_refused_without_another_call(
    client: httpx.Client, server: ReplayServer, clock: Hand
) -> None:
    feed = UpstoxFeed(client, lambda: SECRET, rules(), PollPlan.standard(("NIFTY",), 15.0), clock)
    with pytest.raises(BadInput, match="invalid or has expired") as refused:
        feed.poll("NIFTY")
    assert SECRET not in str(refused.value)
    assert dict(server.calls) == {f"{CONTRACT} 401": 1}
