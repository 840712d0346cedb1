"""Features that need more than one snapshot: history rows, flow, realised variance, dealer gamma."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from quantsentinel.features.analyse import analyse
from quantsentinel.features.dealer import dealer_gamma
from quantsentinel.features.summary import summary_row
from quantsentinel.features.values import feature_values
from quantsentinel.integrity.quotes import quote_mask
from quantsentinel.market.history import History, SummaryRow
from quantsentinel.market.snapshot import Snapshot
from tests.market_day import (
    DAY,
    EXPIRIES,
    FORWARD,
    NOON,
    desk,
    evening,
    firewall,
    history,
    rules,
    snapshot,
    with_column,
)


def values_after(taken: Snapshot, past: History) -> dict[str, float | str | None]:
    return feature_values(analyse(taken, past, desk(), quote_mask(taken, rules())), taken, past)


def test_a_summary_row_holds_forwards_the_money_vol_and_units() -> None:
    taken = snapshot()
    row = summary_row(taken, firewall(taken), desk())
    assert list(row.forwards) == [day.isoformat() for day in EXPIRIES]
    assert row.forwards[EXPIRIES[0].isoformat()] == pytest.approx(FORWARD, abs=0.1)
    assert row.atm_vol == pytest.approx(0.12, rel=0.01)
    near = taken.chains()
    assert row.call_oi == sum(chain.call["oi"].sum() for chain in near)
    assert row.imbalance == 0.0


def test_open_interest_is_summed_within_forty_five_days_only() -> None:
    far = (*EXPIRIES, DAY.replace(month=10, day=28))
    taken = snapshot(expiries=far)
    row = summary_row(taken, firewall(taken), desk())
    assert row.put_oi == sum(chain.put["oi"].sum() for chain in taken.chains()[:-1])


def test_flow_is_the_change_since_the_first_row_of_the_day() -> None:
    first = snapshot(NOON - timedelta(minutes=30))
    past = history(rows=(summary_row(first, firewall(first), desk()),))
    values = values_after(with_column(snapshot(), "oi", 1.1, side=1), past)
    assert values["call_oi_change"] == 0.0
    assert values["put_oi_change"] == pytest.approx(0.1 * past.rows[0].put_oi)
    assert values["flow_minutes"] == pytest.approx(30.0)


def test_realised_variance_comes_from_the_forwards_own_path() -> None:
    """A path that jumps by one thousandth of the forward every five minutes."""
    base = summary_row(snapshot(), firewall(snapshot()), desk())
    key, step = EXPIRIES[0].isoformat(), timedelta(minutes=1)
    rows = []
    for minute in range(120, 0, -1):
        level = FORWARD * (1 + 0.001 * ((minute // 5) % 2))
        at = NOON - minute * step
        rows.append(replace(base, observed_at=at, received_at=at, forwards={key: level}))
    values = values_after(snapshot(), history(rows=tuple(rows)))
    # A move of 1e-3 every five minutes, as an annual vol of trading minutes.
    assert float(values["realised_vol_today"] or 0) == pytest.approx(1e-3 * (75 * 252) ** 0.5, rel=0.05)
    assert float(values["forecast_today_weight"] or 0) > 0.005


def test_rows_of_an_expiry_that_is_gone_are_not_a_path() -> None:
    base = summary_row(snapshot(), firewall(snapshot()), desk())
    rows = tuple(_at(base, minute) for minute in range(120, 0, -1))
    assert values_after(snapshot(), history(rows=rows))["realised_vol_today"] is None


def _at(row: SummaryRow, minute: int) -> SummaryRow:
    at = NOON - timedelta(minutes=minute)
    return replace(row, observed_at=at, received_at=at, forwards={"2025-08-28": FORWARD})


@pytest.mark.parametrize(("calls", "puts"), [(50, -50), (-50, -50), (50, 50), (-50, 50)])
def test_dealer_gamma_takes_its_signs_from_the_previous_evening(calls: float, puts: float) -> None:
    slices = analyse(snapshot(), history(), desk(), quote_mask(snapshot(), rules())).slices
    found = dealer_gamma(slices, evening(calls, puts), NOON)
    call, put = (found.gross + found.us) / 2, (found.gross - found.us) / 2
    assert found.participants == pytest.approx(np.sign(calls) * call + np.sign(puts) * put, abs=0.02)


def test_a_participant_file_that_is_not_out_yet_is_not_read() -> None:
    values = values_after(snapshot(), replace(history(), participants=evening(50, -50, hours_ago=-1)))
    assert values["dealer_gamma_participants"] is None
    assert values["participants_reason"]
