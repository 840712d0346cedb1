"""Canonical text is written in one walk: it must be what the plain value, encoded, would be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.canonical import canonical, canonical_bytes, plain_bytes
from quantsentinel.errors import Broken
from quantsentinel.verdict import Outcome, Verdict, Verdicts


class Colour(StrEnum):
    RED = 'r"ed'


class Level(Enum):
    HIGH = 2


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Many:
    later: Any
    earlier: Any


@dataclass(frozen=True, slots=True)
class One:
    only: Any


@dataclass(frozen=True, slots=True)
class Empty:
    pass


TIMES = st.datetimes(
    datetime(1990, 1, 1),
    datetime(2090, 1, 1),
    timezones=st.sampled_from([UTC, ZoneInfo("Asia/Kolkata"), timezone(timedelta(hours=-3, minutes=-30))]),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | TIMES
    | st.sampled_from([Colour.RED, Level.HIGH, -0.0, Empty()])
)
KEYS = st.text(max_size=4) | st.integers(-20, 20) | st.sampled_from([Colour.RED, date(2025, 8, 29)])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.frozensets(st.integers(), max_size=4)
        | st.builds(Many, inner, inner)
        | st.builds(One, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)
MEASURED = st.none() | st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()


@given(VALUES)
def test_the_text_written_at_once_is_that_of_the_plain_value(value: Any) -> None:
    assert canonical_bytes(value) == plain_bytes(canonical(value))


@given(st.builds(Verdict, st.text(), st.integers(), st.sampled_from(Outcome), MEASURED, MEASURED, st.text(), st.text()))
def test_a_verdict_written_field_by_field_is_the_canonical_one(verdict: Verdict) -> None:
    assert "".join(verdict.text).encode() == canonical_bytes(verdict)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2025, 1, 1), b"bytes", object(), {1: {2: 3j}}])
def test_what_has_no_one_form_is_refused_by_both_walks(value: Any) -> None:
    for walk in (canonical, canonical_bytes):
        with pytest.raises(Broken, match=r"no canonical form|naive time"):
            walk(Many(value, [value]))


def test_a_sequence_of_whatever_kind_is_a_list() -> None:
    said = Verdict("asked", 1, Outcome.PASSED, 1.0, 2.0, "share", ".abc")
    under = Verdicts("stamp", (said, said))
    assert canonical(under) == [canonical(verdict) for verdict in under]
    assert canonical_bytes(under) == canonical_bytes(tuple(under))


def test_the_two_times_of_a_repeated_hour_have_two_texts() -> None:
    once = datetime(2025, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    again = once.replace(fold=1)
    assert once == again
    assert (canonical(once), canonical(again)) == ("2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z")
