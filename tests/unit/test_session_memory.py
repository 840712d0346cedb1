"""What is remembered over a session is found by content: equal bars share it, a changed bar never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from quantsentinel.market.bars import DailyBar
from quantsentinel.market.history import History, decode_history
from quantsentinel.opportunity.payoff_profile import ExitCost, Legs, bought_and_sold, leg_payoffs
from quantsentinel.volatility.clock import VarianceClock
from quantsentinel.volatility.degradation import qlike_ratio
from quantsentinel.volatility.forecast import unit_averages
from quantsentinel.volatility.parameters import served
from quantsentinel.volatility.training import served_clock

DAY = date(2025, 8, 29)


def bars(count: int = 120) -> tuple[DailyBar, ...]:
    days = [DAY - timedelta(days=count - n) for n in range(count)]
    levels = 24000.0 * np.exp(np.cumsum(0.008 * np.sin(np.arange(count) * 1.7)))
    return tuple(
        DailyBar(day, level, level * 1.006, level * 0.995, level * 1.002)
        for day, level in zip(days, levels.tolist(), strict=True)
    )


def clock() -> VarianceClock:
    return served_clock()


def test_equal_bars_of_two_histories_are_one_object_and_a_changed_bar_is_another() -> None:
    one, two = (decode_history(History("NIFTY", DAY, daily=bars()).encoded) for _ in range(2))
    assert one.daily is two.daily
    assert one.daily == bars()
    changed = (*bars()[:-1], replace(bars()[-1], close=24001.0))
    assert decode_history(History("NIFTY", DAY, daily=changed).encoded).daily == changed


def test_a_changed_bar_changes_the_remembered_ratio_and_averages() -> None:
    ratio, averages = qlike_ratio(bars(), served()), unit_averages(bars(), clock(), served())
    wild = (*bars()[:-1], replace(bars()[-1], high=bars()[-1].high * 1.05))
    assert qlike_ratio(wild, served()) != ratio
    assert unit_averages(wild, clock(), served())[0] > averages[0]
    assert qlike_ratio(bars(), served()) == ratio


def test_another_share_of_the_night_is_not_the_remembered_average() -> None:
    other = replace(clock(), overnight_share=0.5, weights=replace(served().gaps, closed=3.0))
    assert not np.array_equal(unit_averages(bars(), clock(), served()), unit_averages(bars(), other, served()))


def test_remembered_averages_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        unit_averages(bars(), clock(), served())[0] = 0.0


def test_single_options_bought_and_sold_pay_what_their_legs_pay() -> None:
    strike, is_call = np.array([24000.0, 24000.0, 25000.0]), np.array([True, False, True])
    at, cost = np.array([20000.0, 24000.0, 24000.5, 30000.0]), ExitCost(0.00125, 0.3)
    sides = [np.full((3, 1), side) for side in (1.0, -1.0)]
    legs = [leg_payoffs(Legs(strike[:, None], is_call[:, None], side), at[None], cost)[:, :, 0] for side in sides]
    assert np.array_equal(bought_and_sold(strike, is_call, at, cost), np.vstack([*legs, np.zeros((1, 4))]))
