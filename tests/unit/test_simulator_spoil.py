"""Faults laid into a simulated day: each is refused by the guard that is there for it, the rest of the day stands."""

from __future__ import annotations

from datetime import date

from quantsentinel.integrity.firewall import IntegrityContext, check
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.day import simulate_day
from quantsentinel.simulator.spoil import FAULTS, spoilt


def test_each_fault_is_refused_by_its_guard_and_the_rest_of_the_day_is_accepted() -> None:
    rules = load_rules()
    day = simulate_day("NIFTY", date(2025, 9, 1), 4, rules, default_config("NIFTY"))
    previous: Snapshot | None = None
    refused: list[str] = []
    for snapshot in spoilt(day.snapshots[:40]):
        context = IntegrityContext("NIFTY", contract_for("simulator"), rules, snapshot.received_at, previous)
        firewall = check(snapshot, context)
        if firewall.accepted:
            previous = snapshot
        else:
            refused.append(firewall.first_stop.guard if firewall.first_stop else "")
    assert refused == ["zero_chain", "parity", "repeated_snapshot"]
    assert len(refused) == len(FAULTS)


def test_a_day_of_one_snapshot_is_left_alone() -> None:
    day = simulate_day("NIFTY", date(2025, 9, 1), 4, load_rules())
    assert spoilt(day.snapshots[:1]) == day.snapshots[:1]
