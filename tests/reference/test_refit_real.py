"""The parts fitted again on the real NIFTY series: what is stored comes out, and what is offered beats the average."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from quantsentinel.cli.fit_files import read_fit_history
from quantsentinel.volatility.fit_history import FitHistory, clean_until
from quantsentinel.volatility.parameters import served, with_parts
from quantsentinel.volatility.refit import refit

pytestmark = pytest.mark.marketdata


@pytest.fixture(scope="module")
def history(marketdata: Path) -> FitHistory:
    return read_fit_history(marketdata)


def test_the_clock_that_is_stored_comes_out_of_the_refit_and_beats_the_average_gap(history: FitHistory) -> None:
    """Measured on 756 held-out gaps: QLIKE 1.852 against 1.983, t -1.81."""
    found = refit("clock", history, served())
    assert found.beats_rule
    stored = served()
    again = with_parts({"clock": found.offered})
    assert again.gaps == stored.gaps
    assert again.trained["clock"] == stored.trained["clock"]


def test_the_forecast_learns_up_to_where_the_volatility_index_changed_and_beats_the_average(
    history: FitHistory,
) -> None:
    """Measured: QLIKE 0.392, 0.201, 0.125 against 0.483, 0.310, 0.213; t -2.7, -1.9, -1.7."""
    end, why = clean_until(history, "forecast")
    assert end == date(2025, 8, 29)
    assert "india_vix: monthly_expiry v2 on 2025-09-01" in why
    found = refit("forecast", history.until(end), served())
    assert found.beats_rule
    assert all(abs(score.t_in_force or 0.0) < 1.645 for score in found.scores)
    assert found.offered["trained"] == "2011-01-03..2025-08-29"
