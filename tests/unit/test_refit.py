"""The fitted parts fitted again: on one definition, judged where the fit did not look, named by what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from quantsentinel.canonical import sha256
from quantsentinel.errors import BadInput, Broken
from quantsentinel.market.bars import DailyBar
from quantsentinel.volatility.artefact import Artefact, decode_artefact
from quantsentinel.volatility.fit_history import FitHistory, clean_until, decode_fit_history, require_one_definition
from quantsentinel.volatility.held_out import HELD_OUT_SESSIONS, Score, cut
from quantsentinel.volatility.offer import artefact_of
from quantsentinel.volatility.parameters import served, with_parts
from quantsentinel.volatility.refit import Refit, refit, standing
from tests.fit_days import CLOSED, made_up

CHANGED = date(2025, 9, 1)
"""India VIX looks at other months from then on (contracts.toml)."""


@pytest.fixture(scope="module")
def history() -> FitHistory:
    return made_up()


@pytest.fixture(scope="module")
def forecast(history: FitHistory) -> Refit:
    return refit("forecast", history, served())


@pytest.fixture(scope="module")
def clock(history: FitHistory) -> Refit:
    return refit("clock", history, served())


def shifted(history: FitHistory, by: timedelta) -> FitHistory:
    """The same, so much later."""
    return FitHistory(
        tuple(replace(bar, day=bar.day + by) for bar in history.daily),
        {day + by: value for day, value in history.vix.items()},
        {day + by: row for day, row in history.quarters.items()},
        {name: tuple(day + by for day in days) for name, days in history.events.items()},
    )


def test_a_history_keeps_its_name_through_its_bytes(history: FitHistory) -> None:
    again = decode_fit_history(history.encoded)
    assert again == history
    assert again.digest == sha256(history.encoded)
    assert history.until(history.last) == history
    assert history.until(history.daily[-2].day).digest != history.digest


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda raw: raw["daily"].reverse(), "do not ascend"),
        (lambda raw: raw["daily"][5].__setitem__(1, -3.0), "not positive"),
        (lambda raw: raw["vix"].clear(), "no daily bars, index values or quarters"),
        (lambda raw: raw["quarters"][min(raw["quarters"])].pop(), "not of one length"),
        (lambda raw: raw.update(form=2), "form 2"),
        (lambda raw: raw["daily"].append(["yesterday", 1, 1, 1, 1]), "not a history"),
        (lambda raw: raw.pop("events"), "events"),
    ],
)
def test_a_history_that_is_none_is_refused(history: FitHistory, spoil, expected: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    raw = json.loads(history.encoded)
    spoil(raw)
    with pytest.raises(BadInput, match=expected):
        decode_fit_history(json.dumps(raw).encode())


def test_a_history_ends_for_a_fit_where_a_definition_that_it_reads_changed(history: FitHistory) -> None:
    late = shifted(history, timedelta(days=364))
    assert late.last > CHANGED
    assert clean_until(late, "clock") == (late.last, ())
    end, why = clean_until(late, "forecast")
    assert end < CHANGED <= end + timedelta(days=4)
    assert why == ("india_vix: monthly_expiry v2 on 2025-09-01",)
    require_one_definition(late.until(end), "forecast")
    with pytest.raises(BadInput, match="spans monthly_expiry v2 on 2025-09-01"):
        refit("forecast", late, served())


def test_a_clock_finds_the_gaps_that_weigh_more_and_beats_the_average_gap(clock: Refit) -> None:
    rows = {row["name"]: row for row in clock.offered["weight"]}
    assert rows["night"]["high"] < 1 < rows["closed"]["low"]
    share = rows["closed"]["n"] / (rows["closed"]["n"] + rows["night"]["n"])
    assert rows["closed"]["low"] < CLOSED / (1 - share + share * CLOSED) < rows["closed"]["high"]
    assert rows["budget"]["is_served"]
    assert clock.beats_rule
    gaps = with_parts({"clock": clock.offered}).gaps
    assert (gaps.night, gaps.closed) == (rows["night"]["multiple"], rows["closed"]["multiple"])
    assert date(2024, 2, 1) in gaps.budget_days


def test_where_all_gaps_are_alike_a_clock_that_tells_them_apart_is_not_offered_as_better() -> None:
    found = refit("clock", made_up(closed=1.0), served())
    assert not found.beats_rule
    assert not any(row["is_served"] for row in found.offered["weight"][:2])


def test_a_forecast_that_is_fitted_again_beats_the_average_and_can_serve(forecast: Refit) -> None:
    assert forecast.beats_rule
    assert [score.row for score in forecast.scores[:3]] == [f"{n} sessions at the close" for n in (1, 5, 22)]
    whole = with_parts({"forecast": forecast.offered})
    assert [row.horizon_sessions for row in whole.forecast] == [0.5, 1.0, 5.0, 22.0]
    assert whole.digest != served().digest
    assert whole.gaps == served().gaps
    assert all(sum(row.alone) == pytest.approx(1.0, abs=1e-9) for row in whole.forecast)


@pytest.mark.parametrize("part", ["clock", "forecast"])
def test_what_is_judged_never_saw_the_sessions_that_it_is_judged_on(history: FitHistory, part: str) -> None:
    last = cut(history)
    wild = [
        DailyBar(bar.day, bar.open, bar.high * 1.05, bar.low * 0.95, bar.close) if bar.day > last else bar
        for bar in history.daily
    ]
    other = FitHistory(tuple(wild), history.vix, history.quarters, history.events)
    before, after = (refit(part, each, served()) for each in (history, other))
    assert before.judged == after.judged
    assert before.scores != after.scores
    assert before.judged["trained"].endswith(last.isoformat())
    assert before.offered["trained"].endswith(history.last.isoformat())
    assert sum(bar.day > last for bar in history.daily) == HELD_OUT_SESSIONS


def test_what_is_in_force_is_judged_as_a_candidate_would_be(history: FitHistory, forecast: Refit) -> None:
    found = standing("forecast", history, served())
    assert [score.in_force for score in found] == [score.in_force for score in forecast.scores]
    assert all(score.candidate == score.in_force for score in found)


def test_a_score_beats_the_rule_only_with_a_lower_loss_that_is_no_luck() -> None:
    def score(candidate: float, t: float | None) -> Score:
        return Score("any", 500, candidate, 0.5, 0.5, t, None)

    assert score(0.4, -1.7).beats_rule
    assert score(0.4, None).beats_rule
    assert not score(0.4, -1.6).beats_rule
    assert not score(0.5, None).beats_rule


def test_too_short_a_history_and_one_without_a_budget_are_refused(history: FitHistory) -> None:
    with pytest.raises(BadInput, match="2267 sessions, needs 2268"):
        refit("clock", history.until(history.daily[2266].day), served())
    without = FitHistory(history.daily, history.vix, history.quarters, {})
    with pytest.raises(BadInput, match="Union Budget"):
        refit("clock", without, served())
    with pytest.raises(BadInput, match="no part 'skew'"):
        refit("skew", history, served())


def test_the_same_fit_has_the_same_name_and_its_card_says_what_it_saw(history: FitHistory, clock: Refit) -> None:
    fits = (refit("clock", history, served()), clock)
    made = [artefact_of(fit, history, served(), "1.0") for fit in fits]
    assert made[0].digest == made[1].digest != artefact_of(clock, history, served(), "1.1").digest
    card = made[0].card
    assert card["history"] == history.digest
    assert card["in_force"] == {"parameters": served().digest, "trained": served().trained["clock"]}
    assert card["held_out"]["sessions"] == HELD_OUT_SESSIONS
    assert made[0].trained_to == history.last
    made[0].require_one_definition()


def test_an_artefact_is_what_its_name_says_or_nothing(history: FitHistory, clock: Refit) -> None:
    found = artefact_of(clock, history, served(), "1.0")
    assert decode_artefact(found.encoded, found.digest, "here") == found
    with pytest.raises(Broken, match="the content's digest is"):
        decode_artefact(found.encoded.replace(b"night", b"knight"), found.digest, "here")
    table = {**found.table, "weight": [{"name": "night"}]}
    spoilt = Artefact("clock", table, found.card)
    with pytest.raises(Broken, match="no fitted part"):
        decode_artefact(spoilt.encoded, spoilt.digest, "here")


def test_an_artefact_that_learned_over_a_change_is_refused_by_the_contracts_of_today(
    history: FitHistory, forecast: Refit
) -> None:
    found = artefact_of(forecast, history, served(), "1.0")
    late = replace(found, table={**found.table, "trained": f"2015-06-02..{CHANGED}"})
    with pytest.raises(BadInput, match="monthly_expiry v2"):
        late.require_one_definition()
