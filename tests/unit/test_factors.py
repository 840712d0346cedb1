"""How the indices moved together: from closes known before the session, never better than the adverse bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from quantsentinel.adapters.brokers.recorded import RecordedFeed, open_recording
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.app.poll_market import poll_market
from quantsentinel.costs.margin import span_volatility
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.dayfile import write_day_file
from quantsentinel.market.history import History, decode_history, known_at
from quantsentinel.opportunity.factors import factors_of
from quantsentinel.settings import Settings
from quantsentinel.volatility.covariance import shrunk_correlation
from quantsentinel.wiring.local import open_local
from tests.builders import desk
from tests.market_day import NOON, snapshot

SESSION = date(2025, 8, 29)
DAYS = [SESSION - timedelta(days=back) for back in range(120, 0, -1)]


def bars(closes: Sequence[float], days: Sequence[date] = DAYS) -> tuple[DailyBar, ...]:
    return tuple(DailyBar(day, close, close, close, close) for day, close in zip(days, closes, strict=True))


def walks(alike: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    own, other = rng.normal(size=(2, 120))
    both = alike * own + np.sqrt(1 - alike**2) * other
    return 24_500 * np.exp(np.cumsum(0.007 * own)), 55_500 * np.exp(np.cumsum(0.009 * both))


def history(alike: float = 0.9, **changes: object) -> History:
    own, other = walks(alike)
    base = History("NIFTY", SESSION, daily=bars(own.tolist()), neighbours={"BANKNIFTY": bars(other.tolist())})
    return replace(base, **changes)


def test_the_factors_are_those_of_the_last_sixty_returns() -> None:
    found, (own, other) = factors_of(history(), desk()), walks(0.9)
    assert found is not None
    returns = np.diff(np.log(np.array([own, other])), axis=1).T[-60:]
    expected, shrinkage = shrunk_correlation(returns)
    assert (found.names, found.sessions) == (("NIFTY", "BANKNIFTY"), 60)
    assert found.vol_daily == pytest.approx(returns.std(axis=0), abs=1e-6)
    assert found.correlation[0][1] == pytest.approx(expected[0, 1], abs=1e-6)
    assert found.shrinkage == pytest.approx(shrinkage, abs=1e-6)
    scan = desk().rules.scan("BANKNIFTY", SESSION)
    assert found.span_vol_annual[1] == pytest.approx(span_volatility(other.tolist(), scan), abs=1e-6)
    assert found.previous_close == (own[-1], other[-1])


def test_indices_are_never_taken_to_differ_more_than_they_ever_did() -> None:
    for alike in (0.3, -0.8):
        found = factors_of(history(alike), desk())
        assert found is not None
        assert found.correlation == ((1.0, 0.7), (0.7, 1.0))


def test_a_neighbour_without_enough_days_in_common_is_left_out() -> None:
    own = walks(0.9)[0].tolist()
    elsewhere = bars(own, [day - timedelta(days=900) for day in DAYS])
    for neighbours in ({}, {"BANKNIFTY": bars(own[:22], DAYS[:22])}, {"BANKNIFTY": elsewhere}):
        found = factors_of(history(neighbours=neighbours), desk())
        assert found is not None
        assert found.names == ("NIFTY",)
        assert found.index_of("BANKNIFTY") == 0


def test_too_few_own_closes_or_closes_that_stand_still_are_not_known() -> None:
    own = walks(0.9)[0].tolist()
    assert factors_of(history(daily=bars(own[:22], DAYS[:22])), desk()) is None
    assert factors_of(history(daily=bars([24_500.0] * 120)), desk()) is None


def test_bars_of_the_session_and_later_are_not_known_before_it() -> None:
    at = datetime(2025, 8, 29, 6, 0, tzinfo=UTC)
    later = (*history().neighbours["BANKNIFTY"], DailyBar(SESSION, 1.0, 1.0, 1.0, 1.0))
    told = history(neighbours={"BANKNIFTY": later})
    assert known_at(told, at).neighbours == history().neighbours
    assert factors_of(known_at(told, at), desk()) == factors_of(history(), desk())


def test_a_history_with_neighbours_comes_back_and_one_without_keeps_its_name() -> None:
    told = history()
    assert decode_history(told.encoded) == told
    alone = replace(told, neighbours={})
    assert b"neighbours" not in alone.encoded
    assert decode_history(alone.encoded).digest == alone.digest != told.digest


def test_the_poller_hands_on_the_newest_bars_of_the_other_indices(tmp_path: Path) -> None:
    write_day_file(tmp_path / "day.parquet", [snapshot(NOON)], {})
    recording, clock = open_recording(tmp_path / "day.parquet"), VirtualClock(NOON - timedelta(minutes=1))
    platform = open_local(Settings(state=tmp_path / "state"), clock, {"file": RecordedFeed(recording, clock)})
    own, other = walks(0.9)
    platform.snapshots.put_daily("NIFTY", bars(own.tolist()))
    later = DailyBar(SESSION, 1.0, 1.0, 1.0, 1.0)
    platform.snapshots.put_daily("BANKNIFTY", (*bars(other.tolist()), later))
    clock.advance_to(recording.schedule("NIFTY")[0])
    polled = poll_market(platform, "file", "NIFTY")
    assert polled is not None
    assert polled.accepted, polled
    pointer = platform.snapshots.latest("NIFTY")
    assert pointer is not None
    told = platform.snapshots.get_history(pointer.data["history_key"]).neighbours
    assert told == {"BANKNIFTY": bars(other.tolist())[-61:]}
