"""`qs margin` as a person asks it: parts, days, rows, what is refused, and the broker's figure over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.market.rulebook import load_rules

COMMAND = ("margin", "--underlying", "nifty", "--expiry", "2025-09-02", "--on", "2025-08-29", "--spot", "24450")
SPREAD = ("--legs", "SELL 24500CE 110 BUY 24600CE 70")
VOL = ("--vol", "0.16")
LIST = "tradingsymbol,name,expiry,strike,instrument_type\n" + "".join(
    f"NIFTY25902{strike}CE,NIFTY,2025-09-02,{strike},CE\n" for strike in (24500, 24600)
)
PARTS = ("span", "exposure", "option_premium", "additional", "bo", "cash", "var")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("QS_CONFIG", "QS_STATE", "QS_MARGIN_BROKER", "QS_HISTORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run_command([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    what: str = json.loads(said.err)["what"]
    return what


def daily(folder: Path, last: date, days: int = 60) -> Path:
    sessions = load_rules().sessions(last - timedelta(days=2 * days), last)[-days:]
    lines = [f"{item.day},{c},{c},{c},{c}" for n, item in enumerate(sessions) for c in [24_000 + 100 * (n % 2)]]
    path = folder / "nifty.csv"
    path.write_text("date,open,high,low,close\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_answer_adds_up_and_names_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, *COMMAND, *SPREAD, *VOL)
    parts = found["worst_day"]
    whole = parts["span"] - parts["net_option_value"] + parts["exposure"] + parts["expiry_day_elm"]
    assert found["total"] == pytest.approx(whole, abs=0.03)
    assert [day["day"] for day in found["by_day"]] == ["2025-08-29", "2025-09-01", "2025-09-02"]
    assert found["total"] == max(day["total"] for day in found["by_day"]) > found["now"]
    assert parts["exposure"] == parts["expiry_day_elm"] == pytest.approx(0.02 * 24_450 * 75)
    assert (found["label"], found["broker"]) == ("estimate", None)
    rows = {row["id"]: row["status"] for row in found["rows"]}
    assert rows["price_scan.nifty.2023-04-01"] == "confirmed"
    assert "margin.exposure_deep_otm.2023-04-01" in found["unconfirmed"]


def test_lots_scale_and_an_earlier_exit_needs_no_expiry_day(capsys: pytest.CaptureFixture[str]) -> None:
    one = asked(capsys, *COMMAND, *SPREAD, *VOL)
    ten = asked(capsys, *COMMAND, *SPREAD, *VOL, "--lots", "10")
    early = asked(capsys, *COMMAND, *SPREAD, *VOL, "--exit", "2025-09-01")
    assert ten["total"] == pytest.approx(10 * one["total"], abs=0.1)
    assert early["worst_day"]["expiry_day_elm"] == 0.0
    assert early["total"] == one["by_day"][1]["total"]


def test_a_calendar_pays_its_charge_until_the_near_expiry_day(capsys: pytest.CaptureFixture[str]) -> None:
    legs = ("--legs", "SELL 24500CE 110 BUY 24500CE@2025-09-30 390")
    held = asked(capsys, *COMMAND, *legs, *VOL, "--exit", "2025-09-01")
    whole = asked(capsys, *COMMAND, *legs, *VOL)
    assert held["worst_day"]["calendar_charge"] > 0
    assert whole["worst_day"]["calendar_charge"] == 0.0
    assert whole["total"] > 3 * held["total"]
    assert held["premium_outlay"] == pytest.approx(280 * 75)


def test_bars_give_the_previous_close_and_the_volatility(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bars = daily(empty_folder, date(2025, 8, 28))
    market = asked(capsys, *COMMAND, *SPREAD, "--bars", str(bars))["market"]
    assert market["previous_close"] in (24_000, 24_100)
    assert market["previous_vol_annual"] == pytest.approx(0.0795, abs=0.001)
    assert asked(capsys, *COMMAND, *SPREAD, *VOL, "--bars", str(bars))["market"]["previous_vol_annual"] == 0.16


def test_bars_that_end_too_early_are_refused(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bars = daily(empty_folder, date(2025, 8, 26))
    assert "newest is of 2025-08-26" in refused(capsys, *COMMAND, *SPREAD, "--bars", str(bars))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no volatility"),
        (("--vol", "nan"), "a volatility of nan"),
        (("--vol", "16"), "a volatility of 16"),
        (("--vol", "0.16", "--lots", "0"), "0 lots"),
        (("--vol", "0.16", "--spot", "nan"), "a spot of nan"),
        (("--vol", "0.16", "--spot", "-1"), "a spot of -1"),
        (("--vol", "0.16", "--on", "2025-08-30"), "not a trading day"),
        (("--vol", "0.16", "--exit", "2025-08-28"), "an exit on 2025-08-28"),
        (("--vol", "0.16", "--expiry", "2025-09-03"), "not listed on 2025-08-29"),
        (("--vol", "0.16", "--underlying", "SENSEX"), "SENSEX"),
        (("--vol", "0.16", "--legs", "SELL 24500CE"), "a price in points"),
        (("--vol", "0.16", "--broker-figure"), "no margin broker"),
    ],
)
def test_what_is_unknown_is_refused_by_name(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *COMMAND, *SPREAD, *arguments)


class Kite(BaseHTTPRequestHandler):
    """A margin calculator in Kite's shape; its total and status are the server's."""

    def do_GET(self) -> None:
        self._send(200, LIST.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, total = self.server.said  # type: ignore[attr-defined] # set by the fixture on the server it starts
        final = dict.fromkeys(PARTS, 0.0) | {"total": total}
        self._send(status, json.dumps({"status": "success", "data": {"final": final}}).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test reads what was answered."""


