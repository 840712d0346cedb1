"""The replay server answers as Upstox does, from what had been collected by its clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from emulators.replay_server import Faults, RateLimiter, ReplayServer
from emulators.upstox_shape import INSTRUMENT_KEYS
from quantsentinel.market import raw as wire
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.parsers import parse, upstox_v2
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import VALUE_COLUMNS, Snapshot
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import simulate_day

DAY = date(2025, 8, 29)
TOKEN = "analytics"
START = datetime(2025, 8, 29, 3, 45, 30, tzinfo=UTC)
INTERVAL = timedelta(minutes=30)
ROOT = Path(__file__).resolve().parents[2]
WEEKLY = date(2025, 9, 2)


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules()


@pytest.fixture(scope="module")
def snapshots(rules: RuleBook) -> dict[str, tuple[Snapshot, ...]]:
    names = ("NIFTY", "BANKNIFTY")
    config = {name: replace(default_config(name), interval_s=INTERVAL.total_seconds()) for name in names}
    return {name: simulate_day(name, DAY, 7, rules, config[name]).snapshots for name in names}


@pytest.fixture(scope="module")
def data(snapshots: dict[str, tuple[Snapshot, ...]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "day.parquet"
    write_day_file(path, [one for day in snapshots.values() for one in day], {})
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock(START + INTERVAL)


@pytest.fixture
def server(data: Path, rules: RuleBook, clock: Clock) -> Iterator[ReplayServer]:
    with ReplayServer([data], rules, token=TOKEN, now=clock) as running:
        yield running


def ask(server: ReplayServer, underlying: str = "NIFTY", expiry: date = WEEKLY, token: str = TOKEN) -> httpx.Response:
    return httpx.get(
        server.url + "/v2/option/chain",
        params={"instrument_key": INSTRUMENT_KEYS.get(underlying, underlying), "expiry_date": expiry.isoformat()},
        headers={"Authorization": f"Bearer {token}"},
    )


def error_code(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["status"] == "error"
    return answer.status_code, body["errors"][0]["errorCode"]


def test_a_chain_comes_back_through_the_real_parser_as_it_was_recorded(
    server: ReplayServer, rules: RuleBook, snapshots: dict[str, tuple[Snapshot, ...]], clock: Clock
) -> None:
    recorded = snapshots["NIFTY"][1]
    payloads = [wire.Payload(ask(server, expiry=day).content, "json", clock(), day) for day in recorded.expiries]
    raw = wire.RawSnapshot("NIFTY", "upstox", "upstox_v2", clock(), tuple(payloads))
    read = parse(raw, rules)
    assert read.expiries == recorded.expiries
    np.testing.assert_array_equal(read.strike, recorded.strike)
    for name in VALUE_COLUMNS:
        np.testing.assert_allclose(read.columns[name], recorded.columns[name], atol=1e-9, err_msg=name)
    assert read.spot == recorded.spot


def test_rows_have_the_fields_of_a_real_answer(server: ReplayServer, marketdata: Path) -> None:
    sample = marketdata / "payloads/upstox_option_chain/option_chain_committed_2024-06-29.json"
    real, ours = json.loads(sample.read_text())["data"][0], ask(server).json()["data"][0]
    assert real.keys() == ours.keys()
    for side in ("call_options", "put_options"):
        assert real[side].keys() == ours[side].keys()
        for part in ("market_data", "option_greeks"):
            assert real[side][part].keys() == ours[side][part].keys()


def test_the_clients_instrument_keys_are_the_servers() -> None:
    for underlying, key in upstox_v2.INSTRUMENT_KEYS.items():
        assert INSTRUMENT_KEYS[underlying] == key


def test_nothing_later_than_the_clock_is_served(
    server: ReplayServer, snapshots: dict[str, tuple[Snapshot, ...]], clock: Clock
) -> None:
    spots = []
    for at in (START, START + INTERVAL - timedelta(milliseconds=1), START + INTERVAL, START + timedelta(days=1)):
        clock.at = at
        spots.append(ask(server).json()["data"][0]["underlying_spot_price"])
    day = snapshots["NIFTY"]
    assert spots == [day[0].spot, day[0].spot, day[1].spot, day[-1].spot]
    clock.at = START - timedelta(milliseconds=1)
    assert ask(server).json() == {"status": "success", "data": []}
    assert server.opens_at == START


def test_an_expiry_that_is_not_listed_has_no_rows(server: ReplayServer) -> None:
    assert ask(server, expiry=date(2025, 9, 3)).json() == {"status": "success", "data": []}


def test_wrong_tokens_keys_dates_and_paths_are_refused_by_code(server: ReplayServer) -> None:
    assert error_code(ask(server, token="yesterday")) == (401, "UDAPI100050")
    assert error_code(ask(server, underlying="NSE_INDEX|Nifty 51")) == (400, "UDAPI100011")
    assert error_code(ask(server, underlying="FINNIFTY")) == (400, "UDAPI100011")
    headers, key = {"Authorization": f"Bearer {TOKEN}"}, INSTRUMENT_KEYS["NIFTY"]
    undated = httpx.get(f"{server.url}/v2/option/chain", params={"instrument_key": key}, headers=headers)
    assert error_code(undated) == (400, "UDAPI1088")
    assert error_code(httpx.get(f"{server.url}/v3/option/chain", headers=headers)) == (404, "UDAPI100060")


@pytest.mark.parametrize("at", [START - timedelta(hours=1), START + INTERVAL])
def test_contracts_carry_the_lot_of_the_trade_date_before_the_open_too(
    server: ReplayServer, rules: RuleBook, clock: Clock, at: datetime
) -> None:
    clock.at = at
    answer = httpx.get(
        server.url + "/v2/option/contract",
        params={"instrument_key": INSTRUMENT_KEYS["BANKNIFTY"]},
        headers={"Authorization": f"Bearer {TOKEN}"},
    ).json()["data"]
    expiries = {date.fromisoformat(row["expiry"]) for row in answer}
    assert tuple(sorted(expiries)) == rules.expiries("BANKNIFTY", DAY)
    assert {row["lot_size"] for row in answer} == {rules.lot("BANKNIFTY", min(expiries), DAY).value}
    assert len({row["instrument_key"] for row in answer}) == len(answer)


def test_the_fifty_first_call_of_a_second_is_refused(server: ReplayServer, clock: Clock) -> None:
    codes = [ask(server, expiry=date(2025, 9, 3)).status_code for _ in range(51)]
    assert codes == [200] * 50 + [429]
    clock.at += timedelta(seconds=1)
    assert ask(server).status_code == 200
    assert server.calls == {"/v2/option/chain 200": 51, "/v2/option/chain 429": 1}


@pytest.mark.parametrize(("gap_s", "admitted"), [(0.0, 50), (0.05, 500), (0.5, 2000)])
def test_every_window_of_the_rate_limit_binds(gap_s: float, admitted: int) -> None:
    limiter, at, count = RateLimiter(), START, 0
    while limiter.admit(at):
        count += 1
        at += timedelta(seconds=gap_s)
    assert count == admitted


def test_faults_last_as_many_calls_as_they_are_told(server: ReplayServer) -> None:
    server.break_down(Faults(status=500, times=2))
    assert [ask(server).status_code for _ in range(3)] == [500, 500, 200]
    server.break_down(Faults(status=429, times=1))
    assert error_code(ask(server)) == (429, "UDAPI10005")
    assert httpx.post(server.url + "/_faults", json={"expired": True}).status_code == 204
    assert error_code(ask(server)) == (401, "UDAPI100050")
    assert httpx.post(server.url + "/_faults", json={"nonsense": True}).status_code == 400
    assert httpx.post(server.url + "/_faults", json={}).status_code == 204
    assert ask(server).status_code == 200


def test_truncated_foreign_and_empty_answers_still_say_200(server: ReplayServer) -> None:
    server.break_down(Faults(truncate=True))
    with pytest.raises(json.JSONDecodeError):
        ask(server).json()
    server.break_down(Faults(other_instrument=True))
    assert ask(server).json()["data"][0]["underlying_key"] == INSTRUMENT_KEYS["BANKNIFTY"]
    server.break_down(Faults(zero=True))
    row = ask(server).json()["data"][10]
    assert not any(row["call_options"]["market_data"].values())
    server.break_down(Faults(foreign_price=True))
    rows = ask(server).json()["data"]
    assert max(row["call_options"]["market_data"]["ltp"] for row in rows) == rows[0]["underlying_spot_price"]


def test_a_frozen_feed_repeats_itself_while_its_clock_runs(server: ReplayServer, clock: Clock) -> None:
    server.break_down(Faults(freeze=True))
    before = ask(server).content
    clock.at += INTERVAL
    frozen = ask(server).json()["data"][0]["call_options"]["market_data"]
    assert frozen == json.loads(before)["data"][0]["call_options"]["market_data"]
    server.break_down(Faults())
    assert ask(server).json()["data"][0]["call_options"]["market_data"] != frozen


def test_it_runs_as_a_process_on_wall_time_plus_an_offset(data: Path) -> None:
    offset_s = (START + INTERVAL - datetime.now(UTC)).total_seconds()
    command = [sys.executable, "-m", "emulators.replay_server", "--data", str(data), "--token", TOKEN]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(
        [*command, "--offset-s", str(offset_s)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            query = {"instrument_key": INSTRUMENT_KEYS["NIFTY"], "expiry_date": WEEKLY.isoformat()}
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert httpx.get(url + "/v2/option/chain", params=query, headers=headers).json()["data"]
            assert httpx.get(url + "/_calls").json() == {"/v2/option/chain 200": 1}
        finally:
            process.terminate()


@pytest.mark.marketdata
def test_a_real_recording_is_served_too(marketdata: Path, rules: RuleBook) -> None:
    path = marketdata / "chains/nse_1min_2025-08/NIFTY_option_chain_1min_20250829.parquet"
    at = datetime(2025, 8, 29, 7, 4, 46, tzinfo=UTC)
    with ReplayServer([path], rules, token=TOKEN, now=lambda: at) as server:
        rows = {row["strike_price"]: row for row in ask(server).json()["data"]}
    quote = rows[24600.0]["call_options"]["market_data"]
    # The recorded row of 12:34:46: bid 67.7, ask 67.75, 75 units each, OI 211,837 lots of 75.
    assert (quote["bid_price"], quote["ask_price"], quote["bid_qty"], quote["oi"]) == (67.7, 67.75, 75, 211_837 * 75)
