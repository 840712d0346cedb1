"""Every real chain, bar and daily folder is imported: which importer, how many rows, which blemishes on how many."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.adapters.lake import FolderLake
from quantsentinel.app.import_data import Outcome, import_file
from quantsentinel.market.parsers import parse
from tests.chains import rules

pytestmark = [pytest.mark.marketdata, pytest.mark.slow]
VIX_FOLDER = "daily/india_vix_span_oi_2012_2026"
EXPECTED: dict[str, tuple[str, dict[str, int], dict[str, int]]] = {
    "chains/greeks_2026-08/option_chain_20260820.parquet": (
        "nse_greeks", {"chains": 2920}, {"oi_in_lots": 2920, "iv_floor": 300, "one_side_missing": 1642},
    ),
    "chains/daily_2025-07/data__NIFTY_2025-07-21.csv": (
        "nse_daily_legs", {"chains": 679}, {"expiry_not_covered": 64, "no_exchange_time": 679},
    ),
    "chains/daily_2025-07/data__NIFTY_2025-07-22.csv": ("nse_daily_flat", {"chains": 339}, {"no_quote": 339}),
    "chains/fno_eod_2025-11-14/nse_data__FOVOLT_14112025.csv": (
        "cash_bhavcopy", {"eod_cash": 3050}, {"misnamed": 3050, "padded_cells": 1},
    ),
    "chains/fno_eod_2025-11-14/nse_data__fao_participant_oi_14112025.csv": (
        "participant_oi", {"participants": 4}, {"title_row": 1, "total_row": 1},
    ),
    "payloads/upstox_option_chain/option_chain_committed_2024-06-23.json": (
        "upstox_v2", {"chains": 104}, {"iv_above_one": 79, "iv_zero": 56, "no_exchange_time": 104},
    ),
    "bars/index_1min_2024/BANK_NIFTY_data__BNF_2024.csv.gz": (
        "bars_labelled", {"bars_1min": 58_127}, {"mislabelled_instrument": 58_127, "outside_session_hours": 167},
    ),
    "bars/index_15min/15_Minutes_BANK_NIFTY_data__BankNifty_2018_to_2023.csv.gz": (
        "bars_epoch", {"bars_15min": 34_300}, {"epoch_seconds": 34_300, "open_or_close_outside": 696},
    ),
    "bars/index_15min/data__nifty_15min.csv.gz": (
        "bars_day_first", {"bars_15min": 25_590}, {"day_first_dates": 25_590, "outside_session_hours": 12},
    ),
    "bars/atm_option_5min_2026/data__nifty_atm_call_5min.csv.gz": ("bars_stamped", {"bars_5min": 9075}, {"utc": 9075}),
    "bars/nifty_5min_2026/data__nifty_5m.csv.gz": (
        "bars_adjusted", {"bars_5min": 4336}, {"columns_not_in_ohlc_order": 4336},
    ),
    "bars/nifty_60min/nsei_60m.csv.gz": ("bars_yahoo", {"bars_60min": 3437}, {"three_header_rows": 2, "utc": 3437}),
    "daily/nse_cash_all_2025_2026/cm_bhavcopy_EQ_BE.parquet": (
        "cash_history", {"eod_cash": 494_906}, {"unadjusted": 494_906},
    ),
    "daily/nifty_2007_2025/nsei_1d.csv": ("bars_yahoo", {"bars_daily": 4306}, {"three_header_rows": 2}),
    "daily/nifty_2016_2026/data__nifty_daily.csv": ("bars_adjusted", {"bars_daily": 2464}, {}),
    "daily/stocks_2023_2026/nifty_daily.csv.gz": ("bars_stamped", {"bars_daily": 876}, {"evening_before_utc": 876}),
    "daily/nifty50_stocks_2020_2025/M&M.csv.gz": ("bars_stamped", {"bars_daily": 1241}, {}),
    f"{VIX_FOLDER}/data__india_vix.csv.gz": ("vix", {"vix": 3613}, {"no_range": 2, "open_or_close_outside": 1}),
    f"{VIX_FOLDER}/data__participant_oi.csv.gz": (
        "participant_oi", {"participants": 13_864}, {"total_row": 3466, "part_contracts": 48, "missing_number": 1},
    ),
    f"{VIX_FOLDER}/data__bhav_index.csv.gz": (
        "futures_history", {"eod_futures": 33_330}, {"stated_lot_empty": 25_665, "turnover_in_lakh": 25_665},
    ),
    f"{VIX_FOLDER}/data__volatility.csv.gz": ("volatility_history", {"daily_volatility": 9981}, {}),
}  # fmt: skip


class Kept:
    """A lake that only counts: the files of a real year would take minutes to write on a busy machine."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def has(self, path: str) -> bool:
        return path in self.files

    def put(self, path: str, data: bytes) -> bool:
        self.files[path] = data
        return True

    def remove(self, path: str) -> None:
        del self.files[path]

    def under(self, folder: str) -> list[str]:
        return [path for path in self.files if path.startswith(folder)]


