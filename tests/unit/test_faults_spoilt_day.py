"""Faults laid into the demo's day: each is refused by a guard that is there for it, the rest of the day stands."""

from __future__ import annotations

from datetime import date

import pytest

from quantsentinel.app.fault_trial import run_clean
from quantsentinel.market.rulebook import load_rules
from quantsentinel.simulator.day import simulate_day
from quantsentinel.simulator.faults.fault import Scene
from quantsentinel.simulator.faults.spoilt_day import demo_faults, spoilt

DAY = date(2025, 9, 1)


@pytest.mark.parametrize("others", [("BANKNIFTY",), ()])
def test_each_fault_is_refused_and_the_rest_of_the_day_is_accepted(others: tuple[str, ...]) -> None:
    rules = load_rules()
    foreign = tuple(part for name in others for part in simulate_day(name, DAY, 4, rules).snapshots[:40])
    scene = Scene(simulate_day("NIFTY", DAY, 4, rules).snapshots[:40], rules, foreign)
    stops = [firewall.first_stop for firewall in run_clean(spoilt(scene, 4), rules).firewalls]
    refused = [place for place, stop in enumerate(stops) if stop is not None]
    guards = [stop.guard for stop in stops if stop is not None]
    assert refused == [10, 20, 30]
    assert (guards[0], guards[2]) == ("zero_chain", "repeated_snapshot")
    assert len(demo_faults(scene)) == 3


def test_a_day_of_one_snapshot_is_left_alone() -> None:
    rules = load_rules()
    day = simulate_day("NIFTY", DAY, 4, rules)
    assert spoilt(Scene(day.snapshots[:1], rules), 4) == day.snapshots[:1]
