"""Quotes against their neighbours: the wrong leg is found, the right ones beside it are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.integrity.executable import executable
from quantsentinel.integrity.iv_outliers import iv_outliers
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.integrity.strike_curve import strike_curve
from quantsentinel.market.snapshot import VALUE_COLUMNS
from quantsentinel.pricing import black76
from quantsentinel.verdict import Outcome
from tests.chains import RATE, chain, judged, refusal, rules
from tests.integrity import masked_rows, moved, near_rows, verdict

CALL, PUT = 44, 45
"""A strike 100 points above the forward of the first expiry."""


@pytest.mark.parametrize("points", [20.0, -20.0, 200.0])
@pytest.mark.parametrize("row", [CALL, PUT, CALL - 10, PUT - 10])
def test_a_quote_that_moved_alone_is_masked_and_its_partner_kept(row: int, points: float) -> None:
    firewall = judged(moved(chain(), {row: points}))
    assert firewall.accepted
    assert masked_rows(firewall) == [row]
    assert firewall.quotes.flags["strike_curve"][row]


@pytest.mark.parametrize("points", [15.0, -15.0])
def test_call_and_put_that_moved_together_are_off_the_curve_although_parity_holds(points: float) -> None:
    firewall = judged(moved(chain(), {CALL: points, PUT: points}))
    assert masked_rows(firewall) == [CALL, PUT]
    assert not firewall.quotes.flags["parity"].any()


@pytest.mark.parametrize("points", [15.0, -15.0])
def test_call_and_put_that_moved_apart_are_both_masked(points: float) -> None:
    assert masked_rows(judged(moved(chain(), {CALL: points, PUT: -points}))) == [CALL, PUT]


def test_an_edge_strike_has_neighbours_on_one_side_only_and_is_judged_too() -> None:
    assert masked_rows(judged(moved(chain(), {1: 40.0}))) == [1]


def test_two_bad_quotes_side_by_side_cost_no_third() -> None:
    assert masked_rows(judged(moved(chain(), {CALL: 60.0, CALL + 2: -45.0}))) == [CALL, CALL + 2]


def test_a_fifth_of_the_rows_near_the_money_off_the_curve_refuses() -> None:
    calls = [row for row in near_rows(chain()) if row % 2 == 0][::2]
    rows = [row + 82 * part for part in range(3) for row in calls]
    firewall = judged(moved(chain(), dict.fromkeys(rows, 90.0)))
    assert refusal(firewall) == "strike_curve_fit"
    found = verdict(firewall, "strike_curve_fit")
    assert found.measured == pytest.approx(15 / 60, abs=0.02)
    assert found.limit == 0.20


def test_a_quote_within_spreads_and_sixty_seconds_of_move_is_kept() -> None:
    mask = quote_mask(chain(), rules())
    within = round(0.5 * mask.tolerance / 0.05) * 0.05
    assert judged(moved(chain(), {CALL: within})).mask.all()


def test_a_steep_skew_is_no_fault() -> None:
    clean = chain()
    sigma = 0.14 - 1.5 * np.log(clean.strike / 24_500.0)
    years = np.repeat(quote_mask(clean, rules()).years, np.diff(clean.offsets))
    fair = black76.price(24_500.0, clean.strike, years, sigma, np.exp(-RATE * years), clean.is_call)
    bid = np.maximum(np.round(fair / 0.05) * 0.05 - 0.25, 0.05).round(2)
    skewed = replace(clean, columns={**clean.columns, "bid": bid, "ask": (bid + 0.5).round(2)})
    assert judged(skewed).mask.all()


def spreads(points: dict[int, float]) -> tuple[list[int], list[int]]:
    """Rows that verticals and butterflies alone would take, with the culprits that the curve names."""
    snapshot = moved(chain(), points)
    mask = quote_mask(snapshot, rules())
    every = np.ones(len(snapshot), dtype=np.bool_)
    ratio = strike_curve(snapshot, mask.levels, every, mask.tolerance).ratio
    found = executable(snapshot, mask.levels, (every, ratio, mask.tolerance))
    return np.flatnonzero(found.vertical).tolist(), np.flatnonzero(found.butterfly).tolist()


@pytest.mark.parametrize(("row", "points"), [(CALL, 60.0), (PUT, -90.0), (CALL, -60.0), (PUT, 120.0)])
def test_the_wrong_leg_of_a_vertical_is_named(row: int, points: float) -> None:
    assert spreads({row: points})[0] == [row]


@pytest.mark.parametrize("row", [CALL, PUT])
def test_the_wrong_leg_of_a_butterfly_is_named(row: int) -> None:
    assert spreads({row: 14.0}) == ([], [row])


def test_a_clean_chain_has_no_spread_at_a_sure_profit() -> None:
    assert spreads({}) == ([], [])


def test_an_expiry_worth_less_than_the_one_before_it_is_masked_or_refuses() -> None:
    cheap = chain(expiries=(date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 16), date(2025, 9, 23)))
    rows = slice(int(cheap.offsets[2]), int(cheap.offsets[3]))
    columns = {name: column.copy() for name, column in cheap.columns.items()}
    for name in VALUE_COLUMNS:
        columns[name][rows] = chain().columns[name][:82]
    mask = quote_mask(replace(cheap, columns=columns), rules())
    assert mask.flags["calendar"][rows].all()
    assert refusal(judged(replace(cheap, columns=columns))) == "calendar"


def test_an_expiry_whose_vol_only_another_expiry_explains_is_masked() -> None:
    expiries = (date(2025, 9, 2), date(2025, 9, 9), date(2025, 9, 16), date(2025, 9, 30), date(2025, 12, 30))
    clean = chain(expiries=expiries)
    rows = slice(int(clean.offsets[2]), int(clean.offsets[3]))
    late = slice(int(clean.offsets[4]), int(clean.offsets[5]))
    columns = {name: column.copy() for name, column in clean.columns.items()}
    for column in columns.values():
        column[rows] = column[late]
    mask = quote_mask(replace(clean, columns=columns), rules())
    assert mask.flags["expiry_label"][rows].all()
    assert not mask.flags["expiry_label"][: clean.offsets[2]].any()
    assert verdict(judged(clean), "expiry_label").outcome is Outcome.PASSED


def residuals(bend: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    k = np.linspace(-1.0, 1.0, 41)
    return 0.0005 * np.sin(7 * k) + bend * k**2, np.full(41, 0.0004)


def lone(residual: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Of one slice."""
    return iv_outliers([residual], [half])[0]


