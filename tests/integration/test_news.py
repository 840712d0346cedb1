"""News through the store, a day's flow and the command line: published, read once a batch, never half understood."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app.news import Draft, add_news, drop_news, list_news, news_at
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput
from quantsentinel.ports import Json, Put
from tests.flow import NIFTY, ZEN, Flow, day_file, flow

CHECK = "news_events.news"


def draft(running: Flow, **changes: Any) -> Draft:
    over = running.clock.now() + timedelta(hours=9)
    base = Draft("war-1", "Something grave happened", "geopolitical", "critical", over, "a wire")
    return replace(base, **changes)


def first_guards(running: Flow) -> list[set[str]]:
    return [{refusal["first"]["guard"] for refusal in row["refusals"]} for row in running.rows(ZEN.tenant_id)]


def verdicts(running: Flow, cycle: int) -> list[Json]:
    row = running.rows(ZEN.tenant_id)[cycle]
    asked = [refusal["verdicts"] for refusal in row["refusals"]] + [signal["receipts"] for signal in row["signals"]]
    return [verdict for each in asked for verdict in each if verdict["guard"] == CHECK]


def test_critical_news_stops_every_entry_from_the_next_cycle_until_it_is_dropped(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4)), (ZEN,)) as running:
        add_news(running.platform, draft(running))
        running.play(2)
        assert running.signals("created") == []
        assert {verdict["outcome"] for n in (0, 1) for verdict in verdicts(running, n)} == {"blocked"}
        assert any(CHECK in guards for guards in first_guards(running))
        assert drop_news(running.platform, "war-1")
        running.finish()
        assert running.signals("created")
        assert {verdict["measured"] for verdict in verdicts(running, 3)} == {100}


def test_a_document_that_cannot_be_read_halts_entries_by_name_and_lets_exits_go_on(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(4), gap_from=2)
    with flow(tmp_path / "state", data, (ZEN,)) as running:
        running.play(2)
        entered = running.signals("created")
        assert entered
        running.platform.documents.commit([Put("news/odd", {"headline": "half an item"})])
        assert news_at(running.platform, running.clock.now()) is None
        running.finish()
        assert running.signals("created") == entered
        assert running.signals("closed")
        found = [verdict for n in (2, 3) for verdict in verdicts(running, n)]
        assert found
        assert all(v["outcome"] == "unknown" and "cannot be read" in v["detail"] for v in found)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda now: {"news_id": "No Id"}, "is no id of news"),
        (lambda now: {"headline": "  "}, "headline and source are needed"),
        (lambda now: {"headline": "x" * 301}, "headline and source are needed"),
        (lambda now: {"source": ""}, "headline and source are needed"),
        (lambda now: {"kind": "gossip"}, "no 'gossip'"),
        (lambda now: {"impact": "huge"}, "no 'huge'"),
        (lambda now: {"until": now}, "published"),
        (lambda now: {"published_at": now + timedelta(seconds=1)}, "published"),
        (lambda now: {"symbols": ("HDFCBNK",)}, "no list of the rule book holds HDFCBNK"),
    ],
)
def test_an_item_that_is_not_right_is_not_published(
    tmp_path: Path, change: Callable[[Any], dict[str, Any]], what: str
) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ZEN,)) as running:
        with pytest.raises(BadInput, match=what):
            add_news(running.platform, draft(running, **change(running.clock.now())))
        assert list_news(running.platform) == ((), {})


def test_an_id_is_used_once_and_names_outside_every_list_must_be_meant(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ZEN,)) as running:
        published = add_news(running.platform, draft(running, symbols=(" hdfcbank", "HDFCBANK")))
        assert published.symbols == ("HDFCBANK",)
        assert published.known_at == published.published_at == running.clock.now()
        with pytest.raises(BadInput, match="there is an item 'war-1' already"):
            add_news(running.platform, draft(running, headline="Another"))
        odd = add_news(running.platform, draft(running, news_id="war-2", symbols=("ACME",), unlisted=True))
        assert list_news(running.platform) == ((published, odd), {})
        assert news_at(running.platform, running.clock.now()) == (published, odd)
        assert news_at(running.platform, running.clock.now() - timedelta(seconds=1)) == ()
        assert news_at(running.platform, published.until) == ()


SPOILT = {
    "another id": {"news_id": "n2"},
    "no symbols": {"symbols": None},
    "symbols as a text": {"symbols": "HDFCBANK"},
    "no impact": {"impact": "grave"},
    "a number for a headline": {"headline": 7},
    "no end": {"until": None},
    "over before it is known": {"until": "2020-01-01T00:00:00+00:00"},
    "a field too many": {"mood": "bad"},
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT.keys())
def test_every_way_in_which_a_document_can_be_wrong_is_named_and_stops_what_is_right_beside_it(
    tmp_path: Path, spoilt: Json
) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ZEN,)) as running:
        good = add_news(running.platform, draft(running))
        stored = running.platform.documents.get("news/war-1")
        assert stored is not None
        running.platform.documents.commit([Put("news/n1", {**stored.data, "news_id": "n1", **spoilt})])
        items, faults = list_news(running.platform)
        assert items == (good,)
        assert list(faults) == ["n1"]
        assert "news/n1" in faults["n1"]
        assert news_at(running.platform, running.clock.now()) is None
        assert drop_news(running.platform, "n1")
        assert news_at(running.platform, running.clock.now()) == (good,)


def test_the_command_line_publishes_lists_and_drops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    until = ("--until", "2099-01-01T10:00")
    words = ("--headline", "Rates", "--kind", "monetary", "--impact", "high", *until)

    def answer(*arguments: str, code: int = 0) -> Any:
        assert run_command(["news", *arguments, "--state", str(tmp_path / "state"), "--json"]) == code
        said = capsys.readouterr()
        return json.loads(said.out if code != 2 else said.err)

    assert answer("add", "rbi-1", *words, "--symbols", "hdfcbank, sbin")["symbols"] == ["HDFCBANK", "SBIN"]
    assert "already" in answer("add", "rbi-1", *words, code=2)["what"]
    assert [item["news_id"] for item in answer("list")["items"]] == ["rbi-1"]
    assert answer("drop", "rbi-1") == {"news_id": "rbi-1", "dropped": True}
    assert answer("drop", "rbi-1") == {"news_id": "rbi-1", "dropped": False}
    assert answer("list") == {"items": [], "unreadable": {}}


def test_the_command_line_lists_scheduled_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["events", "--from", "2026-12-01", "--to", "2026-12-31", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [event["name"] for event in said["events"]] == ["rbi_mpc", "fomc", "us_cpi", "monthly_expiry"]
    assert said["gaps"] == []
    assert run_command(["events", "--from", "2026-12-02", "--to", "2026-12-01", "--json"]) == 2
    assert "is before" in capsys.readouterr().err
    assert run_command(["events", "--from", "2027-03-01", "--to", "2027-03-31", "--official"]) == 0
    shown = capsys.readouterr().out
    assert "not known" in shown
    assert "tentative" not in shown