@cache
def outcomes(file: Path) -> list[Outcome]:
    return import_file(file.name, file.read_bytes(), Kept(), rules())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_file_is_recognised_and_its_blemishes_counted(marketdata: Path, name: str) -> None:
    (found,) = outcomes(marketdata / name)
    importer, rows, met = EXPECTED[name]
    assert (found.importer, found.status, dict(found.rows)) == (importer, "imported", rows)
    assert {blemish: entry["rows"] for blemish, entry in found.blemishes.items() if blemish in met} == met


def test_the_whole_evening_of_derivatives_is_imported_out_of_its_archive(marketdata: Path) -> None:
    found = {
        item.document: item for item in outcomes(marketdata / "chains/fno_eod_2025-11-14/nse_data__fo14112025.zip")
    }
    options, futures = found["op14112025.csv"], found["fo14112025.csv"]
    assert (dict(options.rows), dict(futures.rows)) == ({"eod_options": 15_130}, {"eod_futures": 632})
    assert options.blemishes["footnote_row"]["rows"] == futures.blemishes["footnote_row"]["rows"] == 1
    assert sum(item.status == "skipped" for item in found.values()) == 9


@pytest.fixture(scope="module")
def lake(marketdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    for name in ("NIFTY_option_chain_1min_20250829.parquet", "raw_sample/BANKNIFTY_20250829_093051.parquet"):
        file = marketdata / "chains/nse_1min_2025-08" / name
        (outcome,) = import_file(file.name, file.read_bytes(), FolderLake(root), rules())
        assert outcome.status == "imported"
    return root


def test_the_real_day_has_the_same_snapshots_in_the_lake(marketdata: Path, lake: Path) -> None:
    original = open_recording(marketdata / "chains/nse_1min_2025-08/NIFTY_option_chain_1min_20250829.parquet")
    imported = open_recording(lake)
    assert imported.schedule("NIFTY") == original.schedule("NIFTY")
    assert len(imported.schedule("NIFTY")) == 306
    for index in range(0, 306, 61):
        pair: Any = [parse(source.raw("NIFTY", index), rules()).digest for source in (original, imported)]
        assert pair[0] == pair[1]


def test_the_readme_s_figures_of_the_day_show_in_the_lake(lake: Path) -> None:
    frame = pl.scan_parquet(f"{lake}/chains/**/*.parquet", hive_partitioning=True).filter(underlying="NIFTY").collect()
    rejected = pl.read_parquet(f"{lake}/rejected/**/*.parquet")
    assert frame.height + rejected["rows"].sum() == 233_762
    nearest = frame.filter(pl.col("expiry") == pl.col("expiry").min())
    no_vol = [round((nearest[f"{side}_vendor_iv"] == 0).mean() or 0.0, 3) for side in ("call", "put")]
    flagged = [nearest["blemishes"].str.contains(name).sum() for name in ("iv_zero", "ltp_outside_quote")]
    assert (no_vol, flagged) == ([0.219, 0.345], [7182, 13_536])
    assert frame["blemishes"].str.contains("fractional_units").sum() == 0