@pytest.mark.parametrize("place", [0, 1, 20, 40])
def test_a_lone_vol_is_an_outlier_wherever_it_stands(place: int) -> None:
    residual, half = residuals()
    assert not lone(residual, half).any()
    residual[place] += 0.02
    assert np.flatnonzero(lone(residual, half)).tolist() == [place]


def test_a_bend_that_neighbours_share_is_skew_and_stays() -> None:
    assert not lone(*residuals(bend=0.05)).any()


def test_a_wide_quote_may_be_off_by_its_spread() -> None:
    residual, half = residuals()
    residual[20], half[20] = 0.02, 0.011
    assert not lone(residual, half).any()


def test_few_quotes_and_numbers_that_are_none() -> None:
    residual, half = residuals()
    residual[4] = 1.0
    assert not lone(residual[:9], half[:9]).any()
    with pytest.raises(BadInput, match="no numbers"):
        lone(np.full(12, np.nan), np.ones(12))
    with pytest.raises(BadInput, match="shapes"):
        lone(residual, half[:-1])


def test_each_slice_of_a_batch_has_its_own_neighbours_and_its_own_measure() -> None:
    """Lone vols at both ends of slices that stand side by side, one of them too short to be judged."""
    parts = [residuals(), residuals(0.05), (np.full(9, 0.5), np.full(9, 0.0004)), residuals()]
    parts[0][0][-1] += 0.02
    parts[1][0][0] += 0.03
    parts[3][0][:] *= 4.0
    found = iv_outliers([residual for residual, _ in parts], [half for _, half in parts])
    assert [np.flatnonzero(rows).tolist() for rows in found] == [[40], [0], [], []]
    for rows, part in zip(found, parts, strict=True):
        assert np.array_equal(rows, lone(*part))
    assert iv_outliers([], []) == []
