"""Books and accounts survive the store exactly; what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quantsentinel.accounts.account import Account
from quantsentinel.accounts.codec import DECLARED, decode_account, encode_account
from quantsentinel.distribution import Relation
from quantsentinel.errors import BadInput
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book, ClosedEntry
from quantsentinel.portfolio.codec import FIRST, LATER, decode_book, encode_book
from tests.builders import SESSION, TEN, account, as_of, condor_package, desk, market, offering, vertical_package


def stored(data: dict[str, Any]) -> dict[str, Any]:
    """Through JSON text, as a store keeps it."""
    loaded: dict[str, Any] = json.loads(json.dumps(data))
    return loaded


def full_book() -> Book:
    view = offering(market(), condor_package(), vertical_package(), condor_package(width=200.0))
    book = tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after
    closed = {"NIFTY|2025-08-28|long_call": ClosedEntry(2, TEN)}
    return replace(book, closed=closed, loss_latched_on=SESSION, rearm={"NIFTY": 2}, audit_seq=7)


def test_a_book_comes_back_exactly() -> None:
    book = full_book()
    assert len(book.positions) == 2
    assert book.refusals
    assert decode_book(stored(encode_book(book))) == book


def test_an_empty_book_comes_back_exactly() -> None:
    assert decode_book(stored(encode_book(Book()))) == Book()


def test_an_account_takes_its_id_and_age_from_the_document_not_from_its_data() -> None:
    tenant = account(knob=40, relation=Relation.DEPENDENT_PARENT)
    data = stored(encode_account(tenant))
    assert {"tenant_id", "created_at"}.isdisjoint(data)
    later = tenant.created_at + timedelta(days=1)
    assert decode_account("acme-fund", data | {"channels": {}}, later) == replace(tenant, created_at=later)


@pytest.mark.parametrize(
    "spoil",
    [
        {"schema": 99},
        {"surprise": 1},
        {"realised": "a lot"},
        {"session": "yesterday"},
        {"positions": [{"signal_id": "sig-1"}]},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
def test_a_book_that_does_not_fit_is_refused_and_never_taken_for_an_empty_one(spoil: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        decode_book(stored(encode_book(full_book())) | spoil)


def test_an_account_of_another_schema_is_refused() -> None:
    data = stored(encode_account(account())) | {"schema": 0}
    with pytest.raises(BadInput, match="account schema"):
        decode_account("acme-fund", data, TEN)


def test_a_whole_number_from_the_store_is_a_float_again() -> None:
    data = stored(encode_account(account()))
    data["limits"]["daily_loss"] = 1
    found: Account = decode_account("acme-fund", data, TEN)
    assert isinstance(found.limits.daily_loss, float)


@pytest.mark.parametrize("name", sorted(FIRST | LATER))
def test_a_book_without_one_of_its_fields_is_refused_by_name(name: str) -> None:
    data = stored(encode_book(full_book()))
    del data[name]
    with pytest.raises(BadInput, match=name):
        decode_book(data)


def test_a_book_from_before_the_second_one_has_none_of_its_fields_and_is_read() -> None:
    book = full_book()
    data = {name: value for name, value in stored(encode_book(book)).items() if name not in LATER}
    assert decode_book(data).positions == book.positions
    with pytest.raises(BadInput, match="positions"):
        decode_book({"schema": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [("realised", "NaN"), ("peak_equity", "Infinity"), ("entered_loss", "-1"), ("entered_loss", "NaN")],
)
def test_money_that_would_lift_a_limit_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"{name} {value}"):
        decode_book(stored(encode_book(full_book())) | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("knob", -1),
        ("knob", 50.5),
        ("max_lots", True),
        ("max_lots", 10**13),
        ("max_positions", -2),
        ("max_drawdown", "NaN"),
        ("max_margin_utilisation", 7.5),
        ("margin_buffer", 1e300),
        ("capital_floor", "NaN"),
        ("capital_floor", "1e13"),
        ("daily_loss", "much"),
    ],
)
def test_an_absurd_limit_in_a_tenant_document_is_refused_with_the_tenant_s_name(name: str, value: Any) -> None:
    data = stored(encode_account(account()))
    data["limits"][name] = value
    with pytest.raises(BadInput) as refused:
        decode_account("acme-fund", data, TEN)
    assert refused.value.where == "tenant acme-fund"
    assert name in refused.value.what or value == "much"


@pytest.mark.parametrize("name", [*sorted(DECLARED), "limits"])
def test_limits_that_are_missing_are_never_filled_in(name: str) -> None:
    data = stored(encode_account(account()))
    del (data if name == "limits" else data["limits"])[name]
    with pytest.raises(BadInput, match=f"limits .*{name}.* are missing"):
        decode_account("acme-fund", data, TEN)


@pytest.mark.parametrize("word", ["false", 0, 1, None])
def test_an_opt_in_is_true_or_it_is_refused(word: Any) -> None:
    data = stored(encode_account(account())) | {"expiry_day_premium": word}
    with pytest.raises(BadInput, match="neither true nor false"):
        decode_account("acme-fund", data, TEN)


def test_absurd_capital_in_a_tenant_document_is_refused() -> None:
    for absurd in ("-1", "NaN", "1e13"):
        with pytest.raises(BadInput, match="capital"):
            decode_account("acme-fund", stored(encode_account(account())) | {"capital": absurd}, TEN)
