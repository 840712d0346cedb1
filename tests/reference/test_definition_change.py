"""Changed definitions spliced into the real India VIX, and the relations of a real chain day.

The whole study with its power curve is `qs drift power` (docs/reports/definition-change.md); here is what it must
reach, on sessions of 2019-2025, which no parameter has seen.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from quantsentinel.app.relation_power import CHANGES, Data, Study, Way, false_alarms, power, splice_days, study
from quantsentinel.cli.main import run_command
from quantsentinel.integrity.vix_relation import fit_vix_change, packaged_model
from quantsentinel.market.bars import DailyBar, read_daily_bars
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.vix import read_vix

pytestmark = pytest.mark.marketdata
VIX = "daily/india_vix_span_oi_2012_2026/data__india_vix.csv.gz"
INDEX = ("daily/nifty_2007_2025/nsei_1d.csv", "daily/nifty_2016_2026/data__nifty_daily.csv")
FIRST, LAST = date(2019, 1, 1), date(2025, 12, 31)
CLOCK = ("×√(252/365)", "×√(365/252)")
PUBLISHED = (*CLOCK, "×1.15", "×0.90", "−1 point (at-the-money for model-free)", "×0.01 (fraction for per cent)")


@cache
def real(folder: Path) -> Data:
    bars: dict[date, DailyBar] = {}
    for name in reversed(INDEX):
        bars |= {bar.day: bar for bar in read_daily_bars(folder / name, "NIFTY")}
    sessions = {item.day for item in load_rules().sessions(date(2024, 1, 1), LAST)} | set(bars)
    vix = read_vix(folder / VIX).bars
    return Data(vix, tuple(bars[day] for day in sorted(bars)), tuple(sorted(sessions)), packaged_model())


@cache
def as_it_was(folder: Path) -> Study:
    return study(real(folder))


def test_fewer_than_one_false_alarm_a_year_with_the_crash_and_the_election(marketdata: Path) -> None:
    found = false_alarms(as_it_was(marketdata), FIRST, LAST)
    assert found.a_year < 1
    raised = {(alarm.session.year, alarm.session.month) for alarm in found.alarms}
    assert not raised & {(2020, 3), (2024, 6)}


@pytest.mark.parametrize("way", ["rows", "close"])
@pytest.mark.parametrize("change", PUBLISHED)
def test_a_changed_vix_is_flagged_within_two_sessions(marketdata: Path, change: str, way: Way) -> None:
    days = splice_days(real(marketdata), range(2019, 2026), 3)
    found = power(as_it_was(marketdata), days, change, CHANGES[change], way)
    assert found.in_time == len(days) == 21


@pytest.mark.parametrize("change", CLOCK)
def test_a_changed_vix_whose_rows_all_agree_is_mostly_told_by_the_index_alone(marketdata: Path, change: str) -> None:
    """The hardest case; with chains beside it `vix_chain` tells it (see the report)."""
    days = splice_days(real(marketdata), range(2019, 2026), 6)
    assert power(as_it_was(marketdata), days, change, CHANGES[change], "silent").rate > 0.5


def test_the_packaged_model_is_the_fit_on_2013_to_2018(marketdata: Path) -> None:
    data, model = real(marketdata), packaged_model()
    fitted = fit_vix_change(data.vix, data.index, model.first, model.last)
    assert fitted.move == pytest.approx(model.move, abs=2e-5)
    assert fitted.scale == pytest.approx(model.scale, abs=2e-4)


def test_the_relations_of_a_real_day_agree_with_us(marketdata: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = marketdata / "chains/nse_1min_2025-08"
    arguments = ["drift", "relations", "--data", str(folder), "--vix", str(marketdata / VIX), "--a-session", "4"]
    assert run_command([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    latest = {(item["source"], item["relation"]): item["latest"] for item in answer["series"]}
    assert abs(latest["nse_site NIFTY", "vendor_iv"]) < 0.02
    assert abs(latest["nse_site NIFTY", "vix_chain"]) < 0.05
    for name in ("oi_unit", "volume_unit", "size_unit", "price_tick"):
        assert latest["nse_site NIFTY", name] == pytest.approx(0.0, abs=1e-9)
