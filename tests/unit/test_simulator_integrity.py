"""Simulated chains pass the firewall; what the replay server spoils does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from emulators.replay_server import Faults, ReplayServer
from quantsentinel.adapters.brokers.poll_plan import PollPlan
from quantsentinel.adapters.brokers.upstox import UpstoxFeed, upstox_client
from quantsentinel.errors import BadInput
from quantsentinel.integrity.firewall import Firewall, IntegrityContext, check
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import RuleBook, load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import SimulatedDay, simulate_day

DAY = date(2025, 8, 29)
TOKEN = "analytics"


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return load_rules()


@pytest.fixture(scope="module")
def simulated(rules: RuleBook) -> SimulatedDay:
    return simulate_day("NIFTY", DAY, 7, rules)


@pytest.mark.parametrize(
    ("underlying", "day", "interval_s"),
    [
        ("NIFTY", DAY, 120.0),
        ("BANKNIFTY", DAY, 300.0),
        ("NIFTY", date(2025, 9, 2), 300.0),
        ("NIFTY", date(2026, 11, 20), 300.0),
    ],
)
def test_every_snapshot_of_a_simulated_day_is_accepted(
    rules: RuleBook, underlying: str, day: date, interval_s: float
) -> None:
    config = replace(default_config(underlying), interval_s=interval_s)
    snapshots = simulate_day(underlying, day, 5, rules, config).snapshots
    previous = None
    for snapshot in snapshots:
        context = IntegrityContext(
            underlying, contract_for("simulator"), rules, snapshot.received_at, previous, previous
        )
        firewall = check(snapshot, context)
        assert firewall.accepted, firewall.first_stop
        assert firewall.mask.mean() > 0.85
        previous = snapshot


class MinuteClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Upstox:
    """The served day as the product's own client reads it, one minute after another."""

    def __init__(self, server: ReplayServer, client: httpx.Client, rules: RuleBook, clock: MinuteClock) -> None:
        plan = PollPlan(interval_s=60.0, near=3, far_every=3, expiries={"NIFTY": 11})
        self.server, self._rules, self._clock = server, rules, clock
        self._feed = UpstoxFeed(client, TOKEN, rules, plan, clock)
        self._seen: Snapshot | None = None

    def poll(self) -> Firewall:
        raw = self._feed.poll("NIFTY")
        assert raw is not None
        snapshot, now = parse(raw, self._rules), self._clock.now()
        context = IntegrityContext("NIFTY", contract_for("upstox"), self._rules, now, self._seen, self._seen)
        self._seen = snapshot
        self._clock.at += timedelta(seconds=60)
        return check(snapshot, context)


@pytest.fixture
def upstox(simulated: SimulatedDay, rules: RuleBook, tmp_path: Path) -> Iterator[Upstox]:
    path = tmp_path / "day.parquet"
    write_day_file(path, simulated.snapshots[:12], {"NIFTY": simulated.daily})
    clock = MinuteClock(simulated.snapshots[3].received_at)
    with ReplayServer([path], rules, token=TOKEN, now=clock.now) as server, upstox_client(server.url) as client:
        reader = Upstox(server, client, rules, clock)
        reader.poll()
        yield reader


def test_a_chain_served_as_upstox_does_is_accepted_while_it_moves(upstox: Upstox) -> None:
    for _ in range(3):
        firewall = upstox.poll()
        assert firewall.accepted, firewall.first_stop


def test_a_frozen_feed_is_refused_though_its_receipts_are_fresh(upstox: Upstox) -> None:
    upstox.server.break_down(Faults(freeze=True))
    upstox.poll()
    stop = upstox.poll().first_stop
    assert stop is not None
    assert stop.guard in {"repeated_snapshot", "liveness"}


def test_a_chain_of_zeros_is_refused_and_by_its_own_guard_once_the_far_expiries_are_zero_too(upstox: Upstox) -> None:
    upstox.server.break_down(Faults(zero=True))
    polls = [upstox.poll() for _ in range(3)]
    assert not any(firewall.accepted for firewall in polls)
    assert {verdict.guard: verdict for verdict in polls[-1].verdicts}["zero_chain"].stops


def test_an_option_at_the_price_of_the_index_is_never_usable(upstox: Upstox) -> None:
    upstox.server.break_down(Faults(foreign_price=True))
    firewall = upstox.poll()
    spoilt = firewall.snapshot.bid == firewall.snapshot.spot
    assert spoilt.sum() >= 3
    assert not firewall.mask[spoilt].any()


def test_another_instruments_chain_is_no_snapshot_at_all(upstox: Upstox) -> None:
    upstox.server.break_down(Faults(other_instrument=True))
    with pytest.raises(BadInput, match="expiry"):
        upstox.poll()
