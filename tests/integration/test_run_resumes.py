"""`qs run` goes on from its state: nothing polled twice, nothing told twice, and never two runs in one folder."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from quantsentinel.app.listing import signals, snapshots
from quantsentinel.app.platform import Platform
from quantsentinel.cli.live_view import LiveView
from quantsentinel.errors import BadInput
from quantsentinel.settings import Settings
from quantsentinel.wiring.live import Beat, LiveRequest, run_live
from tests.flow import NIFTY, day_file

SPEED = 5.0
"""A poll and its decision may take 12 seconds before the minute is over in which they are of use."""
INTERVAL_S = 10.0
SNAPSHOTS = 6


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
    """The first minute of a simulated day, with its history."""
    return day_file(tmp_path_factory.mktemp("days"), NIFTY, range(SNAPSHOTS), interval_s=INTERVAL_S)


def request_of(morning: Path, state: Path) -> LiveRequest:
    settings = Settings(state=state, sync="normal", poll_interval_s=INTERVAL_S)
    return LiveRequest(settings, NIFTY, str(morning), speed=SPEED)


def test_a_resumed_run_polls_and_tells_nothing_twice_and_ends_with_its_recording(morning: Path, tmp_path: Path) -> None:
    request = request_of(morning, tmp_path / "state")
    first, second = Watch(wanted=3), Watch()
    before = snapshots(first.run(request))
    platform = second.run(request)
    assert second.over
    # It goes on after the newest that was accepted: one that was refused after it may be seen again, and judged anew.
    accepted = max(line["at"] for line in before if line["outcome"] == "accepted")
    after = [line for line in snapshots(platform) if line not in before]
    assert min(line["at"] for line in after) > accepted
    assert "repeated_snapshot" not in {line.get("guard") for line in after}
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