@pytest.fixture
def kite(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Kite)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name, value in (("BROKER", "kite"), ("KEY", "key"), ("TOKEN", "secret")):
        monkeypatch.setenv("QS_MARGIN_BROKER" if name == "BROKER" else f"QS_KITE_{name}", value)
    monkeypatch.setenv("QS_KITE_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_brokers_figure_is_preferred_compared_and_kept(kite: Any, capsys: pytest.CaptureFixture[str]) -> None:
    kite.said = (200, 45_000.0)
    broker = asked(capsys, *COMMAND, *SPREAD, *VOL, "--broker-figure")["broker"]
    assert (broker["preferred"]["label"], broker["preferred"]["margin"]) == ("kite", "45000.00")
    assert (broker["check"]["family"], broker["check"]["alarm"]) == ("bear_call_spread", False)
    assert len(asked(capsys, "margin-checks")[0]["checks"]) == 1
    kite.said = (200, 90_000.0)
    assert asked(capsys, *COMMAND, *SPREAD, *VOL, "--broker-figure")["broker"]["check"]["alarm"] is True
    assert run_command(["margin-checks"]) == 1
    assert "bear_call_spread" in capsys.readouterr().out


def test_a_broker_that_fails_leaves_the_estimate(kite: Any, capsys: pytest.CaptureFixture[str]) -> None:
    kite.said = (503, 0.0)
    found = asked(capsys, *COMMAND, *SPREAD, *VOL, "--broker-figure")
    assert found["broker"]["preferred"]["label"] == "estimate"
    assert "HTTP 503" in found["broker"]["preferred"]["why"]
    assert found["broker"]["check"] is None
    assert run_command([*COMMAND, *SPREAD, *VOL, "--broker-figure"]) == 0
    assert "the estimate stands" in capsys.readouterr().out


def test_without_a_view_there_is_nothing_to_ask_and_without_a_broker_nobody(
    kite: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(capsys, "margin-checks", "--ask") == []
    monkeypatch.setenv("QS_MARGIN_BROKER", "")
    assert "no margin broker" in refused(capsys, "margin-checks", "--ask")


def test_a_person_reads_parts_days_and_what_is_not_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*COMMAND, *SPREAD, *VOL]) == 0
    said = capsys.readouterr().out
    for words in ("1 lot on ", "Parts on the worst day", "By day", "estimate:", "worse candidate", "expiry day elm"):
        assert words in said
