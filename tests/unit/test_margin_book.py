"""The margin of a book: netting, expiries, underlyings, shocks, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin, margin_days
from quantsentinel.costs.margin_book import (
    CALM,
    HeldLeg,
    MarginTable,
    Shock,
    book_margin,
    shocked_market,
    stressed_legs,
)
from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Instrument, Right
from quantsentinel.market.rulebook import load_rules
from quantsentinel.pricing import black76

RULES = load_rules()
DAY, NEAR, FAR = date(2025, 8, 29), date(2025, 9, 9), date(2025, 9, 30)
MARKETS = {
    "NIFTY": MarginMarket(24_426.85, 24_450.0, 0.16, margin_days(RULES, DAY, NEAR)),
    "BANKNIFTY": MarginMarket(53_655.65, 53_700.0, 0.18, margin_days(RULES, DAY, FAR)),
}
FORWARD = {"NIFTY": 24_460.0, "BANKNIFTY": 53_800.0}


def held(strike: float, right: Right, units: int, expiry: date = NEAR, underlying: str = "NIFTY") -> HeldLeg:
    years, forward = (expiry - DAY).days / 365.0, FORWARD[underlying]
    mark = float(black76.price(forward, strike, years, 0.12, 1.0, right == "CE"))
    return HeldLeg(Instrument(underlying, expiry, strike, right), units, mark, forward)


CONDOR = (held(24_000, "PE", 75), held(24_200, "PE", -75), held(24_700, "CE", -75), held(24_900, "CE", 75))
BANK = (held(53_000, "PE", -35, FAR, "BANKNIFTY"), held(55_000, "CE", -35, FAR, "BANKNIFTY"))


def tables(shock: Shock = CALM) -> dict[str, MarginTable]:
    return {name: MarginTable(market, RULES.scan(name, DAY), shock) for name, market in MARKETS.items()}


def test_a_book_of_one_package_is_that_packages_margin() -> None:
    legs = MarginLegs(
        strike=np.array([leg.instrument.strike for leg in CONDOR]),
        is_call=np.array([leg.instrument.is_call for leg in CONDOR]),
        signed_units=np.array([float(leg.units) for leg in CONDOR]),
        mark=np.array([leg.mark for leg in CONDOR]),
        forward=np.full(4, FORWARD["NIFTY"]),
        expiry_days=np.full(4, 11.0),
    )
    alone, book = margin(legs, MARKETS["NIFTY"], RULES.scan("NIFTY", DAY)), book_margin(CONDOR, tables())
    assert [total for _, total in book.by_day] == pytest.approx([total for _, total in alone.by_day])
    for name in ("span", "exposure", "expiry_day_elm", "net_option_value", "premium_outlay", "expiry_day"):
        assert getattr(book, name) == pytest.approx(getattr(alone, name)), name


def test_a_table_that_knows_the_contracts_answers_as_a_fresh_one() -> None:
    known = tables()
    book_margin([*CONDOR, held(24_500, "CE", 75, FAR)], known)
    assert book_margin(CONDOR, known) == book_margin(CONDOR, tables())
    assert len(known["NIFTY"].rows) == 5


def test_two_underlyings_add_up_day_by_day() -> None:
    nifty, bank = book_margin(CONDOR, tables()), book_margin(BANK, tables())
    both = book_margin([*CONDOR, *BANK], tables())
    ours, theirs = dict(nifty.by_day), dict(bank.by_day)
    assert dict(both.by_day) == pytest.approx({day: ours.get(day, 0.0) + theirs[day] for day in theirs})
    assert both.total <= nifty.total + bank.total  # their worst days are not the same day
    assert set(nifty.rows_used) | set(bank.rows_used) == set(both.rows_used)


def test_a_bought_and_a_sold_unit_of_one_contract_are_no_position() -> None:
    bought = replace(CONDOR[1], units=75)
    assert book_margin([*CONDOR, bought], tables()) == book_margin([CONDOR[0], *CONDOR[2:]], tables())
    empty = book_margin([CONDOR[1], bought], tables())
    assert (empty.total, empty.exposure, empty.by_day) == (0.0, 0.0, ())


def test_a_leg_that_is_named_twice_counts_twice() -> None:
    twice, double = book_margin([*CONDOR, *CONDOR], tables()), [replace(leg, units=2 * leg.units) for leg in CONDOR]
    assert twice == book_margin(double, tables())
    assert twice.total == pytest.approx(2 * book_margin(CONDOR, tables()).total)


def test_on_the_near_expiry_day_only_the_expiring_legs_stand_alone() -> None:
    """The two later expiries keep their offset, and pay the charge for it."""
    later = [held(24_500, "CE", -75, FAR), held(24_500, "CE", 75, date(2025, 10, 28))]
    near = [held(24_500, "CE", -75)]
    whole, kept, alone = (dict(book_margin(legs, tables()).by_day)[NEAR] for legs in (near + later, later, near))
    assert whole == pytest.approx(kept + alone)
    before = dict(book_margin(near + later, tables()).by_day)[DAY]
    parts = [dict(book_margin(legs, tables()).by_day)[DAY] for legs in (later, near)]
    assert before != pytest.approx(sum(parts))


def test_a_shock_moves_the_level_the_marks_and_the_volatility() -> None:
    scan, market = RULES.scan("NIFTY", DAY), MARKETS["NIFTY"]
    after = shocked_market(market, scan, Shock(-0.05, 0.04))
    assert after.previous_close == market.previous_close
    assert after.underlying_price == pytest.approx(24_450 * 0.95)
    assert after.previous_vol_annual == pytest.approx(np.sqrt(0.995 * 0.16**2 + 0.005 * 365 * np.log(0.95) ** 2))
    put, call = stressed_legs([held(24_200, "PE", -75), held(24_700, "CE", -75)], tables(Shock(-0.05))["NIFTY"])
    years = 12 / 365  # the vol that the mark had with one day more, kept
    vol = 0.12 * np.sqrt(11 / 12)
    assert put.mark == pytest.approx(float(black76.price(24_460 * 0.95, 24_200, years, vol, 1.0, False)))
    assert call.mark < 1.0 < held(24_700, "CE", -75).mark


def test_a_short_put_needs_more_after_a_fall_and_a_calm_shock_changes_nothing() -> None:
    short = [held(24_200, "PE", -75)]
    calm, fallen = book_margin(short, tables(CALM)), book_margin(short, tables(Shock(-0.05, 0.04)))
    assert calm == book_margin(short, tables())
    assert fallen.total > 1.3 * calm.total
    assert fallen.premium_outlay == calm.premium_outlay == 0.0


def test_a_shock_may_scale_every_volatility() -> None:
    (leg,) = stressed_legs([held(24_700, "CE", -75)], tables(Shock(0.0, 0.0, 1.25))["NIFTY"])
    vol = 1.25 * 0.12 * np.sqrt(11 / 12)
    assert leg.mark == pytest.approx(float(black76.price(24_460, 24_700, 12 / 365, vol, 1.0, True)))


def test_a_mark_at_intrinsic_value_is_stressed_at_the_exchanges_volatility() -> None:
    dear = HeldLeg(Instrument("NIFTY", NEAR, 23_000.0, "CE"), -75, 1_460.0, 24_460.0)
    (after,) = stressed_legs([dear], tables(Shock(-0.05))["NIFTY"])
    assert after.mark == pytest.approx(float(black76.price(24_460 * 0.95, 23_000, 12 / 365, 0.16, 1.0, True)))


@pytest.mark.parametrize(
    ("leg", "says"),
    [
        (replace(CONDOR[0], mark=float("nan")), "mark is not a number"),
        (replace(CONDOR[0], mark=-0.05), "negative mark"),
        (replace(CONDOR[0], forward=float("inf")), "forward is not a number"),
        (replace(CONDOR[0], forward=0.0), "negative mark, forward"),
        (replace(CONDOR[0], instrument=replace(CONDOR[0].instrument, expiry=DAY - timedelta(days=1))), "days to exp"),
        (replace(CONDOR[0], instrument=replace(CONDOR[0].instrument, strike=0.0)), "strike must be positive"),
        (replace(CONDOR[0], instrument=replace(CONDOR[0].instrument, underlying="SENSEX")), "no margin market for SEN"),
        (replace(CONDOR[1], mark=1.0), "two marks"),
    ],
)
def test_a_book_with_an_unknown_leg_has_no_margin(leg: HeldLeg, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        book_margin([*CONDOR[1:], leg], tables())


def test_one_contract_has_one_mark_in_a_table() -> None:
    known = tables()
    book_margin(CONDOR, known)
    for other in (replace(CONDOR[0], mark=CONDOR[0].mark + 0.05), replace(CONDOR[0], forward=24_461.0)):
        with pytest.raises(BadInput, match="two marks"):
            book_margin([other], known)


@pytest.mark.parametrize("shock", [Shock(-1.0), Shock(float("nan")), Shock(0.0, float("inf")), Shock(0.0, 0.0, -0.5)])
def test_an_impossible_shock_is_refused(shock: Shock) -> None:
    with pytest.raises(BadInput, match="shock"):
        book_margin(CONDOR, tables(shock))
