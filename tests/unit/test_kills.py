"""Kill switches as state: a document says who, when, why and how it re-arms; what cannot be read is on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.accounts.codec import decode
from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.app.kills import Release, Switchboard, kill_off, kill_on, kills, rearm, trip
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.market.rulebook import load_rules
from quantsentinel.ports import Create, Event, Put
from quantsentinel.risk.facts import AsOf
from quantsentinel.risk.kill_state import REQUEST_STANDS, Ack, KillState, Rearm

NOW = datetime(2025, 8, 29, 5, 0, tzinfo=UTC)
SCOPES = ("master", "tenant:acme", "strategy:acme", "symbol:NIFTY", "broker:upstox", "exchange:NSE")
GOOD = {"scope": "symbol:NIFTY", "who": "desk", "why": "drill", "at": NOW.isoformat(), "until": None, "rearm": "person"}


class Board:
    """A switchboard on a state file, and what it published."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(NOW)
        self.documents = SqliteDocuments(Database(folder / "state.db", sync="normal"), self.clock)
        self.published: list[Event] = []
        self.board = Switchboard(self.documents, self.clock, load_rules, self.published.extend)
        self.documents.commit([Create("tenants/acme", {})])

    def on(self, scope: str, why: str = "drill", who: str = "asha", until: datetime | None = None) -> KillState:
        return kill_on(self.board, scope, who=who, why=why, until=until)

    def off(self, scope: str, who: str = "ben", ack: str = "looked") -> Release:
        return kill_off(self.board, scope, who=who, ack=ack)

    def active(self) -> list[str]:
        return [state.scope for state in kills(self.board)]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.mark.parametrize("scope", SCOPES)
def test_anybody_may_pull_a_switch_and_its_rule_says_how_it_is_released(board: Board, scope: str) -> None:
    board.on(scope)
    assert board.active() == [scope]
    first = board.off(scope)
    assert first.released is (scope != "master")
    assert board.off(scope, who="asha").released is (scope == "master")
    assert board.active() == []


@pytest.mark.parametrize("scope", ["strategy:acme", "exchange:NSE", "master"])
def test_a_release_without_a_word_on_what_was_found_is_refused(board: Board, scope: str) -> None:
    board.on(scope)
    with pytest.raises(BadInput, match="acknowledge"):
        board.off(scope, ack=" ")
    assert board.active() == [scope]


def test_the_master_needs_two_different_people_however_often_one_of_them_asks(board: Board) -> None:
    board.on("master")
    words = [board.off("master", who=who).released for who in ("ben", " Ben ", "BEN", "asha")]
    assert words == [False, False, False, True]


def test_a_request_for_a_release_expires_and_is_then_asked_anew(board: Board) -> None:
    board.on("master")
    asked = board.off("master", who="ben")
    assert "ben asked; another person confirms before 2025-08-29T06:00+00:00" in asked.still_needs
    board.clock.advance_to(NOW + REQUEST_STANDS)
    late = board.off("master", who="asha")
    assert not late.released
    assert [ack.who for ack in late.state.acks] == ["asha"]
    board.clock.advance_to(NOW + 2 * REQUEST_STANDS - timedelta(seconds=1))
    assert board.off("master", who="ben").released


def test_nobody_releases_a_switch_whose_rule_is_not_a_person(board: Board) -> None:
    trip(board.board, KillState("symbol:NIFTY", "market watch", "wrong", NOW, rearm=Rearm.CLEAN_MINUTES))
    with pytest.raises(BadInput, match="after clean minutes"):
        board.off("symbol:NIFTY")
    opens = NOW + timedelta(hours=20)
    trip(board.board, KillState("daily_loss:acme", "quantsentinel", "lost", NOW, opens, Rearm.NEXT_OPEN))
    with pytest.raises(BadInput, match="at the next open"):
        board.off("daily_loss:acme")
    assert board.active() == ["daily_loss:acme", "symbol:NIFTY"]


def test_a_rule_releases_its_own_switch_and_no_other(board: Board) -> None:
    trip(board.board, KillState("symbol:NIFTY", "market watch", "wrong", NOW, rearm=Rearm.CLEAN_MINUTES))
    assert rearm(board.board, "symbol:NIFTY", Rearm.FRESH_SNAPSHOTS, "3 fresh") is None
    board.on("symbol:NIFTY", "results day")
    assert rearm(board.board, "symbol:NIFTY", Rearm.CLEAN_MINUTES, "15 clean") is None, "a person holds it too"
    assert board.off("symbol:NIFTY").released
    trip(board.board, KillState("symbol:NIFTY", "market watch", "again", NOW, rearm=Rearm.CLEAN_MINUTES))
    assert rearm(board.board, "symbol:NIFTY", Rearm.CLEAN_MINUTES, "15 clean") is not None
    assert board.active() == []


