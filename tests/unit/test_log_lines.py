"""What a deployment counts and alerts on is what the code writes."""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.app import token_watch
from quantsentinel.app.announce import OF_A_TENANT, tell_operators
from quantsentinel.contracts.events import KillChanged
from quantsentinel.risk.kill_state import PULLED, TOLD
from quantsentinel.wiring.log_lines import PACKAGE, LogLines, log_as_lines

MONITORING = Path(__file__).resolve().parents[2] / "terraform" / "modules" / "monitoring"


@pytest.fixture
def lines() -> Iterator[None]:
    logger = logging.getLogger(PACKAGE)
    before, level = list(logger.handlers), logger.level
    log_as_lines("info")
    log_as_lines("info")
    yield
    logger.handlers[:] = before
    logger.setLevel(level)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def changed(scope: str, *, on: bool = True) -> KillChanged:
    fields = {"scope": scope, "number": 1, "who": "asha", "why": "drill", "at": "2025-08-29T05:00:00Z"}
    return KillChanged(**fields, on=on)


@pytest.mark.usefixtures("lines")
def test_a_switch_that_changes_is_one_line_with_labels(capsys: pytest.CaptureFixture[str]) -> None:
    tell_operators(changed("symbol:NIFTY"))
    tell_operators(changed("master", on=False))
    pulled, released = written(capsys)
    assert (pulled["severity"], pulled["message"]) == ("WARNING", "kill switch symbol:NIFTY on (asha): drill")
    labels = pulled["logging.googleapis.com/labels"]
    assert labels["alarm"] == "kill_switch"
    assert (labels["state"], labels["kind"], labels["scope"]) == ("on", "symbol", "symbol:NIFTY")
    assert released["logging.googleapis.com/labels"]["state"] == "released"


@pytest.mark.usefixtures("lines")
def test_a_record_keeps_its_severity_and_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("quantsentinel.app.serve_tenants")
    logger.debug("not at this level")
    logger.critical("%s is halted", "acme", exc_info=ValueError("no such lot"))
    (line,) = written(capsys)
    assert line["severity"] == "CRITICAL"
    assert line["message"].startswith("acme is halted\n")
    assert "ValueError: no such lot" in line["message"]
    assert line["logging.googleapis.com/labels"] == {"logger": "quantsentinel.app.serve_tenants"}


@pytest.mark.usefixtures("lines")
def test_a_level_silences_lines_and_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    log_as_lines("error")
    logging.getLogger("quantsentinel.app.news").warning("not at this level")
    tell_operators(changed("master"))
    assert [line["message"] for line in written(capsys)] == ["kill switch master on (asha): drill"]


def test_lines_are_written_by_one_handler_however_often_it_is_asked_for(lines: None) -> None:
    handlers = logging.getLogger(PACKAGE).handlers
    assert len([handler for handler in handlers if isinstance(handler, LogLines)]) == 1


def test_the_metric_counts_the_labels_that_the_line_has() -> None:
    text = (MONITORING / "logs.tf").read_text().replace('\\"', '"')
    assert 'labels.alarm="kill_switch" AND labels.state="on"' in text
    assert 'label_extractors = { kind = "EXTRACT(labels.kind)" }' in text
    assert 'labels.alarm="token_expiry"' in text
    assert 'alarm="token_expiry"' in inspect.getsource(token_watch)


def test_operators_are_told_of_every_switch_that_stops_more_than_one_tenant() -> None:
    kinds = set(re.findall(r"[a-z_]{4,}", re.sub(r"\{.*?\}|\[.*?\]", "", f"{PULLED.pattern}|{TOLD.pattern}")))
    assert {"master", "stale_data"} | OF_A_TENANT <= kinds, "the patterns are read wrongly"
    (listed,) = re.findall(r"wide_switches = \[(.*?)\]", (MONITORING / "alerts.tf").read_text())
    assert set(re.findall(r'"(\w+)"', listed)) == kinds - OF_A_TENANT
