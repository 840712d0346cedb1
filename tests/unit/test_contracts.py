"""Data contracts are data: every source declares its units and methods, and a wrong file says what is wrong."""

from __future__ import annotations

from datetime import date
from importlib import resources

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.contracts import CONTRACTS, Unit, contract_for, read_contracts

TEXT = resources.files("quantsentinel.market").joinpath("contracts.toml").read_text(encoding="utf-8")
SOURCES = {
    "nse_site": "chain",
    "nse_site_untimed": "chain",
    "nse_site_ltp": "chain",
    "nse_units_ltp": "chain",
    "upstox": "chain",
    "simulator": "chain",
    "udiff": "end_of_day",
    "bhavcopy": "end_of_day",
    "participant_oi": "positions",
    "india_vix": "bars",
    "bars_1min": "bars",
    "bars_5min": "bars",
    "bars_15min": "bars",
    "bars_60min": "bars",
    "option_bars_5min": "bars",
    "bars_daily": "bars",
    "market_activity": "end_of_day",
    "futures_history": "end_of_day",
    "fovolt": "end_of_day",
    "volatility_history": "end_of_day",
    "cash_bhavcopy": "end_of_day",
    "cash_history": "end_of_day",
}


def test_twenty_two_sources_have_a_contract() -> None:
    assert {name: contract.kind for name, contract in CONTRACTS.items()} == SOURCES


def test_units_are_declared_per_field_as_the_source_prints_them() -> None:
    nse, upstox = contract_for("nse_site"), contract_for("upstox")
    assert (nse.oi, nse.volume, nse.sizes) == (Unit.LOTS, Unit.LOTS, Unit.UNITS)
    assert (upstox.oi, upstox.volume, upstox.sizes) == (Unit.UNITS, Unit.UNITS, Unit.UNITS)
    assert upstox.field("vendor_iv").unit is Unit.PERCENT_ANNUAL
    assert upstox.field("vendor_theta").unit is Unit.POINTS_PER_DAY
    assert contract_for("bhavcopy").field("value").unit is Unit.RUPEES_LAKH
    assert contract_for("udiff").field("value").unit is Unit.RUPEES


def test_a_field_that_the_source_does_not_print_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"contract of india_vix: no field .oi"):
        _ = contract_for("india_vix").oi


def test_the_methods_behind_the_vix_include_the_move_of_expiry_day() -> None:
    found = contract_for("india_vix").methods_of(["close"], "NIFTY")
    assert {(method.name, method.effective) for method in found if method.version == 2} == {
        ("monthly_expiry", date(2025, 9, 1)),
        ("session_hours", date(2026, 8, 3)),
    }


def test_the_exchanges_own_daily_volatility_changed_its_memory_in_june_2020() -> None:
    found = contract_for("volatility_history").methods_of(["applicable_annual"], "NIFTY")
    assert [(method.version, method.effective) for method in found] == [(1, date(2012, 7, 5)), (2, date(2020, 6, 1))]


def test_weekly_expiry_is_a_method_of_each_underlying() -> None:
    contract = contract_for("nse_site")
    days = {name: [m.effective for m in contract.methods_of(["oi"], name) if m.name == "weekly_expiry"][-1]
            for name in ("NIFTY", "BANKNIFTY")}  # fmt: skip
    assert days == {"NIFTY": date(2025, 9, 1), "BANKNIFTY": date(2024, 11, 14)}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('unit = "lots"', 'unit = "dozens"', "dozens"),
        ("version = 2\neffective = 2026-08-03", "version = 3\neffective = 2026-08-03", "does not follow"),
        ("effective = 2026-12-07", "effective = 2026-01-07", "does not follow 2 by date"),
        ('methods = ["india_vix", ', 'methods = ["india_wix", ', "unknown method india_wix"),
        ('fieldset = "vix"', 'fieldset = "fix"', "no fieldset fix"),
        ('source = "bars_1min"', 'source = "bars_5min"', "source bars_5min stands twice"),
        ("max_lag_s = 120.0", "max_lag_s = -1.0", "greater than 0"),
        ('kind = "chain"', 'kind = "chain"\nmood = "good"', "Extra inputs"),
        ("[[method]]", "[[method]", "Expected"),
    ],
)
def test_a_wrong_contract_file_is_refused(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    with pytest.raises(BadInput, match=complaint):
        read_contracts(TEXT.replace(old, new, 1))
