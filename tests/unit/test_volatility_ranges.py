"""Range estimators on paths of known variance; weights on the simplex; the clock's fit on gaps of known size."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.convex import ahead, fit_simplex, latest, trailing
from quantsentinel.volatility.gaps import GapSample, fit_event_weights, fit_gap_weights, gap_kind, share_interval
from quantsentinel.volatility.ranges import (
    LogBars,
    garman_klass,
    log_bars,
    parkinson,
    range_variance,
    rogers_satchell,
    yang_zhang,
)

SESSION, GAP, N, STEPS = 0.7e-4, 0.3e-4, 3000, 1500


def _bars(drift: float = 0.0) -> LogBars:
    random = np.random.default_rng(17)
    steps = random.standard_normal((N, STEPS)) * np.sqrt(SESSION / STEPS) + drift / STEPS
    path = np.concatenate([np.zeros((N, 1)), np.cumsum(steps, axis=1)], axis=1)
    gaps = random.standard_normal(N) * np.sqrt(GAP)
    opens = np.cumsum(gaps) + np.concatenate(([0.0], np.cumsum(path[:-1, -1])))
    return LogBars(opens, opens + path.max(axis=1), opens + path.min(axis=1), opens + path[:, -1])


BARS = _bars()


def test_every_range_estimator_finds_the_session_variance_and_beats_the_squared_return() -> None:
    """A path seen 1,500 times has a range 0.58·2·sqrt(V/n) too small (Broadie, Glasserman and Kou): 3 to 8 % here."""
    squared = (BARS.close - BARS.open) ** 2
    for estimator, efficiency in ((parkinson, 4.0), (garman_klass, 5.0), (rogers_satchell, 4.0)):
        found = estimator(BARS)
        assert found.mean() == pytest.approx(SESSION, rel=0.1)
        assert found.mean() < 1.02 * SESSION
        assert squared.var() / found.var() > efficiency


def test_only_rogers_satchell_ignores_a_drift() -> None:
    drifting = _bars(drift=2 * np.sqrt(SESSION))
    assert rogers_satchell(drifting).mean() == pytest.approx(rogers_satchell(BARS).mean(), rel=0.06)
    assert parkinson(drifting).mean() > 1.5 * SESSION


def test_yang_zhang_and_the_range_variance_hold_the_gap_too() -> None:
    assert yang_zhang(BARS) == pytest.approx(SESSION + GAP, rel=0.08)
    assert range_variance(BARS).mean() == pytest.approx(SESSION + GAP, rel=0.06)
    with pytest.raises(BadInput):
        yang_zhang(LogBars(*(values[:2] for values in (BARS.open, BARS.high, BARS.low, BARS.close))))


def test_a_close_outside_its_own_range_widens_it() -> None:
    bars = log_bars([DailyBar(date(2025, 1, 1), 100.0, 101.0, 99.0, 101.5)])
    assert bars.high[0] == bars.close[0]
    assert rogers_satchell(bars)[0] >= 0
    with pytest.raises(BadInput):
        log_bars([])


def test_simplex_weights_are_found_and_scale_with_the_market() -> None:
    random = np.random.default_rng(5)
    x = np.exp(random.standard_normal((20_000, 3))) * 1e-4
    y = (x @ [0.6, 0.1, 0.3]) * random.chisquare(1, 20_000)
    weights = fit_simplex(x, y)
    assert weights.sum() == pytest.approx(1.0)
    assert weights == pytest.approx([0.6, 0.1, 0.3], abs=0.05)
    assert fit_simplex(7 * x, 7 * np.maximum(y, 1e-7)) == pytest.approx(weights, abs=1e-4)


def test_no_other_weights_nearby_have_a_lower_qlike() -> None:
    random = np.random.default_rng(6)
    x = np.exp(random.standard_normal((500, 4)))
    y = np.exp(random.standard_normal(500))
    best = fit_simplex(x, y)

    def loss(weights: np.ndarray) -> float:
        return float(np.mean(y / (x @ weights) + np.log(x @ weights)))

    for _ in range(200):
        other = np.abs(best + 0.02 * random.standard_normal(4))
        assert loss(other / other.sum()) > loss(best) - 1e-9


@given(st.integers(30, 77), st.sampled_from([1, 5, 22]))
def test_trailing_averages_know_nothing_later_and_targets_nothing_earlier(cut: int, span: int) -> None:
    random = np.random.default_rng(9)
    variance, units = random.random(100), 0.5 + random.random(100)
    whole, part = trailing(variance, units, [span]), trailing(variance[:cut], units[:cut], [span])
    assert part[span - 1 :] == pytest.approx(whole[span - 1 : cut])
    assert latest(variance[:cut], units[:cut], [span]) == pytest.approx(whole[cut - 1])
    later = ahead(variance, units, span)[cut - 1]
    assert later == pytest.approx(variance[cut : cut + span].sum() / units[cut : cut + span].sum())


def test_regressors_that_are_no_variances_are_refused() -> None:
    for x, y in ((np.ones((2, 2)), np.ones(2)), (np.zeros((9, 2)), np.ones(9)), (np.ones((9, 2)), np.full(9, np.nan))):
        with pytest.raises(BadInput):
            fit_simplex(x, y)


def _gaps(closed: float, budget: float, seed: int = 3) -> tuple[GapSample, list[date]]:
    """Weekdays of twelve years with a holiday every 27th; gaps of a night 1/3 of a session's variance."""
    random = np.random.default_rng(seed)
    first = date(2012, 1, 2)
    days = [day for day in (first + timedelta(days=n) for n in range(4400)) if day.weekday() < 5]
    days = [day for n, day in enumerate(days) if n % 27]
    loud = days[100::150]
    wide = np.array([closed if (b - a).days > 1 else 1.0 for a, b in pairwise(days)])
    busy = np.array([budget if day in loud else 1.0 for day in days[1:]])
    gap = 1e-4 / 3 * wide * random.standard_normal(wide.size) ** 2
    return GapSample(tuple(days[1:]), tuple(days[:-1]), gap, 1e-4 * busy * random.chisquare(20, wide.size) / 20), loud


