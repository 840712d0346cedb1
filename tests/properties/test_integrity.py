"""Invariants of the firewall: what must hold for any fault in any place, and for no fault at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsentinel.integrity.iv_outliers import iv_outliers
from quantsentinel.integrity.quotes import quote_mask
from tests.chains import chain, judged, rules
from tests.integrity import moved

FEW = settings(max_examples=25, deadline=None)
ROWS = len(chain())
TOLERANCE = quote_mask(chain(), rules()).tolerance


@FEW
@given(row=st.integers(0, ROWS - 1), ticks=st.integers(1, 1200), up=st.booleans())
def test_a_quote_off_by_two_tolerances_anywhere_is_never_used(row: int, ticks: int, up: bool) -> None:
    points = 2 * (TOLERANCE + 1.0) + 0.05 * ticks
    sign = 1.0 if up or chain().bid[row] <= points + 0.05 else -1.0
    spoilt = moved(chain(), {row: sign * points})
    mask = quote_mask(spoilt, rules())
    assert not mask.usable[row]
    beside = np.flatnonzero(~mask.usable)
    assert set(beside.tolist()) <= {row, row ^ 1}


@FEW
@given(row=st.integers(0, ROWS - 1), share=st.floats(-0.45, 0.45))
def test_a_quote_within_half_the_move_of_sixty_seconds_times_its_delta_is_used(row: int, share: float) -> None:
    delta = 0.5 if abs(chain().strike[row] - 24_500.0) <= 50 else 0.0
    points = round(share * delta * TOLERANCE / 0.05) * 0.05
    assert quote_mask(moved(chain(), {row: points}), rules()).usable[row]


@FEW
@given(rows=st.sets(st.integers(0, ROWS - 1), max_size=6), points=st.sampled_from([-30.0, 12.0, 45.0, 400.0]))
def test_whatever_is_wrong_the_stored_snapshot_gives_the_same_mask_again(rows: set[int], points: float) -> None:
    firewall = judged(moved(chain(), dict.fromkeys(rows, points)), previous=replace(chain(), spot=24_400.0))
    again = quote_mask(firewall.snapshot, rules())
    assert np.array_equal(again.usable, firewall.mask)
    assert np.array_equal(again.forward, firewall.quotes.forward, equal_nan=True)
    assert np.array_equal(again.usable, ~np.logical_or.reduce(list(again.flags.values())))


@FEW
@given(scale=st.floats(0.2, 5.0), shift=st.floats(-0.05, 0.05), slope=st.floats(-0.02, 0.02))
def test_iv_outliers_do_not_depend_on_a_level_or_a_slope_of_the_misfit(
    scale: float, shift: float, slope: float
) -> None:
    rank = np.arange(30.0)
    residual = 0.004 * scale * np.cos(17.0 * rank)
    residual[11] += 0.5
    half = np.full(30, 0.0005)
    one, other = iv_outliers([residual, residual + shift + slope * rank], [half, half])
    assert np.array_equal(one, other)
    assert one[11]
