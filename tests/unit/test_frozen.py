"""A changed copy of a frozen dataclass is what `dataclasses.replace` makes, and checks are never left out."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass, draft_of, evolve, worked_out
from quantsentinel.portfolio.book import Book
from quantsentinel.signals.signal import SignalEvent
from quantsentinel.units import rupees
from quantsentinel.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Lone:
    value: int


@dataclass(frozen=True)
class Open:
    value: int


def test_a_changed_copy_equals_the_one_of_the_standard_library_and_leaves_the_first_alone() -> None:
    book = Book(realised=rupees(3))
    assert evolve(book, realised=rupees(5), rearm={"NIFTY": 2}) == replace(book, realised=rupees(5), rearm={"NIFTY": 2})
    assert (book.realised, evolve(Lone(1), value=2)) == (rupees(3), Lone(2))


def test_the_copy_is_frozen_and_hashes_like_any_other() -> None:
    made = evolve(Lone(1), value=2)
    assert (type(made), hash(made)) == (Lone, hash(Lone(2)))
    with pytest.raises(FrozenInstanceError):
        made.value = 3  # type: ignore[misc]  # that is what must fail


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(AttributeError, match="profit"):
        evolve(Book(), profit=1)


@pytest.mark.parametrize("kind", [SignalEvent, Open, int], ids=lambda kind: kind.__name__)
def test_a_class_with_checks_or_without_slots_is_refused(kind: type) -> None:
    with pytest.raises(Broken, match=f"{kind.__name__} is no slotted dataclass"):
        draft_of(kind)


def test_a_draft_has_the_slots_of_its_class() -> None:
    assert draft_of(Verdict).__slots__ == tuple(Verdict.__slots__)


@dataclass(frozen=True)
class Square:
    side: int

    @worked_out
    def area(self) -> int:
        """Side by side."""
        seen.append(self.side)
        return self.side * self.side


seen: list[int] = []


def test_what_follows_from_a_value_is_worked_out_once_and_goes_with_no_copy() -> None:
    seen.clear()
    one = Square(3)
    assert (one.area, one.area, replace(one, side=4).area, seen) == (9, 9, 16, [3, 4])
    assert (one == Square(3), Square.area.__doc__) == (True, "Side by side.")
