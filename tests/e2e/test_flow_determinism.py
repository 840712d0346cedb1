"""The same day gives the same decisions, whatever the bus does to the messages on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.adapters.embedded.bus import NO_FAULTS
from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.app.listing import decision_digest, statistics
from quantsentinel.opportunity.hard_rules import HARD_RULES
from tests.flow import ACME, BOTH, NIFTY, ZEN, day_file, flow

FAULTY = {
    "duplicated": Faults(duplicate=1.0),
    "delayed and reordered": Faults(delay_s=8.0, reorder=1.0, seed=3),
    "acknowledgements lost": Faults(drop_ack=0.5, seed=5),
    "all at once": Faults(duplicate=0.7, delay_s=8.0, reorder=0.7, drop_ack=0.3, seed=11),
}

HARD_RULE_NAMES = {name for name, _ in HARD_RULES}


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, set[str]]:
    """A day file, its decision digest and the webhook ids that were received."""
    folder = tmp_path_factory.mktemp("peaceful")
    data = day_file(folder, NIFTY, range(8))
    with flow(folder / "state", data, (ACME, ZEN)) as running:
        running.finish()
        assert running.signals("created"), "a day without a signal would prove nothing"
        return data, decision_digest(running.platform), {one.id for one in running.accepted()}


def test_replaying_the_same_day_twice_gives_the_same_decision_digest(
    peaceful: tuple[Path, str, set[str]], tmp_path: Path
) -> None:
    data, digest, ids = peaceful
    with flow(tmp_path / "again", data, (ACME, ZEN)) as running:
        running.finish()
        assert decision_digest(running.platform) == digest
        assert {one.id for one in running.accepted()} == ids


@pytest.mark.parametrize("faults", FAULTY.values(), ids=FAULTY.keys())
def test_duplicated_reordered_and_delayed_events_change_no_decision_and_send_nothing_twice(
    peaceful: tuple[Path, str, set[str]], tmp_path: Path, faults: Faults
) -> None:
    data, digest, ids = peaceful
    with flow(tmp_path / "faulty", data, (ACME, ZEN), faults) as running:
        running.finish()
        assert decision_digest(running.platform) == digest
        assert Counter(one.id for one in running.sink.deliveries) == Counter(ids)
        assert running.bus().backlog() == {}
        assert running.bus().dead_letters() == []


def test_cycles_that_overtake_one_another_are_applied_in_the_order_of_their_snapshots(tmp_path: Path) -> None:
    """A snapshot every 10 s and up to 7 s of delay on each of three hops: later batches come before earlier ones."""
    data = day_file(tmp_path, NIFTY, range(14), interval_s=10.0)
    overtaking = Faults(duplicate=0.5, delay_s=7.0, reorder=1.0, seed=2)
    with (
        flow(tmp_path / "in order", data, (ACME, ZEN)) as peaceful,
        flow(tmp_path / "overtaking", data, (ACME, ZEN), overtaking) as overtaken,
    ):
        assert decision_digest(peaceful.finish().platform) == decision_digest(overtaken.finish().platform)
        assert {one.id for one in peaceful.accepted()} == {one.id for one in overtaken.accepted()}
        assert overtaken.sink.summary()["duplicates"] == 0


def test_another_day_gives_another_decision_digest(peaceful: tuple[Path, str, set[str]], tmp_path: Path) -> None:
    with flow(tmp_path / "other", day_file(tmp_path, NIFTY, range(7)), (ACME, ZEN)) as running:
        assert decision_digest(running.finish().platform) != peaceful[1]


def test_two_underlyings_that_share_a_book_are_decided_in_the_same_order_every_time(tmp_path: Path) -> None:
    data = day_file(tmp_path, BOTH, range(4))
    digests = []
    for name in ("first", "second"):
        with flow(tmp_path / name, data, (ACME, ZEN)) as running:
            digests.append(decision_digest(running.finish().platform))
    assert digests[0] == digests[1]


def _stopped(refusal: Mapping[str, Any]) -> set[str]:
    """The guards that stopped a refused opportunity."""
    return {verdict["guard"] for verdict in refusal["verdicts"] if verdict["outcome"] in ("blocked", "unknown")}


@pytest.mark.parametrize("faults", [NO_FAULTS, FAULTY["all at once"]], ids=["peaceful", "faulty"])
def test_statistics_are_consistent_with_one_another(tmp_path: Path, faults: Faults) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, BOTH, range(5), gap_from=3), (ACME, ZEN), faults) as running:
        found = statistics(running.finish().platform)
        tenants = running.platform.tenants
        open_positions = sum(len(tenants.store(name).book()[0].positions) for name in tenants.ids())
        events = running.signals()
        refused = [item for name in tenants.ids() for row in running.rows(name) for item in row["refusals"]]
        accepted = Counter(one.id for one in running.accepted() if not one.id.startswith("kill-"))
        told = len(running.accepted()) - accepted.total()
    assert found.signals["closed"] > 0
    assert found.signals["created"] == found.signals["closed"] + found.signals["expired"] + open_positions
    assert sum(found.signals.values()) == len(events) == found.deliveries["sent"] == accepted.total() == len(accepted)
    assert found.notices == ({"sent": told} if told else {})
    assert sum(found.refusals_by.values()) == len(refused)
    # A withdrawn entry leaves a refusal too, of an opportunity that a hard rule no longer lets through.
    eligible = [item for item in refused if not _stopped(item) & HARD_RULE_NAMES]
    assert found.opportunities * len(tenants.ids()) == len(eligible) + found.signals["created"]
    assert found.snapshots == {"read": 10, "accepted": 10, "refused": 0, "refused_by": {}}
    assert found.cycles == 10
