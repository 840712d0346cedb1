"""The fault library: each fault changes what it says and nothing else, the same way for the same seed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.app.fault_scene import recorded_scene, simulated_scene
from quantsentinel.errors import BadInput
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.faults.edits import matched, observed, received
from quantsentinel.simulator.faults.fault import Answer, Fault, Injected, Level, Scene
from quantsentinel.simulator.faults.payloads import upstox_json, upstox_raw
from quantsentinel.simulator.faults.registry import FAULTS, SOURCES, fault
from quantsentinel.simulator.faults.ruler import measure, tolerances_off

DAY = date(2025, 9, 1)
AT = 200
STRUCTURE = {"everything", "strike", "before", "payload"}
NUMBER_OF_FAULTS = 92
CONVENTIONS = {
    "openalgo_foreign_price", "openalgo_stale_price", "openalgo_zeros", "freqtrade_lookahead", "nautilus_two_prices",
    "lean_lot",
}  # fmt: skip
BLEMISHES = {
    "nse_repeats", "nse_hole", "nse_vol_zero", "nse_last_outside", "nse_far_zero", "nse_lots", "nse_fractions",
    "nse_sizes_units", "nse_lag", "nse_holiday", "ltp_spot_zero", "ltp_no_quotes", "ltp_no_vol", "ltp_lots",
    "greeks_floor", "daily_layouts", "fno_footnote", "rules_expiry_late", "upstox_vol", "upstox_zero_bids",
    "upstox_no_time", "kite_rupees", "bars_mislabelled",
}  # fmt: skip


@cache
def scene() -> Scene:
    return simulated_scene("NIFTY", DAY, 7, load_rules())


def laid(which: Fault, severity: float, seed: int = 1) -> Injected | None:
    return which(scene(), AT, severity, np.random.default_rng(seed))


def each_severity() -> list[tuple[Fault, float]]:
    """Those that leave the rows where they are, and can be laid at this snapshot."""
    staying = [item for item in FAULTS if not item.changes & STRUCTURE]
    cases = [(item, float(level)) for item in staying for level in (*item.below, *item.severities)]
    return [(which, level) for which, level in cases if laid(which, level) is not None]


def test_every_row_of_conventions_and_every_blemish_has_its_faults() -> None:
    assert set(SOURCES) == CONVENTIONS | BLEMISHES
    assert {source for item in FAULTS for source in item.sources} == set(SOURCES)


def test_the_library_holds_its_number_of_faults_under_different_names() -> None:
    assert len({item.name for item in FAULTS}) == len(FAULTS) == NUMBER_OF_FAULTS
    assert {item.level for item in FAULTS} == set(Level)
    assert {item.answer for item in FAULTS} == set(Answer)


def test_a_severity_below_the_tolerance_is_named_with_its_reason() -> None:
    assert all(item.floor for item in FAULTS if item.below)
    assert not [item.name for item in FAULTS if set(item.below) & set(item.severities)]


def changed_rows(clean: Snapshot, made: Snapshot, name: str) -> np.ndarray:
    before, after = clean.columns[name], made.columns[name]
    return ~((before == after) | (np.isnan(before) & np.isnan(after)))


def may_change(which: Fault, name: str) -> bool:
    vendor = "vendor_greeks" in which.changes and name.startswith("vendor_") and name != "vendor_iv"
    return vendor or bool({name, "values"} & which.changes)


def test_a_fault_changes_the_parts_it_names_and_no_others() -> None:
    cases = each_severity()
    assert len(cases) >= 160
    for which, severity in cases:
        injected = laid(which, severity)
        assert injected is not None
        only_what_it_names(which, injected)


def only_what_it_names(which: Fault, injected: Injected) -> None:
    clean, made = scene().snapshots[AT], injected.snapshot
    assert injected.touched.shape == (len(made),)
    assert np.array_equal(made.strike, clean.strike)
    for name in clean.columns:
        changed = changed_rows(clean, made, name)
        assert not (changed & ~injected.touched).any() or which.level is Level.CHAIN, (which.name, name)
        assert not changed.any() or may_change(which, name), (which.name, name)
    assert made.slices == clean.slices or "times" in which.changes, which.name
    assert made.spot == clean.spot or "spot" in which.changes, which.name


@given(index=st.integers(0, len(FAULTS) - 1), seed=st.integers(0, 2**32), at=st.integers(5, 370))
@settings(max_examples=25)
def test_the_same_seed_lays_the_same_fault_and_leaves_the_day_around_it_alone(index: int, seed: int, at: int) -> None:
    which, day = FAULTS[index], scene()
    severity = float(which.severities[seed % len(which.severities)])
    one, two = (which(day, at, severity, np.random.default_rng(seed)) for _ in range(2))
    if one is None or two is None:
        assert one is two
        return
    assert one.snapshot.digest == two.snapshot.digest
    assert np.array_equal(one.touched, two.touched)
    assert one.raw == two.raw
    assert all(mine is clean for mine, clean in zip(one.snapshots[: one.begins], day.snapshots, strict=False))
    behind = len(one.snapshots) - one.at - 1 - (which.name == "out_of_order")
    assert one.snapshots[len(one.snapshots) - behind :] == day.snapshots[len(day.snapshots) - behind :]


def off_by(injected: Injected) -> np.ndarray:
    """Tolerances by which the touched rows are off."""
    made = injected.snapshot
    return tolerances_off(measure(scene().snapshots[AT]), made.bid, made.ask)[injected.touched]


@pytest.mark.parametrize("name", ["foreign_quote", "stale_quote", "stale_quote_weeks", "frozen_quote", "jump"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=5)
def test_a_severity_in_tolerances_is_what_the_quote_is_off_by(name: str, seed: int) -> None:
    which = fault(name)
    for severity in which.severities:
        injected = laid(which, severity, seed)
        assert injected is None or severity * 0.99 - 0.01 <= off_by(injected)[0] <= 4 * severity + 0.01


def test_another_instrument_s_chain_keeps_its_shape_from_the_money() -> None:
    injected = laid(fault("foreign_chain"), 1)
    assert injected is not None
    made, theirs = injected.snapshot, set(scene().foreign[AT].bid.tolist())
    assert set(made.bid.tolist()) <= theirs
    assert not np.array_equal(made.bid, scene().snapshots[AT].bid)


def test_two_expiries_with_swapped_labels_show_each_other_s_quotes() -> None:
    injected = laid(fault("expiries_swapped"), 1)
    assert injected is not None
    clean, made = scene().snapshots[AT], injected.snapshot
    differing = [
        place
        for place in range(len(clean.slices))
        if len(clean.chain(place)) != len(made.chain(place))
        or not np.array_equal(clean.chain(place).call["bid"], made.chain(place).call["bid"])
    ]
    one, two = differing
    assert np.array_equal(made.chain(one).call["bid"], clean.chain(two).call["bid"])
    assert made.slices == clean.slices


def test_a_frozen_quote_says_the_same_from_its_beginning_to_the_judged_snapshot() -> None:
    injected = laid(fault("frozen_quote"), 2)
    assert injected is not None
    place = int(np.flatnonzero(injected.touched)[0])
    frozen = [injected.snapshots[at].bid[place] for at in range(injected.begins - 1, AT + 1)]
    assert len(set(frozen)) == 1
    assert len(frozen) >= 3
    assert injected.snapshots[injected.begins - 1] is scene().snapshots[injected.begins - 1]


def test_a_clean_rendering_parses_so_a_spoilt_one_fails_for_its_fault() -> None:
    clean = scene().snapshots[AT]
    documents = [json.dumps(upstox_json(clean, chain)).encode() for chain in clean.chains()[:2]]
    parsed = parse(upstox_raw(clean, documents), load_rules())
    rows, values = matched(parsed, clean, ("bid", "ask", "oi", "volume"))
    assert rows.all()
    assert all(np.array_equal(parsed.columns[name], values[name]) for name in values)


@pytest.mark.parametrize("which", [item for item in FAULTS if item.level is Level.RAW], ids=lambda item: item.name)
def test_a_spoilt_payload_is_bad_input_or_the_same_snapshot(which: Fault) -> None:
    injected = laid(which, which.severities[0])
    assert injected is not None
    assert injected.raw is not None
    if which.answer is Answer.REFUSED:
        with pytest.raises(BadInput):
            parse(injected.raw, load_rules())
    else:
        assert parse(injected.raw, load_rules()).digest == scene().snapshots[AT].digest


def test_times_shift_and_values_stay() -> None:
    clean = scene().snapshots[AT]
    moved = observed(received(clean, timedelta(hours=1)), timedelta(minutes=-3))
    for before, after in zip(clean.slices, moved.slices, strict=True):
        assert after.received_at - before.received_at == timedelta(hours=1)
        assert before.exchange_time is not None
        assert after.exchange_time == before.exchange_time - timedelta(minutes=3)
    assert moved.columns == clean.columns


def test_a_recording_without_the_underlying_lays_no_faults() -> None:
    with pytest.raises(BadInput, match="no chain of FINNIFTY"):
        recorded_scene({"NIFTY": scene().snapshots[:2]}, "FINNIFTY", load_rules())


def test_the_longest_recorded_session_is_the_scene_and_what_came_before_it_is_earlier() -> None:
    day = scene()
    recorded = {"NIFTY": [*day.earlier[:3], *day.snapshots[:9]], "BANKNIFTY": day.foreign[:5]}
    found = recorded_scene(recorded, "NIFTY", load_rules())
    assert (len(found.snapshots), len(found.earlier), len(found.foreign)) == (9, 3, 5)


def test_an_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="no fault 'flood'"):
        fault("flood")
