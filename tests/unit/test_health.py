"""`qs doctor` on a deployment: each check says ok, warn or fail for what it found, and what to do about it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.clock import VirtualClock
from quantsentinel.adapters.google.inspection import SubscriptionState
from quantsentinel.app.check import FAIL, OK, WARN, Check, covered, token_life
from quantsentinel.app.health import health
from quantsentinel.app.heartbeat import heartbeat
from quantsentinel.app.kills import kill_on
from quantsentinel.app.platform import Platform
from quantsentinel.app.tenants import TenantRequest, add_tenant
from quantsentinel.app.token_watch import note_token, tell_countdown
from quantsentinel.cli.deployment_checks import Deployed, dead_letters, subscriptions, topics
from quantsentinel.contracts.access_token import ALARM_DAYS, TokenLife, life_of
from quantsentinel.contracts.events import Tick
from quantsentinel.errors import Unavailable
from quantsentinel.ports import Event, Put
from quantsentinel.settings import Settings
from quantsentinel.stores.token_board import TokenBoard
from quantsentinel.wiring.local import open_local

OPEN = datetime(2025, 8, 29, 6, 0, tzinfo=UTC)
EVENING = datetime(2025, 8, 29, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(OPEN)


@pytest.fixture
def platform(tmp_path: Path, clock: VirtualClock) -> Platform:
    return open_local(Settings(state=tmp_path / "state", sync="normal", underlyings=("NIFTY",)), clock)


def found(platform: Platform, name: str, *, write: bool = False) -> Check:
    (one,) = (check for check in health(platform, write=write) if check.name == name)
    return one


def beat(platform: Platform, at: datetime, state: str = "alive") -> None:
    platform.documents.commit([Put("heartbeats/NIFTY", {"state": state, "at": at.isoformat()})])


def test_a_new_platform_outside_a_session_is_well(platform: Platform, clock: VirtualClock) -> None:
    clock.advance_to(EVENING)
    checks = health(platform, write=True)
    assert [check.name for check in checks if check.status != OK] == []
    assert len(checks) == 8
    assert platform.documents.query("doctor") == []


@pytest.mark.parametrize(
    ("age_s", "state", "status"), [(0, "alive", OK), (180, "alive", OK), (181, "alive", FAIL), (0, "stale", FAIL)]
)
def test_in_a_session_the_feed_has_a_beat_of_the_last_minutes(
    platform: Platform, age_s: int, state: str, status: str
) -> None:
    assert found(platform, "heartbeat").status == FAIL
    beat(platform, OPEN - timedelta(seconds=age_s), state)
    assert found(platform, "heartbeat").status == status


@pytest.mark.parametrize(("age_s", "status"), [(180, OK), (181, WARN), (901, FAIL)])
def test_an_event_that_nobody_relays_shows(platform: Platform, clock: VirtualClock, age_s: int, status: str) -> None:
    platform.documents.commit(platform.outbox.writes([Event("lost:1", "cycle.decided", {})]))
    clock.advance_to(OPEN + timedelta(seconds=age_s))
    assert found(platform, "outbox").status == status


def test_dropped_events_of_a_day_and_switches_that_are_on_are_named(platform: Platform) -> None:
    for name, at in (("old", OPEN - 2 * DAY), ("new", OPEN)):
        platform.documents.commit([Put(f"dropped/{name}", {"function": name, "at": at.isoformat()})])
    kill_on(platform, "exchange:NSE", who="asha", why="drill")
    assert found(platform, "dropped events") == Check(
        "dropped events", WARN, "1 since yesterday, by new", "Read `dropped/` for the reasons"
    )
    assert found(platform, "kill switches").found == "on: exchange:NSE"


def test_a_session_that_nobody_sealed_fails_some_hours_after_its_close(platform: Platform, clock: VirtualClock) -> None:
    add_tenant(platform, TenantRequest("acme", capital=Decimal(1_000_000), relation="self"))
    clock.advance_to(EVENING)
    assert found(platform, "audit roots").status == WARN
    clock.advance_to(EVENING + timedelta(hours=3))
    assert found(platform, "audit roots").fix == "`qs audit root --seal --on 2025-08-29`"
    assert found(platform, "audit roots").status == FAIL


def test_a_database_out_of_reach_ends_the_checks_at_once(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(path: str) -> None:
        raise Unavailable("no answer", where="firestore get")

    monkeypatch.setattr(platform.documents, "get", away)
    (only,) = health(platform)
    assert (only.name, only.status, only.found) == ("documents", FAIL, "firestore get: no answer")


def test_the_rule_book_warns_45_days_before_its_end() -> None:
    end = date(2026, 12, 31)
    assert [covered(end, end - timedelta(days=days)).status for days in (45, 44, 0, -1)] == [OK, WARN, WARN, FAIL]


# --- Tokens ---
def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJh.{body}.c2ln"


def test_a_token_tells_when_it_was_issued_and_when_it_ends() -> None:
    life = life_of(jwt(iat=OPEN.timestamp(), exp=(OPEN + 365 * DAY).timestamp()))
    assert life == TokenLife(OPEN, OPEN + 365 * DAY)


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b.c", "a.!!!.c", jwt(), jwt(exp="soon"), jwt(exp=True), jwt(exp=1e300), "a.WzFd.c", "a.b.c.d"],
)
def test_a_token_that_says_nothing_has_an_unknown_life(token: str) -> None:
    assert life_of(token) == TokenLife()
    assert token_life("t", life_of(token), OPEN).status == WARN


def test_the_countdown_alarms_at_30_14_7_3_and_1_days() -> None:
    life = TokenLife(OPEN - 300 * DAY, OPEN)
    due = {days: life.due(OPEN - days * DAY) for days in (31, 30, 15, 14, 7, 4, 3, 2, 1, 0)}
    assert due == {31: None, 30: 30, 15: 30, 14: 14, 7: 7, 4: 7, 3: 3, 2: 3, 1: 1, 0: 1}
    assert ALARM_DAYS == (30, 14, 7, 3, 1)
    assert [token_life("t", life, OPEN - days * DAY).status for days in (31, 30, 0)] == [OK, WARN, FAIL]


def test_a_token_that_lives_a_day_does_not_alarm_all_day() -> None:
    life = TokenLife(OPEN, OPEN + timedelta(hours=20))
    assert life.due(OPEN) is None
    assert token_life("t", life, OPEN + DAY).status == FAIL


def test_the_board_keeps_the_newest_token_s_life_and_what_was_told_of_it(platform: Platform) -> None:
    board, life = TokenBoard(platform.documents), TokenLife(OPEN - 300 * DAY, OPEN + 2 * DAY)
    assert board.told_write("3") is None
    for _ in range(2):
        write = board.seen_write(life, OPEN)
        platform.documents.commit([write] if write else [])
    assert (board.life(), board.seen_write(life, OPEN)) == (life, None)
    assert found(platform, "token countdown").status == WARN
    word = board.told_write("3")
    assert word is not None
    platform.documents.commit([word])
    assert board.told_write("3") is None


# --- What the map asks for ---
ASKED = Deployed({"decide": "snapshot.taken"})
PUSH = SubscriptionState("decide", "snapshot.taken", "https://x", "decide.dead", expires=False)
KEPT = SubscriptionState("decide.dead", "decide.dead", "", "", expires=False)


def said(*states: SubscriptionState) -> str:
    check = subscriptions({state.name: state for state in states}, ASKED, "")
    assert (check.status == OK) == (not check.fix)
    return check.found


def test_subscriptions_of_the_map_push_and_keep_their_dead_letters() -> None:
    assert said(PUSH, KEPT) == "1 push, each with dead letters that are kept"


@pytest.mark.parametrize(
    ("states", "what"),
    [
        ((KEPT,), "decide is missing"),
        ((PUSH,), "decide.dead is missing"),
        ((SubscriptionState("decide", "x.y", "https://x", "decide.dead", False), KEPT), "hears x.y"),
        ((SubscriptionState("decide", "snapshot.taken", "", "decide.dead", False), KEPT), "does not push"),
        ((SubscriptionState("decide", "snapshot.taken", "https://x", "", False), KEPT), "dead letters at none"),
        ((SubscriptionState("decide", "snapshot.taken", "https://x", "decide.dead", True), KEPT), "decide expires"),
        ((PUSH, SubscriptionState("decide.dead", "decide.dead", "https://x", "", False)), "pushes, and should keep"),
    ],
)
def test_a_subscription_that_is_another_than_the_map_s_is_named(
    states: tuple[SubscriptionState, ...], what: str
) -> None:
    assert what in said(*states)


def test_a_missing_topic_and_a_dead_letter_fail() -> None:
    assert ASKED.topics == {"snapshot.taken", "decide.dead"}
    assert topics(["snapshot.taken"], ASKED.topics).found == "missing: decide.dead"
    assert topics(ASKED.topics, ASKED.topics).status == OK
    assert dead_letters({"decide": 2, "deliver": 0}) == Check(
        "dead letters", FAIL, "2 of decide", 'docs/runbook.md, "A poisoned queue"'
    )


# --- The countdown ---
def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["logging.googleapis.com/labels"]["alarm"] for line in found} <= {"token_expiry"}
    return [(line["severity"], line["message"].split(":")[0]) for line in found]


def test_the_heartbeat_tells_each_alarm_of_a_token_once_and_its_end_once_a_day(
    platform: Platform, clock: VirtualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = OPEN + 31 * DAY
    note_token(platform, jwt(iat=(ends - 365 * DAY).timestamp(), exp=ends.timestamp()))
    told: list[tuple[str, str]] = []
    for day in range(34):
        for hour in (0, 1):
            clock.advance_to(OPEN + day * DAY + timedelta(hours=hour))
            heartbeat(platform, Tick(at=clock.now()))
        told += lines(capsys)
    assert [severity for severity, _ in told] == ["WARNING"] * 5 + ["ERROR"] * 3
    assert [text.split(" in ")[-1] for _, text in told[:5]] == [f"{days}.0 days" for days in ALARM_DAYS]


def test_a_new_token_begins_its_own_countdown_and_is_stored_nowhere(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (jwt(iat=0, exp=(OPEN + days * DAY).timestamp(), jti=str(days)) for days in (2, 300))
    for token in (old, old, new):
        note_token(platform, token)
        tell_countdown(platform)
    assert lines(capsys) == [("WARNING", "the Upstox token ends in 2.0 days")]
    held = [json.dumps(dict(document.data)) for document in platform.documents.query("tokens")]
    assert len(held) == 1
    assert not [text for text in held if old in text or new in text]


def test_without_a_token_or_with_one_that_says_nothing_there_is_no_countdown(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_countdown(platform)
    note_token(platform, "opaque")
    tell_countdown(platform)
    assert lines(capsys) == []
    assert found(platform, "token countdown").status == WARN
