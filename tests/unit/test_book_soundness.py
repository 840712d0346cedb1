"""A position that the document holds only in part is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.answers import Answer, AnswerKind
from quantsentinel.portfolio.book import Book
from quantsentinel.portfolio.codec import decode_book, encode_book
from tests.builders import TEN, account, as_of, condor_package, desk, market, offering

Document = dict[str, Any]


def document() -> Document:
    """With the same condor in the assumed and in the confirmed book."""
    view = offering(market(), condor_package())
    book = tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after
    (position,) = book.positions
    answer = Answer(position.signal_id, AnswerKind.TAKEN, TEN, "asha", position.entry_price, position.lots)
    after = tenant_pass(view, book, account(), desk(), as_of(view, answers=(answer,))).book_after
    assert after.confirmed
    stored: Document = json.loads(json.dumps(encode_book(after)))
    return stored


def drop_leg(position: Document) -> None:
    del position["package"]["legs"][-1]


def put(name: str, value: object) -> Callable[[Document], None]:
    return lambda position: position.__setitem__(name, value)


def spoil_mark(position: Document) -> None:
    del position["mark"]["legs"][-1]


def blind_mark(position: Document) -> None:
    position["mark"]["price"] = float("nan")


SPOILT = {
    "3 of 4 legs": drop_leg,
    "-1 lots": put("lots", -1),
    "0 lots": put("lots", 0),
    "1.5 lots": put("lots", 1.5),
    "price that is not finite": put("entry_price", float("inf")),
    "margin -1": put("margin", "-1"),
    "maximum loss NaN": put("max_loss", "NaN"),
    "tick 0": put("tick", 0.0),
    "mark of 3 of 4 legs": spoil_mark,
    "mark that is not finite": blind_mark,
}


@pytest.mark.parametrize("book", ["positions", "confirmed"])
@pytest.mark.parametrize("word", SPOILT)
def test_a_partially_written_position_is_refused_by_name(book: str, word: str) -> None:
    data = document()
    SPOILT[word](data[book][0])
    with pytest.raises(BadInput, match=word) as refused:
        decode_book(data)
    assert data[book][0]["signal_id"] in refused.value.where


@pytest.mark.parametrize("name", ["package", "lots", "entry_price", "max_loss"])
def test_a_position_without_a_field_is_refused_and_never_filled_in(name: str) -> None:
    data = document()
    del data["positions"][0][name]
    with pytest.raises(BadInput, match=name):
        decode_book(data)


def test_a_signal_held_twice_is_refused() -> None:
    data = document()
    data["positions"] *= 2
    with pytest.raises(BadInput, match="held twice"):
        decode_book(data)


def test_a_sound_book_with_confirmed_positions_comes_back_exactly() -> None:
    data = document()
    book = decode_book(data)
    assert json.loads(json.dumps(encode_book(book))) == data
    assert book.confirmed == book.positions