def test_gap_weights_find_what_the_gaps_were_made_with_and_serve_when_they_differ() -> None:
    sample, _ = _gaps(closed=2.0, budget=1.0)
    fitted = {row.name: row for row in fit_gap_weights(sample, np.random.default_rng(1), 300)}
    assert fitted["closed"].multiple / fitted["night"].multiple == pytest.approx(2.0, rel=0.2)
    assert fitted["night"].is_served
    assert fitted["closed"].is_served
    assert not any(fitted[name].is_served for name in ("weekend", "holiday", "long"))
    assert fitted["closed"].low < fitted["closed"].multiple < fitted["closed"].high
    alike = fit_gap_weights(_gaps(closed=1.0, budget=1.0)[0], np.random.default_rng(1), 300)
    assert not any(row.is_served for row in alike)


def test_a_loud_event_is_served_and_a_quiet_one_is_not() -> None:
    sample, loud = _gaps(closed=1.0, budget=4.0)
    quiet = [day + timedelta(days=14) for day in loud]
    fitted = {
        row.name: row
        for row in fit_event_weights(sample, {"loud": loud, "quiet": quiet}, np.random.default_rng(1), 300)
    }
    assert fitted["loud"].is_served
    assert fitted["loud"].multiple == pytest.approx(4.0, rel=0.25)
    assert not fitted["quiet"].is_served
    assert not fitted["loud morning"].is_served


def test_the_share_of_the_nights_lies_inside_its_interval() -> None:
    share, low, high = share_interval(_gaps(closed=1.0, budget=1.0)[0], np.random.default_rng(1), 300)
    assert low < share < high
    assert share == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (date(2025, 8, 25), date(2025, 8, 26), "night"),
        (date(2025, 8, 22), date(2025, 8, 25), "weekend"),
        (date(2025, 8, 26), date(2025, 8, 28), "holiday"),
        (date(2025, 8, 14), date(2025, 8, 18), "long"),
        (date(2024, 1, 19), date(2024, 1, 20), "night"),
    ],
)
def test_a_gap_is_called_by_the_days_it_spans(before: date, after: date, kind: str) -> None:
    assert gap_kind(before, after) == kind
