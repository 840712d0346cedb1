"""The rule book against every expiry, contract, lot and session that real market data shows, and a calendar library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.cli.rule_evidence import Comparison, compare_all
from quantsentinel.market.rulebook import load_rules

pytestmark = pytest.mark.marketdata
LEAST = {
    "calendar/nse_rules": 400,
    "daily/india_vix_span_oi_2012_2026 (futures)": 14_000,
    "chains/fno_eod_2025-11-14": 5_000,
    "chains": 400,
    "daily": 1_800,
    "bars/index_1min_2024": 150,
    "pandas_market_calendars NSE": 1_000,
}
"""Facts compared: a comparison that finds nothing to compare proves nothing."""


@cache
def comparisons(folder: Path) -> dict[str, Comparison]:
    return {made.source: made for made in compare_all(load_rules(), folder)}


@pytest.mark.parametrize("source", LEAST)
def test_the_book_agrees_with_the_record(source: str, marketdata: Path) -> None:
    made = comparisons(marketdata)[source]
    assert made.compared >= LEAST[source], made.left_out
    assert not made.different


def test_every_comparison_is_held_to_a_count(marketdata: Path) -> None:
    assert set(comparisons(marketdata)) == set(LEAST)


def test_a_book_that_is_wrong_about_one_lot_fails_the_check(
    marketdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "wrong.toml"
    overlay.write_text(
        '[[lot]]\nid = "lot.nifty.75.2025"\neffective = 2024-12-27\nuntil = 2025-12-31\nunderlying = "NIFTY"\n'
        'units = 50\nexpiry_from = 2025-03-01\nexpiry_until = 2025-12-31\ntags = ["C"]\nsource = "a mistake"\n'
    )
    config = tmp_path / "settings.toml"
    config.write_text(f'rules_overlay = "{overlay}"\n')
    code = run_command(
        ["rules", "check", "--data", str(marketdata), "--on", "2026-11-20", "--config", str(config), "--json"]
    )
    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["ok"]) == (1, False)
    differing = {made["source"] for made in answer["comparisons"] if made["different"]}
    assert "chains/fno_eod_2025-11-14" in differing
    assert "calendar/nse_rules" in differing