def test_a_second_reason_keeps_the_first_and_the_stricter_rule_and_forgets_the_end(board: Board) -> None:
    board.on("symbol:NIFTY", "lunch", until=NOW + timedelta(hours=1))
    trip(board.board, KillState("symbol:NIFTY", "relation watch", "changed", NOW, rearm=Rearm.ACKNOWLEDGED))
    (state,) = kills(board.board)
    assert (state.who, state.why, state.until) == ("asha, relation watch", "lunch; changed", None)
    assert state.rearm is Rearm.ACKNOWLEDGED


def test_the_same_reason_again_changes_nothing_and_is_announced_once(board: Board) -> None:
    state = KillState("broker:upstox", "market watch", "polls fail", NOW, rearm=Rearm.CLEAN_MINUTES)
    assert trip(board.board, state) is not None
    assert trip(board.board, state) is None
    assert [event.id for event in board.published] == ["kill.changed:broker:upstox:1"]


def test_every_change_is_in_the_outbox_with_the_document_and_numbered(board: Board) -> None:
    board.on("master")
    board.off("master", who="asha")
    board.off("master", who="ben")
    assert [event.data["on"] for event in board.published] == [True, True, False]
    waiting = {document.data["event"]["id"] for document in board.documents.query("outbox")}
    assert waiting == {f"kill.changed:master:{number}" for number in (1, 2, 3)}


def test_a_released_switch_keeps_who_released_it_and_every_episode_before(board: Board) -> None:
    for number in range(25):
        board.on("symbol:NIFTY", f"drill {number}")
        board.off("symbol:NIFTY")
    state = board.board.kills.get("symbol:NIFTY")
    assert state is not None
    assert state.released == Ack("ben", "looked", NOW)
    past = board.board.kills.history("symbol:NIFTY")
    assert [item["why"] for item in past] == [f"drill {number}" for number in range(4, 24)]
    assert [item.scope for item in kills(board.board, ended=True)] == ["symbol:NIFTY"]
    assert board.active() == []


def test_a_switch_ends_at_its_time_to_the_second(board: Board) -> None:
    board.on("exchange:NSE", until=NOW + timedelta(minutes=5))
    board.clock.advance(299)
    assert board.active() == ["exchange:NSE"]
    board.clock.advance(1)
    assert board.active() == []


def test_latches_of_books_are_listed_and_not_read_by_decisions(board: Board) -> None:
    state = KillState("daily_loss:acme", "quantsentinel", "lost", NOW, NOW + timedelta(hours=20), Rearm.NEXT_OPEN)
    trip(board.board, state)
    board.documents.commit([Put("trips/what", GOOD)])
    board.on("tenant:acme")
    assert board.active() == ["daily_loss:acme", "tenant:acme"]
    assert [item.scope for item in board.board.kills.deciding(NOW)] == ["tenant:acme"]


def test_a_switch_read_for_a_decision_is_stored_with_it_and_read_back_the_same(board: Board) -> None:
    board.on("strategy:acme", until=NOW + timedelta(hours=1))
    board.off("strategy:acme")
    (state,) = board.board.kills.deciding(NOW)
    as_of = AsOf(NOW, "cyc-1", (state,))
    assert decode(AsOf, canonical(as_of)) == as_of
    assert board.board.kills.active(NOW) == ()


