"""The broker's margin figure in the flow: asked once a cycle, kept, preferred, and never in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app.broker_margins import ask_margins
from quantsentinel.app.margin_check import margin_checks
from quantsentinel.app.replay_decision import replay_decision
from quantsentinel.canonical import plain_bytes
from quantsentinel.contracts.events import SnapshotTaken
from quantsentinel.errors import BadInput, Broken, RateLimited, Unavailable
from quantsentinel.ports import BrokerFigure, BrokerMargin, Json, MarginOrder
from quantsentinel.stores.margins import MarginStore
from quantsentinel.units import rupees
from tests.flow import ACME, DAY, NIFTY, Flow, day_file, flow

SNAPSHOTS = range(3)
"""The first is gone when the process that asks a broker begins."""


@dataclass
class Told:
    """A broker that asks `margin` rupees for every package, or fails with it; it counts who asks."""

    margin: float | Exception
    name: str = "kite"
    asked: list[Sequence[MarginOrder]] = field(default_factory=list)
    clock: Any = None

    def figure(self, orders: Sequence[MarginOrder]) -> BrokerFigure:
        self.asked.append(orders)
        if isinstance(self.margin, Exception):
            raise self.margin
        return BrokerFigure(self.name, self.clock.now(), self.margin, 0.0, {})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return day_file(tmp_path_factory.mktemp("day"), NIFTY, SNAPSHOTS)


def played(state: Path, data: Path, broker: BrokerMargin | None) -> Flow:
    """The day on `state`, decided by a process that asks this broker."""
    with flow(state, data, (ACME,)) as begun:
        running = begun.restarted(broker)
        if isinstance(broker, Told):
            broker.clock = running.clock
        return running.finish()


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    return played(tmp_path_factory.mktemp("plain") / "state", data, None)


def cycles(running: Flow) -> list[Json]:
    return [item.data for item in running.platform.documents.query("cycles")]


def entry(running: Flow) -> Json:
    [created] = running.signals("created")
    found: Json = created["event"]
    return found


def test_a_dear_figure_gives_fewer_lots_and_every_decision_is_made_again_without_asking(
    plain: Flow, data: Path, tmp_path: Path
) -> None:
    own, broker = entry(plain), Told(300_000.0)
    running = played(tmp_path / "state", data, broker)
    found, offer = entry(running), entry(running)["opportunity"]
    assert (own["terms"]["lots"], found["terms"]["lots"], found["sizing"]["binding"]) == (3, 2, "margin")
    more = 300_000 - rupees(offer["margin_estimate"])
    per_lot = rupees(own["terms"]["funds"]) / 3 + more
    assert abs(rupees(found["position"]["margin"]) - 2 * per_lot) < 1
    [buffer] = [one for one in found["receipts"] if one["guard"] == "margin.buffer"]
    assert buffer["detail"] == "at 2 lots, broker kite"
    asked = len(broker.asked)
    assert 0 < asked == sum(cycle["eligible"] for cycle in cycles(running))
    again = [
        one for cycle in cycles(running) for one in replay_decision(running.restarted().platform, cycle["cycle_id"])
    ]
    assert [(one.difference, one.chained) for one in again] == [(None, True)] * (len(SNAPSHOTS) - 1)
    assert len(broker.asked) == asked


def test_a_figure_that_nobody_can_pay_is_refused_and_the_difference_is_kept(data: Path, tmp_path: Path) -> None:
    running = played(tmp_path / "state", data, Told(5_000_000.0))
    assert running.signals() == []
    refusals = [refusal for row in running.rows("acme") for refusal in row["refusals"]]
    stops = {v["guard"]: v for refusal in refusals for v in refusal["verdicts"] if v["outcome"] == "blocked"}
    assert stops["margin.buffer"]["detail"].endswith("broker kite")
    checks = margin_checks(running.platform.documents)
    assert {item.broker for item in checks} == {"kite"}
    assert all(item.alarm_since and item.checks[-1].figure == rupees(5_000_000) for item in checks)


@pytest.mark.parametrize(
    ("error", "questions"),
    [(Unavailable("HTTP 503", where="kite"), 1), (RateLimited("slow down", retry_after_s=9.0), 1),
     (BadInput("the access token has expired"), None), (KeyError("a field"), 1)],
)  # fmt: skip
def test_a_broker_that_does_not_answer_changes_no_byte_of_a_decision_and_is_told(
    plain: Flow, data: Path, tmp_path: Path, error: Exception, questions: int | None
) -> None:
    broker = Told(error)
    running = played(tmp_path / "state", data, broker)
    assert [plain_bytes(row) for row in running.rows("acme")] == [plain_bytes(row) for row in plain.rows("acme")]
    asked = [cycle for cycle in cycles(running) if cycle["eligible"]]
    assert asked
    for cycle in asked:
        assert cycle["margins_asked"] == cycle["margins_missing"] == cycle["eligible"]
        assert str(error.args[0]) in cycle["margins_why"]
    assert len(broker.asked) == (questions * len(asked) if questions else sum(cycle["eligible"] for cycle in asked))
    assert margin_checks(running.platform.documents) == []


def test_without_a_broker_nothing_is_stored_and_no_cycle_speaks_of_margins(plain: Flow) -> None:
    assert plain.platform.objects.list("margins/") == []
    assert all("margins_asked" not in cycle for cycle in cycles(plain))


def test_a_margin_of_nothing_is_no_figure(data: Path, tmp_path: Path) -> None:
    running = played(tmp_path / "state", data, Told(0.0))
    assert all("kite says 0.00 where" in cycle["margins_why"] for cycle in cycles(running) if cycle["eligible"])
    assert entry(running)["terms"]["lots"] == 3


def test_a_cycle_that_is_decided_again_keeps_the_first_answers(data: Path, tmp_path: Path) -> None:
    first, second = Told(300_000.0), Told(900_000.0)
    running = played(tmp_path / "state", data, first)
    asked = [cycle for cycle in cycles(running) if cycle["eligible"]]
    again = running.restarted(second).platform
    for cycle in asked:
        view = again.view(cycle["snapshot_key"], cycle["history_key"])
        taken = SnapshotTaken.model_construct(underlying="NIFTY", session=DAY, cycle_id=cycle["cycle_id"])
        assert ask_margins(again, taken, view) == cycle["margins_key"]
        kept = MarginStore(again.objects).get(cycle["margins_key"])
        assert [answer.margin for answer in kept] == [rupees(300_000)] * cycle["eligible"]
    assert asked
    assert second.asked == []


def test_stored_margins_that_were_changed_or_are_gone_are_found_when_a_decision_is_made_again(
    data: Path, tmp_path: Path
) -> None:
    running = played(tmp_path / "state", data, Told(300_000.0))
    cycle = next(cycle for cycle in cycles(running) if cycle["eligible"])
    key, platform = cycle["margins_key"], running.platform
    stored = platform.objects.get(key) or b""
    platform.objects.put(key, stored.replace(b"300000.00", b"100000.00"))
    [found] = replay_decision(running.restarted().platform, cycle["cycle_id"])
    assert found.difference is not None
    for spoilt in (b"[{}]", b"nothing"):
        platform.objects.put(key, spoilt)
        with pytest.raises(Broken, match="cannot be read"):
            replay_decision(running.restarted().platform, cycle["cycle_id"])
