"""`qs run` goes on from its state: nothing polled twice, nothing told twice, and never two runs in one folder."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from quantsentinel.app.listing import signals, snapshots
from quantsentinel.app.platform import Platform
from quantsentinel.cli.live_view import LiveView
from quantsentinel.cli.simulate import DayPlan, write_day
from quantsentinel.errors import BadInput
from quantsentinel.market.dayfile import read_day_file, write_day_file
from quantsentinel.market.rulebook import load_rules
from quantsentinel.settings import Settings
from quantsentinel.wiring.live import Beat, LiveRequest, run_live
from tests.market_day import DAY

SPEED = 120.0
MINUTES = 8


@dataclass
class Watch:
    """Stops a run after some polls; what its view tells is what a person sees."""

    wanted: int = 1_000
    stop: threading.Event = field(default_factory=threading.Event)
    view: LiveView = field(default_factory=lambda: LiveView("test"))
    told: int = 0
    over: bool = False

    def on_beat(self, beat: Beat) -> None:
        self.over = beat.over
        for polled in beat.polled:
            self.view.poll(polled)
        self.told += len(self.view.refresh(beat.platform, ("NIFTY",)))
        if self.view.accepted.total() + self.view.refused.total() >= self.wanted:
            self.stop.set()

    def run(self, request: LiveRequest) -> Platform:
        return run_live(request, self.on_beat, self.stop, self.view.remember)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first minutes of a simulated day, with its history."""
    folder = tmp_path_factory.mktemp("days")
    write_day(folder / "day.parquet", DayPlan(("NIFTY",), DAY, seed=7), load_rules())
    day = read_day_file(folder / "day.parquet")
    write_day_file(folder / "morning.parquet", list(day.snapshots("NIFTY"))[:MINUTES], day.daily)
    return folder / "morning.parquet"


def request_of(morning: Path, state: Path) -> LiveRequest:
    return LiveRequest(Settings(state=state, sync="normal"), ("NIFTY",), str(morning), speed=SPEED)


def test_a_resumed_run_polls_and_tells_nothing_twice_and_ends_with_its_recording(morning: Path, tmp_path: Path) -> None:
    request = request_of(morning, tmp_path / "state")
    first = Watch(wanted=3)
    first.run(request)
    second = Watch()
    platform = second.run(request)
    assert second.over
    polled = snapshots(platform)
    assert len({line["at"] for line in polled}) == len(polled)
    assert "repeated_snapshot" not in {line.get("guard") for line in polled}
    assert second.view.accepted["NIFTY"] >= 1
    assert first.told > 0
    assert first.told + second.told == len(signals(platform)) == len(second.view.seen)


def test_a_state_folder_has_one_run_at_a_time(morning: Path, tmp_path: Path) -> None:
    request = request_of(morning, tmp_path / "state")
    refused: list[str] = []

    def try_another(platform: Platform) -> None:
        with pytest.raises(BadInput, match="another run") as error:
            Watch(wanted=1).run(request)
        refused.append(error.value.where)

    watch = Watch(wanted=1)
    run_live(request, watch.on_beat, watch.stop, try_another)
    assert refused == [str(tmp_path / "state")]
    after = Watch(wanted=1)
    after.run(request)
    assert after.view.accepted.total() + after.view.refused.total() == 1