# --- Bad input ---
@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("everything", "no such scope"),
        ("tenant:nobody", "no tenant"),
        ("strategy:nobody", "no tenant"),
        ("symbol:DOGE", "DOGE"),
        ("broker:nobody", "unknown broker"),
        ("exchange:NYSE", "no such scope"),
        ("daily_loss:acme", "no such scope"),
        ("tenant:../x", "no such scope"),
    ],
)
def test_a_switch_on_nothing_is_refused_by_name(board: Board, scope: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        board.on(scope)
    assert board.documents.query("kills") == []


def test_who_and_why_and_a_time_that_is_not_past_are_asked_for(board: Board) -> None:
    for words in ({"who": " "}, {"why": " "}, {"until": NOW}):
        with pytest.raises(BadInput):
            board.on("master", **words)
    assert board.active() == []
    board.on("symbol:NIFTY")
    with pytest.raises(BadInput, match="nobody released it"):
        board.off("symbol:NIFTY", who=" ")


DAMAGE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no reason": {name: value for name, value in GOOD.items() if name != "why"},
    "a number for a person": GOOD | {"who": 5},
    "a time that is none": GOOD | {"at": "yesterday"},
    "a time without offset": GOOD | {"at": "2025-08-29T05:00:00"},
    "an end that is none": GOOD | {"until": "soon"},
    "an unknown rule": GOOD | {"rearm": "never mind"},
    "a field of tomorrow": GOOD | {"bypass": True},
    "another scope": GOOD | {"scope": "symbol:BANKNIFTY"},
    "a release without a person": GOOD | {"released": {"at": NOW.isoformat()}},
    "a release that is a word": GOOD | {"released": "yes"},
    "acknowledgements that are a number": GOOD | {"acks": 7},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_document_that_cannot_be_read_is_on_for_the_scope_of_its_name(board: Board, damage: str) -> None:
    board.documents.commit([Put("kills/symbol~NIFTY", DAMAGE[damage])])
    (state,) = kills(board.board)
    assert (state.scope, state.why) == ("symbol:NIFTY", "unreadable: kills/symbol~NIFTY")
    with pytest.raises(BadInput, match="acknowledge"):
        board.off("symbol:NIFTY", ack="")
    assert board.off("symbol:NIFTY").released
    assert board.active() == []
    assert "unreadable" in board.board.kills.history("symbol:NIFTY")[0]


def test_a_release_after_a_document_that_cannot_be_read_is_announced_under_a_number_of_its_own(board: Board) -> None:
    board.on("symbol:NIFTY")
    board.documents.commit([Put("kills/symbol~NIFTY", {"who": "half a document"})])
    assert board.off("symbol:NIFTY").released
    board.on("symbol:NIFTY")
    assert len({event.id for event in board.published}) == len(board.published) == 3


def test_a_document_whose_scope_cannot_be_told_stops_everybody_until_two_people_looked(board: Board) -> None:
    board.documents.commit([Put("kills/what", GOOD)])
    assert board.active() == ["master"]
    assert [board.off("master", who=who).released for who in ("asha", "ben")] == [False, True]
    assert board.active() == []
    assert board.documents.get("kills/what") is None


@pytest.mark.parametrize(
    "skewed",
    [
        GOOD | {"at": (NOW + timedelta(hours=1)).isoformat()},
        GOOD | {"until": (NOW - timedelta(hours=1)).isoformat()},
        GOOD | {"released": {"who": "x", "why": "y", "at": (NOW - timedelta(seconds=1)).isoformat()}},
        GOOD | {"released": {"who": "x", "why": "y", "at": (NOW + timedelta(seconds=1)).isoformat()}},
    ],
    ids=["pulled in the future", "over before it began", "released before it was pulled", "released in the future"],
)
def test_clocks_that_disagree_leave_a_switch_on(board: Board, skewed: dict[str, Any]) -> None:
    board.documents.commit([Put("kills/symbol~NIFTY", skewed)])
    assert board.active() == ["symbol:NIFTY"]


def test_a_word_of_tomorrow_releases_nothing_and_one_of_today_does(board: Board) -> None:
    tomorrow = {"who": "x", "why": "y", "at": (NOW + timedelta(days=1)).isoformat()}
    board.documents.commit([Put("kills/symbol~NIFTY", GOOD | {"released": tomorrow})])
    board.documents.commit([Put("kills/master", GOOD | {"scope": "master", "rearm": "two_people", "acks": [tomorrow]})])
    assert [board.off("master", who=who).released for who in ("asha", "ben")] == [False, True]
    board.on("symbol:NIFTY", why="again")
    board.clock.advance_to(NOW + timedelta(days=2))
    assert board.active() == ["symbol:NIFTY"], "the word knew nothing of the second reason"
    assert board.off("symbol:NIFTY").released
    assert board.active() == []


def test_a_release_by_a_clock_that_is_behind_the_pull_is_refused(board: Board) -> None:
    later = GOOD | {"at": (NOW + timedelta(minutes=1)).isoformat()}
    board.documents.commit([Put("kills/symbol~NIFTY", later)])
    with pytest.raises(BadInput, match="Set the clock"):
        board.off("symbol:NIFTY")
    assert board.active() == ["symbol:NIFTY"]


def test_two_who_change_one_switch_at_once_do_not_both_succeed(board: Board) -> None:
    board.on("master")
    first = board.board.kills.acknowledged("master", Ack("asha", "fine", NOW))
    second = board.board.kills.acknowledged("master", Ack("ben", "fine", NOW))
    assert first is not None
    assert second is not None
    board.documents.commit(list(first.writes))
    with pytest.raises(Conflict):
        board.documents.commit(list(second.writes))
    assert board.off("master", who="ben").released
