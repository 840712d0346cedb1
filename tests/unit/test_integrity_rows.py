"""Guards over single rows: each passes at its boundary, fires beyond it, and says what it measured against what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from quantsentinel.market.snapshot import Snapshot
from quantsentinel.verdict import Outcome
from tests.chains import AT, LOT, chain, changed, judged, refusal
from tests.integrity import masked_rows, verdict

ROW = 40
EVERY = range(0, 246, 2)
"""A call near the money of the first expiry; every call."""


def cells(column: str, value: float, rows: range | tuple[int, ...] = (ROW,)) -> Mapping[str, Mapping[int, float]]:
    return {column: dict.fromkeys(rows, value)}


@pytest.mark.parametrize(
    ("guard", "flag", "cell"),
    [
        ("locked_quotes", "locked", {"ask": {ROW: float(chain().bid[ROW])}}),
        ("zero_sizes", "no_size", {"bid_size": {ROW: 0.0}}),
        ("zero_sizes", "no_size", {"ask_size": {ROW: 0.0}}),
        ("tick_grid", "off_tick", {"bid": {ROW: float(chain().bid[ROW]) + 0.01}}),
        ("tick_grid", "off_tick", {"ask": {ROW: float(chain().ask[ROW]) + 0.02}}),
        ("lot_mismatch", "off_lot", {"bid_size": {ROW: 65.0}}),
        ("lot_mismatch", "off_lot", {"ask_size": {ROW: LOT * 10 + 1}}),
        ("absurd_prices", "absurd", {"ltp": {ROW: 1e308}}),
    ],
)
def test_one_bad_row_is_masked_under_its_own_name(
    guard: str, flag: str, cell: Mapping[str, Mapping[int, float]]
) -> None:
    firewall = judged(changed(chain(), **cell))
    assert firewall.accepted
    assert masked_rows(firewall) == [ROW]
    assert firewall.quotes.flags[flag].sum() == 1
    found = verdict(firewall, guard)
    assert (found.outcome, found.limit, found.unit) == (Outcome.LIMITED, 0.02, "share")
    assert found.measured == pytest.approx(1 / 246, abs=1e-6)
    assert "2025-09-02 24500 CE" in found.detail


@pytest.mark.parametrize(
    ("guard", "column", "value"),
    [("zero_sizes", "bid_size", 0.0), ("lot_mismatch", "bid_size", 50.0), ("tick_grid", "bid", 100.01)],
)
def test_the_same_in_more_than_two_per_cent_refuses_the_chain(guard: str, column: str, value: float) -> None:
    few, many = judged(changed(chain(), **cells(column, value, (38, 40, 42, 44)))), range(30, 42, 2)
    assert verdict(few, guard).outcome is Outcome.LIMITED
    found = verdict(judged(changed(chain(), **cells(column, value, many))), guard)
    assert found.outcome is Outcome.BLOCKED
    assert found.measured == pytest.approx(6 / 246, abs=1e-6)


def test_sizes_that_are_all_multiples_of_the_lot_squared_are_refused() -> None:
    columns = {**chain().columns, "bid_size": chain().bid_size * LOT, "ask_size": chain().ask_size * LOT}
    firewall = judged(replace(chain(), columns=columns))
    assert refusal(firewall) == "lot_mismatch"
    assert "75²" in verdict(firewall, "lot_mismatch").detail


def test_a_source_without_sizes_is_not_asked_for_them() -> None:
    bare = chain(source="nse_site_ltp")
    for guard in ("zero_sizes", "lot_mismatch"):
        found = verdict(judged(bare), guard)
        assert (found.outcome, found.measured) == (Outcome.PASSED, None)


def test_strikes_off_the_listed_step_are_refused() -> None:
    assert refusal(judged(replace(chain(), strike=chain().strike + 13.0))) == "listed_contracts"


def test_an_expiry_that_is_not_listed_is_masked_or_refuses() -> None:
    firewall = judged(chain(expiries=(date(2025, 9, 2), date(2025, 9, 10), date(2025, 9, 30))))
    assert refusal(firewall) == "listed_contracts"
    found = verdict(firewall, "listed_contracts")
    assert found.measured == pytest.approx(1 / 3, abs=1e-5)
    assert "2025-09-10" in found.detail


def underlying_as_last_price(snapshot: Snapshot, row: int) -> Snapshot:
    return changed(snapshot, ltp={row: 24_500.0})


@pytest.mark.parametrize("row", [ROW, ROW + 1, ROW + 11])
def test_a_last_price_that_is_the_underlying_is_masked_for_calls_and_puts(row: int) -> None:
    firewall = judged(underlying_as_last_price(chain(), row))
    assert masked_rows(firewall) == [row]
    assert firewall.quotes.flags["price_band"][row]


def test_the_price_band_ends_at_three_hundred_per_cent_vol() -> None:
    years = (date(2025, 9, 2) - AT.date()).days / 365 + 4.5 / 24 / 365
    highest = 24_500 * 3.0 * np.sqrt(years) / np.sqrt(2 * np.pi)
    for ltp, share in ((0.95 * highest, 0), (1.05 * highest, 1)):
        assert judged(changed(chain(), ltp={ROW: float(ltp)})).quotes.flags["price_band"].sum() == share


@pytest.mark.parametrize("spot", [0.0, -1.0])
def test_a_spot_that_is_no_price_limits_and_the_level_comes_from_parity(spot: float) -> None:
    firewall = judged(replace(chain(), spot=spot))
    assert firewall.accepted
    assert verdict(firewall, "zero_spot").outcome is Outcome.LIMITED
    assert firewall.mask.all()


def test_an_absent_spot_is_no_finding() -> None:
    assert verdict(judged(chain()), "zero_spot").outcome is Outcome.PASSED


@pytest.mark.parametrize(("off", "outcome"), [(1.0053, Outcome.PASSED), (1.0066, Outcome.BLOCKED)])
def test_the_forward_may_lie_off_the_spot_by_four_tenths_of_a_per_cent_and_carry(off: float, outcome: Outcome) -> None:
    found = verdict(judged(replace(chain(), spot=24_500.0 / off)), "spot_forward")
    assert found.outcome is outcome
    assert found.limit == pytest.approx(0.004 + 0.15 * 4.19 / 365, abs=1e-4)
    assert found.measured == pytest.approx(np.log(off) - 0.055 * 4.19 / 365, abs=1e-4)


def test_far_strikes_at_one_tick_are_used() -> None:
    rows = (0, 1, 80, 81)
    firewall = judged(changed(chain(), **cells("bid", 0.05, (1, 80)), ask={1: 0.10, 80: 0.10}))
    assert firewall.mask[list(rows)].all()
