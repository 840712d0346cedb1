"""The real chains of 2025-08-29: refusals that are explained, forwards that agree with the futures, faults noticed.

The futures' closes are NSE's own, from the index bhavcopy in `daily/india_vix_span_oi_2012_2026`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from functools import cache
from pathlib import Path

import pytest

from quantsentinel.app.fault_scene import recorded_scene
from quantsentinel.app.fault_trial import run_trial
from quantsentinel.app.judged_day import WHY, JudgedDay, basis_points, judge_day
from quantsentinel.cli.fault_report import CHAINS, EARLIER, FUTURES, SESSION, future_closes
from quantsentinel.cli.faults import recorded_snapshots
from quantsentinel.market.calendar import IST
from quantsentinel.simulator.faults.fault import Scene
from quantsentinel.simulator.faults.registry import FAULTS
from tests.chains import rules

pytestmark = pytest.mark.marketdata
MONTHLIES = (date(2025, 9, 30), date(2025, 10, 28))


@cache
def scenes(marketdata: Path) -> dict[str, Scene]:
    found = recorded_snapshots([marketdata / CHAINS, marketdata / EARLIER], rules(), lambda *_: None)
    return {name: recorded_scene(found, name, rules()) for name in ("NIFTY", "BANKNIFTY")}


@cache
def judged(marketdata: Path, name: str) -> JudgedDay:
    return judge_day(scenes(marketdata)[name].snapshots, rules())


@pytest.mark.parametrize(("name", "accepted", "refused"), [("NIFTY", 292, 14), ("BANKNIFTY", 285, 20)])
def test_every_refusal_of_the_day_has_its_explanation(marketdata: Path, name: str, accepted: int, refused: int) -> None:
    day = judged(marketdata, name)
    assert day.tally.chains == accepted + refused
    assert day.tally.refused.total() == refused
    assert set(day.groups()) <= set(WHY)


@pytest.mark.parametrize("name", ["NIFTY", "BANKNIFTY"])
def test_near_the_money_quotes_stay_usable_on_the_real_day(marketdata: Path, name: str) -> None:
    tally = judged(marketdata, name).tally
    assert tally.near_quotes > 5_000
    assert tally.masked <= 0.005 * tally.near_quotes


@pytest.mark.parametrize("expiry", MONTHLIES)
def test_the_closing_forward_agrees_with_the_future_within_five_basis_points(marketdata: Path, expiry: date) -> None:
    future = future_closes(marketdata / FUTURES, SESSION)["NIFTY", expiry]
    forward = judged(marketdata, "NIFTY").closing_forward(expiry)
    assert abs(basis_points(forward, future)) < 5


def test_forwards_of_the_closing_half_hour_are_those_that_are_averaged(marketdata: Path) -> None:
    times = [at.astimezone(IST).time() for at, _ in judged(marketdata, "NIFTY").forwards[MONTHLIES[0]]]
    assert sum(time(15, 0) <= at < time(15, 28) for at in times) >= 20


def test_faults_in_real_chains_are_noticed(marketdata: Path) -> None:
    """Each once, at the last of its severities; frozen feeds and old caches need the hours that the command has."""
    scene = scenes(marketdata)["NIFTY"]
    hour = replace(scene, snapshots=scene.snapshots[100:130])
    loud = [replace(item, severities=item.severities[-1:], below=()) for item in FAULTS if "frozen" not in item.name]
    tallies = run_trial(hour, loud, 1, 3)
    assert not {tally.fault.name for tally in tallies if tally.caught < len(tally.tried)}
    laid = {tally.fault.name for tally in tallies if tally.tried}
    assert len(laid) >= 80
    assert "spot_wrong" not in laid  # the NSE page names no spot: there is nothing to get wrong
