"""No feature knows the future: proved for all of them, and the proof is shown to catch those that do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantsentinel.features import values as feature_values_module
from quantsentinel.features.feature import Source, Value
from quantsentinel.features.registry import FEATURES
from quantsentinel.market.earlier import Breadth
from tests import lookahead
from tests.lookahead import STEP, STEPS, Archive, changed, day, features, peeks

COUNT = 88
ALWAYS_UNKNOWN = {"vendor_delta_gap", "vendor_gamma_gap", "vendor_theta_gap", "vendor_vega_gap"}
"""The made market has a vendor's vols only."""
LAST = STEPS - 1


@settings(max_examples=5)
@given(index=st.integers(1, LAST), later=st.integers(0, STEPS), factor=st.floats(2.0, 1e6))
@example(index=0, later=STEPS, factor=1e6)
@example(index=LAST, later=0, factor=3.0)
def test_every_feature_of_a_truncated_or_poisoned_day_equals_that_of_the_whole_day(
    index: int, later: int, factor: float
) -> None:
    assert peeks(features, day(), index, later * STEP, factor) == set()


def test_the_proof_covers_every_feature_and_nearly_all_have_a_value_in_it() -> None:
    found = features(day(), LAST)
    assert list(found) == [feature.name for feature in FEATURES]
    assert len(found) == COUNT
    assert {name for name, value in found.items() if value is None} == ALWAYS_UNKNOWN


def cut(archive: Archive, source: Source) -> Archive:
    """The archive with one input changed before it could be known."""
    rows = tuple(replace(row, call_oi=row.call_oi * 2, put_oi=row.put_oi * 3, atm_vol=None) for row in archive.rows)
    first = archive.openings[0]
    books = tuple(replace(book, call_oi=tuple(oi * 2 for oi in book.call_oi)) for book in first.books)
    changes: Mapping[Source, Mapping[str, object]] = {
        "rows": {"rows": tuple(replace(row, forwards={k: v * 1.01 for k, v in row.forwards.items()}) for row in rows)},
        "opening": {"openings": (replace(first, books=books), *archive.openings[1:])},
        "daily": {"daily": archive.daily[:-30]},
        "participants": {"evenings": ()},
        "breadth": {"breadth": ()},
    }
    return replace(archive, **changes[source])  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("source", ["rows", "opening", "daily", "participants", "breadth"])
def test_an_input_moves_features_that_declare_it_and_no_other(source: Source) -> None:
    base, other = features(day(), LAST), features(cut(day(), source), LAST)
    moved = changed(base, other, base)
    declared = {feature.name for feature in FEATURES if source in feature.inputs}
    assert moved
    assert moved <= declared


def test_the_snapshot_moves_nothing_that_does_not_declare_it() -> None:
    base = features(day(), LAST)
    swapped = replace(
        day(), snapshots=(*day().snapshots[:-1], replace(day().snapshots[3], slices=day().snapshots[-1].slices))
    )
    moved = changed(base, features(swapped, LAST), base)
    assert len(moved) > COUNT / 2
    assert moved <= {feature.name for feature in FEATURES if "snapshot" in feature.inputs}


# --- Features that cheat ----------------------------------------------------------------------------------------------
def newest_share(archive: Archive) -> float:
    newest: Breadth = archive.breadth[-1]
    return newest.advances / (newest.advances + newest.declines)


CHEATS: Mapping[str, Callable[[Archive, int], Value]] = {
    "snapshots: interest as a share of the day's highest": lambda archive, index: float(
        archive.snapshots[index].columns["oi"].sum() / max(taken.columns["oi"].sum() for taken in archive.snapshots)
    ),
    "rows: the newest one, whatever its time": lambda archive, index: archive.rows[-1].put_oi if archive.rows else None,
    "rows: the day's mean vol": lambda archive, index: sum(row.atm_vol or 0 for row in archive.rows) / 24,
    "openings: the last book of the day": lambda archive, index: (
        archive.openings[-1].books[0].call_oi[0] if archive.openings else None
    ),
    "daily: the day's own close": lambda archive, index: archive.daily[-1].close,
    "evenings: the newest file": lambda archive, index: archive.evenings[-1].call_long["pro"],
    "breadth: the newest day": lambda archive, index: newest_share(archive),
}


@pytest.mark.parametrize("name", CHEATS)
@pytest.mark.parametrize("index", [2, STEPS // 2])
def test_a_feature_that_cheats_is_caught_and_no_other_is_blamed(name: str, index: int) -> None:
    def run(archive: Archive, at: int) -> Mapping[str, Value]:
        return {"spread": 0.0, "cheat": CHEATS[name](archive, at)}

    assert peeks(run, day(), index, timedelta(minutes=20), 7.0) == {"cheat"}


def test_the_proof_fails_when_the_pass_stops_leaving_out_what_is_not_known_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sabotage, not a stand-in: what the pass does when this one line is lost."""
    for module in (lookahead.market_pass.__globals__, vars(feature_values_module)):
        monkeypatch.setitem(module, "known_at", lambda history, at: history)
    caught = peeks(features, day(), STEPS // 2, timedelta(0), 5.0)
    assert {"realised_vol_today", "vol_of_vol_today", "forecast_sessions"} <= caught
