"""Legs as a person writes them: `SELL 24500CE 110 BUY 2x24600CE 70 BUY 24500CE@2026-12-29 210`.

A leg is a side (BUY or SELL, or B or S), a contract (`[RATIOx]STRIKE(CE|PE)[@EXPIRY]`) and a price in points. Commas
between legs are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from quantsentinel.errors import BadInput
from quantsentinel.market.instruments import Instrument, Leg, Right

SIDES: dict[str, Literal[1, -1]] = {"BUY": 1, "B": 1, "SELL": -1, "S": -1}
CONTRACT = re.compile(
    r"(?:(?P<ratio>\d{1,4})X)?(?P<strike>\d{1,6}(?:\.\d{1,2})?)(?P<right>CE|PE)(?:@(?P<expiry>\S+))?", re.ASCII
)
PRICE = re.compile(r"\d{1,6}(\.\d{1,4})?", re.ASCII)
WHERE = "--legs"
EXAMPLE = 'Write "SELL 24500CE 110 BUY 2x24600CE 70": side, [ratio x] strike with CE or PE, price'
MAX_LEGS = 200


def parse_legs(text: str, underlying: str, expiry: date) -> tuple[tuple[Leg, Decimal], ...]:
    """The legs in the order written, each with its price in points, exact; `expiry` is that of a leg which names none.

    Raises `BadInput` that names the token.
    """
    words = _Words(text.replace(",", " ").upper().split())
    legs = tuple(_legs(words, underlying.upper(), expiry))
    if not legs:
        raise BadInput("no legs", where=WHERE, fix=EXAMPLE)
    if len(legs) > MAX_LEGS:
        raise BadInput(f"{len(legs)} legs, at most {MAX_LEGS}", where=WHERE, fix="Ask in parts")
    return legs


class _Words:
    """The tokens that are left, and how many were taken: for messages that say where."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.taken = 0

    @property
    def is_done(self) -> bool:
        return self.taken == len(self.words)

    def take(self, expected: str) -> str:
        if self.is_done:
            raise BadInput(f"ends where {expected} is expected", where=WHERE, fix=EXAMPLE)
        self.taken += 1
        return self.words[self.taken - 1]

    def wrong(self, word: str, expected: str) -> BadInput:
        return BadInput(f"{word!r} (token {self.taken}), expected {expected}", where=WHERE, fix=EXAMPLE)


def _legs(words: _Words, underlying: str, expiry: date) -> Iterator[tuple[Leg, Decimal]]:
    while not words.is_done:
        side = words.take("BUY or SELL")
        if side not in SIDES:
            raise words.wrong(side, "BUY or SELL")
        instrument, ratio = _contract(words, underlying, expiry)
        yield Leg(instrument, SIDES[side], ratio), _price(words)


def _contract(words: _Words, underlying: str, expiry: date) -> tuple[Instrument, int]:
    expected = "a contract such as 24500CE or 2x24500PE"
    word = words.take(expected)
    match = CONTRACT.fullmatch(word)
    if match is None or float(match["strike"]) <= 0 or int(match["ratio"] or 1) < 1:
        raise words.wrong(word, expected)
    right: Right = "CE" if match["right"] == "CE" else "PE"
    ends = expiry
    if match["expiry"]:
        try:
            ends = date.fromisoformat(match["expiry"])
        except ValueError:
            raise words.wrong(word, "an expiry after @ as YYYY-MM-DD") from None
    return Instrument(underlying, ends, float(match["strike"]), right), int(match["ratio"] or 1)


def _price(words: _Words) -> Decimal:
    word = words.take("a price in points")
    if not PRICE.fullmatch(word):
        raise words.wrong(word, "a price in points, 0 or more")
    return Decimal(word)
