"""Real days and bad input through the whole flow: a refusal by the guard that measured it, or `BadInput` by name."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from quantsentinel.app.listing import decision_rows, snapshots
from quantsentinel.app.poll_market import ingest
from quantsentinel.app.tenants import TenantRequest, set_tenant
from quantsentinel.errors import BadInput
from quantsentinel.settings import Settings
from quantsentinel.wiring.live import LiveRequest, run_live
from quantsentinel.wiring.replay import FEED, ReplayReport, ReplayRequest, replay, standard_tenants
from tests.flow import ACME, NIFTY, ZEN, day_file, flow


def replayed(tmp_path: Path, *data: Path, history: Path | None = None, tenants: int = 2) -> ReplayReport:
    request = ReplayRequest(data, standard_tenants(tenants), tmp_path / "state", history=history)
    return replay(request)


# --- bad input ---
def test_without_daily_history_every_entry_is_refused_by_name(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3), history=False), (ACME, ZEN)) as running:
        running.finish()
        refused = [refusal for row in decision_rows(running.platform) for refusal in row["refusals"]]
        assert running.signals() == []
        assert refused
        assert {refusal["first"]["measured"] for refusal in refused} == {"no_forecast_history"}


def test_a_truncated_file_is_refused_by_its_name(tmp_path: Path) -> None:
    whole = day_file(tmp_path, NIFTY, range(1)).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"cut\.parquet") as caught:
        replayed(tmp_path, cut)
    assert "truncated" in str(caught.value)


def test_a_file_of_another_schema_is_refused_with_the_columns_it_has(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet(other)
    with pytest.raises(BadInput, match=r"other\.parquet.*no known chain layout: a, b"):
        replayed(tmp_path, other)


def test_a_file_that_does_not_exist_and_a_state_folder_in_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.parquet"):
        replayed(tmp_path, tmp_path / "nowhere.parquet")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "something").write_text("of somebody")
    with pytest.raises(BadInput, match="not empty"):
        replayed(tmp_path, day_file(tmp_path, NIFTY, range(1)))


def test_an_underlying_that_the_rule_book_does_not_know_is_quarantined_by_name(tmp_path: Path) -> None:
    unknown = tmp_path / "unknown.parquet"
    legs = {"CE_LTP": [1.0], "CE_OI": [65.0], "PE_LTP": [1.0], "PE_OI": [65.0], "Stock_LTP": [100.0]}
    row = {"timestamp": ["2025-08-29 09:18"], "Stock": ["DOGE"], "Expiry": ["2025-09-30"], "Strike": [100.0]}
    pl.DataFrame({**row, **legs}).write_parquet(unknown)
    with flow(tmp_path / "state", unknown) as running:
        running.finish()
        [line] = snapshots(running.platform)
        assert (line["outcome"], line["guard"], line["underlying"]) == ("refused", "schema", "DOGE")
        assert "DOGE" in line["detail"]
        with pytest.raises(BadInput, match="DOGE"):
            set_tenant(running.platform, TenantRequest("acme", underlyings=("DOGE",)))


def test_a_live_run_of_an_underlying_that_the_file_lacks_is_refused_by_name(tmp_path: Path) -> None:
    data = day_file(tmp_path, NIFTY, range(1))
    request = LiveRequest(Settings(state=tmp_path / "state"), ("DOGE",), str(data))
    with pytest.raises(BadInput, match="no DOGE in the file"):
        run_live(request, lambda beat: None, threading.Event())


def test_a_day_outside_the_rule_book_is_refused_before_anything_is_decided(tmp_path: Path) -> None:
    later = tmp_path / "later.parquet"
    legs = {"CE_LTP": [1.0], "CE_OI": [65.0], "PE_LTP": [1.0], "PE_OI": [65.0], "Stock_LTP": [100.0]}
    row = {"timestamp": ["2031-08-29 09:18"], "Stock": ["NIFTY"], "Expiry": ["2031-09-30"], "Strike": [100.0]}
    pl.DataFrame({**row, **legs}).write_parquet(later)
    found = replayed(tmp_path, later).statistics
    assert found.snapshots["accepted"] == 0
    assert found.cycles == 0


# --- real days ---
@pytest.mark.marketdata
@pytest.mark.parametrize("name", ["NIFTY", "BANKNIFTY"])
def test_every_snapshot_of_a_holiday_is_refused_because_the_session_is_not_open(
    marketdata: Path, tmp_path: Path, name: str
) -> None:
    file = marketdata / f"chains/nse_1min_2025-08/{name}_option_chain_1min_20250827.parquet"
    found = replayed(tmp_path, file).statistics
    assert found.snapshots["read"] > 0
    assert found.snapshots["refused_by"] == {"session_open": found.snapshots["read"]}
    assert found.cycles == 0


@pytest.mark.marketdata
@pytest.mark.slow
def test_the_real_nifty_day_accepts_292_of_its_306_snapshots(marketdata: Path, tmp_path: Path) -> None:
    """Counts of `definitions.md` §1: 304 pass the lag of 120 s, 292 of them are no repeats."""
    file = marketdata / "chains/nse_1min_2025-08/NIFTY_option_chain_1min_20250829.parquet"
    report = replayed(tmp_path, file, history=marketdata / "daily/nifty_2016_2026", tenants=3)
    found = report.statistics
    assert found.snapshots == {
        "read": 306,
        "accepted": 292,
        "refused": 14,
        "refused_by": {"lag": 2, "repeated_snapshot": 12},
    }
    assert found.cycles == 292
    assert sum(found.signals.values()) == report.sent == found.deliveries["sent"]
    assert report.duplicates == report.rejected == 0
    assert found.opportunities * 3 <= sum(found.refusals_by.values()) + found.signals["created"]


@pytest.mark.marketdata
def test_a_chain_of_last_prices_gets_analytics_and_no_entries(marketdata: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(marketdata / "chains/ltp_only_2026-01/index_rows_of_fno_chain_2025-12-31_on.parquet")
    stamps = rows["timestamp"].unique().sort()
    first = tmp_path / "first.parquet"
    rows.filter(pl.col("timestamp").is_in(stamps[:8].implode())).write_parquet(first)
    with flow(tmp_path / "state", first) as running:
        running.finish()
        cycles = [item.data for item in running.platform.documents.query("cycles")]
        assert cycles
        assert {cycle["entries_refused"] for cycle in cycles} == {"ltp_only"}
        assert running.signals() == []


def test_a_chain_of_another_underlying_than_was_polled_is_refused(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ZEN,)) as running:
        platform, clock = running.platform, running.clock
        at, name = running.stage.schedule[0]
        clock.advance_to(at)
        raw = platform.feeds[FEED].poll(name)
        assert raw is not None
        polled = ingest(platform, replace(raw, underlying="BANKNIFTY"))
        assert (polled.accepted, polled.refused_by) == (False, "schema")
        assert platform.snapshots.latest("NIFTY") is None
