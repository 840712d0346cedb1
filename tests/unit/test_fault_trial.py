"""The trial: judged as the poller judges, counted honestly, and its targets on a small sample."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from quantsentinel.app.clean_days import CleanDay, clean_days, tally_simulated
from quantsentinel.app.fault_scene import simulated_scene
from quantsentinel.app.fault_score import Rate, clean_rates, faults_json, recall_rates, wilson
from quantsentinel.app.fault_trial import Tally, Tried, run_trial
from quantsentinel.errors import BadInput
from quantsentinel.market.rulebook import load_rules
from quantsentinel.simulator.config import default_config
from quantsentinel.simulator.faults.edits import injected
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.registry import FAULTS, fault

DAY = date(2025, 9, 1)


@cache
def scene(minutes: int = 8) -> Scene:
    """A few minutes from noon: a trial judges all of them before it lays a fault."""
    whole = simulated_scene("NIFTY", DAY, 7, load_rules())
    return replace(whole, snapshots=whole.snapshots[150 : 150 + minutes])


def tried(*names: str, per_fault: int = 1, seed: int = 3) -> list[Tally]:
    return run_trial(scene(), [fault(name) for name in names], per_fault, seed)


def nothing(scene: Scene, at: int, severity: float, random: np.random.Generator) -> Injected | None:
    clean = scene.snapshots[at]
    return injected(scene, at, clean, (clean.bid > 0) & (clean.ask > 0))


def harmless(answer: Answer) -> Fault:
    return Fault("nothing", (), Level.CHAIN, answer, frozenset(), "", (1.0,), nothing)


@pytest.mark.parametrize(
    ("answer", "caught"),
    [(Answer.REFUSED, False), (Answer.MASKED, False), (Answer.UNCHANGED, True), (Answer.SAFE, True)],
)
def test_a_fault_that_changes_nothing_is_noticed_by_nobody(answer: Answer, caught: bool) -> None:
    found = run_trial(scene(), [harmless(answer)], 1, 3)[0].tried[0]
    assert found.caught is caught
    assert (found.guard, found.lost) == ("", 0)
    assert found.used > 500 or answer is Answer.REFUSED


def test_what_was_refused_is_told_with_the_guard_that_refused() -> None:
    tallies = {(tally.fault.name, tally.severity): tally for tally in tried("all_zero", "repeated", "old_receipt")}
    assert tallies["all_zero", 1.0].guards == {"zero_chain": 1}
    assert tallies["repeated", 1.0].guards == {"repeated_snapshot": 1}
    assert tallies["old_receipt", 61.0].guards == {"age": 1}


def test_the_same_seed_tries_the_same_and_a_new_fault_moves_no_other() -> None:
    alone, together = tried("crossed", per_fault=2), tried("jump", "crossed", per_fault=2)
    assert [tally.tried for tally in alone] == [tally.tried for tally in together if tally.fault.name == "crossed"]


def test_a_day_without_an_accepted_snapshot_takes_no_fault() -> None:
    with pytest.raises(BadInput, match="no accepted snapshot"):
        run_trial(replace(scene(), snapshots=scene().snapshots[:2]), FAULTS[:1], 1, 3)


def test_severities_below_the_tolerance_are_tried_and_not_counted() -> None:
    tallies = tried("exchange_ahead")
    assert [(tally.severity, tally.gated) for tally in tallies][:2] == [(3.0, False), (6.0, True)]
    assert recall_rates(tallies)[0].total == 4
    assert [item["counts"] for item in faults_json(tallies)[0]["severities"]] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3 (score without continuity correction).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_that_newcombe_printed(count: int, total: int, low: float, high: float) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


def test_a_target_needs_something_to_count_and_is_met_at_its_limit() -> None:
    assert not Rate("of nothing", 0, 0, 0.99, at_least=True).reached
    assert Rate("quotes", 99, 100, 0.99, at_least=True).reached
    assert not Rate("quotes", 98, 100, 0.99, at_least=True).reached
    assert Rate("refused", 1, 1000, 0.001, at_least=False).reached
    assert not Rate("refused", 2, 1000, 0.001, at_least=False).reached


def test_missed_faults_lower_the_recall_of_their_level() -> None:
    at = scene().snapshots[0].received_at
    hit, miss = Tried(at, True, "scale", 1, 0, 0), Tried(at, False, "", 1, 1, 0)
    rates = recall_rates([Tally(fault("jump"), 5.0, True, (hit, miss)), Tally(fault("jump"), 1.0, False, (miss,))])
    assert [(rate.count, rate.total, rate.reached) for rate in rates] == [(1, 2, False)]


def test_every_underlying_has_an_ordinary_an_expiry_and_a_crash_day() -> None:
    days = list(clean_days((1, 2)))
    assert len(days) == 12
    assert {(day.underlying, day.label) for day, _ in days} == {
        (name, label) for name in ("NIFTY", "BANKNIFTY") for label in ("ordinary", "expiry", "crash")
    }


def test_a_clean_day_is_counted_quote_by_quote_and_refused_nowhere() -> None:
    config = replace(default_config("NIFTY"), interval_s=900.0)
    tally = tally_simulated(CleanDay("ordinary", "NIFTY", DAY, config), 5, load_rules())
    assert (tally.chains, tally.refused.total()) == (25, 0)
    assert tally.near_quotes > 25 * 60
    assert all(rate.reached for rate in clean_rates([tally]))


def test_the_targets_hold_on_a_sample_of_every_fault() -> None:
    """Each once, at the last of its severities; frozen feeds and old caches need the hours that the command has."""
    loud = [replace(item, severities=item.severities[-1:], below=()) for item in FAULTS if "frozen" not in item.name]
    tallies = run_trial(scene(30), loud, 1, 3)
    missed = {tally.fault.name for tally in tallies if tally.caught < len(tally.tried)}
    assert not missed
    assert sum(len(tally.tried) for tally in tallies) >= 80
