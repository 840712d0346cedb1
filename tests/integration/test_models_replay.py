"""A day that changes its fitted parts in between: each decision is made again with the parts that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantsentinel.app.models import promote, registry_of, rollback
from quantsentinel.app.replay_decision import decided, replay_decision
from quantsentinel.errors import BadInput
from quantsentinel.ports import Delete
from quantsentinel.settings import Settings
from quantsentinel.volatility.artefact import Artefact
from quantsentinel.volatility.offer import artefact_of
from quantsentinel.volatility.parameters import served
from quantsentinel.volatility.refit import refit
from quantsentinel.wiring.local import open_local
from tests.fit_days import made_up
from tests.flow import NIFTY, ZEN, Flow, day_file, flow


@pytest.fixture(scope="module")
def fitted() -> Artefact:
    history = made_up()
    found = artefact_of(refit("clock", history, served()), history, served(), "1.0")
    table = {**found.table, "trained": "2016-01-01..2026-07-31"}
    return Artefact(found.part, table, found.card)


def released(running: Flow, fitted: Artefact) -> Flow:
    registry_of(running.platform).offer(fitted, running.clock.now())
    promote(running.platform, fitted.digest, "asha", "a release within the day")
    return running.restarted(volatility_clock=fitted.digest)


def test_decisions_before_and_after_a_release_of_fitted_parts_are_made_again(tmp_path: Path, fitted: Artefact) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4)), [ZEN]) as running:
        running.play(2)
        later = released(running, fitted)
        later.play(2)
        rollback(later.platform, "clock", "asha", "the next release is the old one")
    platform = open_local(Settings(state=tmp_path / "state", sync="normal"))
    cycles = [item.id for item in platform.documents.query("cycles") if item.data["state"] == "decided"]
    desks = {decided(platform, cycle).cycle["desk_digest"] for cycle in cycles}
    assert desks == {platform.desk.digest, later.platform.desk.digest}
    assert len(desks) == 2
    found = [one for cycle in cycles for one in replay_decision(platform, cycle)]
    assert len(found) >= 4
    assert [one.difference for one in found if one.difference is not None] == []


def test_a_decision_whose_parts_are_not_in_the_registry_is_not_made_up(tmp_path: Path, fitted: Artefact) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2)), [ZEN]) as running:
        later = released(running, fitted)
        later.finish()
    platform = open_local(Settings(state=tmp_path / "state", sync="normal"))
    cycle, *_ = platform.documents.query("cycles")
    assert replay_decision(platform, cycle.id)[0].difference is None
    platform.documents.commit([Delete(f"registry/volatility/artefacts/{fitted.digest.removeprefix('sha256:')}")])
    with pytest.raises(BadInput, match="decided by another desk: volatility"):
        replay_decision(platform, cycle.id)
