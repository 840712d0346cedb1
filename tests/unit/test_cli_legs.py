"""Legs as a person writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from quantsentinel.cli.legs import parse_legs
from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Instrument, Leg

EXPIRY = date(2026, 11, 24)


def leg(strike: float, right: str, side: int, ratio: int = 1, expiry: date = EXPIRY) -> Leg:
    return Leg(Instrument("NIFTY", expiry, strike, right), side, ratio)


def test_legs_are_read_in_the_order_written_with_exact_prices() -> None:
    found = parse_legs("SELL 24500CE 110.05 BUY 24600CE 70", "nifty", EXPIRY)
    assert found == (
        (leg(24500.0, "CE", -1), Decimal("110.05")),
        (leg(24600.0, "CE", 1), Decimal(70)),
    )


def test_ratios_commas_small_letters_and_other_expiries_are_read() -> None:
    later = date(2026, 12, 29)
    found = parse_legs("sell 2x24500ce 110, buy 24500PE@2026-12-29 70.5", "NIFTY", EXPIRY)
    assert [part for part, _ in found] == [leg(24500.0, "CE", -1, 2), leg(24500.0, "PE", 1, expiry=later)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no legs"),
        ("HOLD 24500CE 110", "'HOLD' .token 1., expected BUY or SELL"),
        ("SELL 24500 110", "'24500' .token 2., expected a contract"),
        ("SELL 24500XE 110", "'24500XE' .token 2."),
        ("SELL 0x24500CE 110", "'0X24500CE'"),
        ("SELL 0CE 110", "'0CE'"),
        ("SELL", "ends where a contract"),
        ("SELL 24500CE", "ends where a price"),
        ("SELL 24500CE BUY 24600CE 70", "'BUY' .token 3., expected a price"),
        ("SELL 24500CE -5", "a price in points, 0 or more"),
        ("SELL 24500CE NaN", "a price in points, 0 or more"),
        ("SELL 24500CE 1E9999999", "a price in points"),
        ("SELL 24500CE@24NOV 5", "an expiry after @"),
        ("SELL ٢٤٥٠٠CE 5", "expected a contract"),
        ("SELL 24500CE 110 70", "'70' .token 4., expected BUY or SELL"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_token(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        parse_legs(text, "NIFTY", EXPIRY)
    assert (refused.value.where, refused.value.fix[:5]) == ("--legs", "Write")


def test_more_legs_than_a_book_holds_are_refused() -> None:
    with pytest.raises(BadInput, match="201 legs"):
        parse_legs("BUY 24500CE 1 " * 201, "NIFTY", EXPIRY)
