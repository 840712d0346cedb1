"""Our frozen classes behave as the standard library's: every shape is declared with both and asked the same."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import pytest

from quantsentinel import frozen
from quantsentinel.errors import Broken

T = TypeVar("T")
Maker = Callable[..., Any]


def plain(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class Plain:
        """Documented."""

        a: int
        b: float = 2.5
        c: list[int] = field(default_factory=list, compare=False)
        d: str = field(default="hidden", repr=False)

    return Plain


def lone(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class Lone:
        a: int

    return Lone


def empty(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    return lambda _: Empty()


def opened(dataclass: Maker) -> Any:
    @dataclass(frozen=True)
    class Opened:
        a: int
        b: tuple[int, ...] = ()

        @cached_property
        def twice(self) -> int:
            return 2 * self.a

    return Opened


def checked(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class Checked:
        a: int
        b: int = field(init=False, repr=False)
        c: int = field(init=False, default=7)
        d: list[int] = field(init=False, default_factory=lambda: [1])

        def __post_init__(self) -> None:
            object.__setattr__(self, "b", self.a + 1)

    def made(a: int) -> Any:
        found = Checked(a)
        assert (found.b, found.c) == (a + 1, 7)
        return found

    return made


def derived(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class Derived(plain(dataclass), Generic[T]):  # type: ignore[misc]  # the base depends on the decorator
        e: int = 5

    return Derived


def own_words(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True)
    class OwnWords:
        a: int

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self))

    return OwnWords


def by_identity(dataclass: Maker) -> Any:
    @dataclass(frozen=True, slots=True, eq=False)
    class ByIdentity:
        a: int

    return ByIdentity


SHAPES = [plain, lone, empty, opened, checked, derived, own_words, by_identity]
BOTH = (frozen.dataclass, dataclasses.dataclass)


def hashed(value: Any) -> Any:
    try:
        return hash(value)
    except TypeError as error:
        return str(error)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_it_is_shown_compared_hashed_and_matched_as_the_standard_one(shape: Callable[[Maker], Any]) -> None:
    ours, theirs = (shape(dataclass) for dataclass in BOTH)
    mine, other = ours(1), theirs(1)
    assert repr(mine) == repr(other)
    assert (mine == ours(1), mine == ours(2), mine == other) == (other == theirs(1), other == theirs(2), False)
    if shape is not by_identity:
        assert hashed(mine) == hashed(other)
        assert mine == copy.copy(mine) == copy.deepcopy(mine)
    assert type(mine).__match_args__ == type(other).__match_args__
    assert getattr(type(mine), "__slots__", None) == getattr(type(other), "__slots__", None)
    assert dataclasses.asdict(mine) == dataclasses.asdict(other)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_nothing_of_it_can_be_set_or_deleted(shape: Callable[[Maker], Any]) -> None:
    made = shape(frozen.dataclass)(1)
    for name in ("a", "z"):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(made, name, 2)
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(made, name)


def test_its_constructor_takes_names_defaults_and_nothing_else() -> None:
    ours, theirs = (plain(dataclass) for dataclass in BOTH)
    assert repr(ours(b=1.0, a=3, c=[4])) == repr(theirs(b=1.0, a=3, c=[4]))
    assert ours(1).c is not ours(1).c
    assert dataclasses.replace(ours(1), b=9.0) == ours(1, 9.0)
    for wrong in ({}, {"a": 1, "z": 2}):
        with pytest.raises(TypeError):
            ours(**wrong)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert typing.get_type_hints(ours.__init__) == typing.get_type_hints(theirs.__init__)


def test_a_mistake_in_the_class_is_told_as_the_standard_library_tells_it() -> None:
    for dataclass in BOTH:
        with pytest.raises(ValueError, match="mutable default"):
            dataclass(frozen=True)(type("Wrong", (), {"__annotations__": {"a": list}, "a": []}))


def test_what_is_not_frozen_or_is_ordered_is_the_standard_one() -> None:
    @frozen.dataclass(frozen=True, order=True)
    class Ordered:
        a: int

    @frozen.dataclass
    class Loose:
        a: int

    loose = Loose(1)
    loose.a = 3
    assert (Ordered(1) < Ordered(2), loose) == (True, Loose(3))


@frozen.dataclass(frozen=True, slots=True)
class Sent:
    a: int
    b: tuple[int, ...] = ()


def test_it_survives_pickling_and_a_value_that_holds_itself_can_be_shown() -> None:
    assert pickle.loads(pickle.dumps(Sent(1, (2,)))) == Sent(1, (2,))
    held = plain(frozen.dataclass)(1)
    held.c.append(held)
    assert repr(held).endswith(".Plain(a=1, b=2.5, c=[...])")


@pytest.mark.parametrize("asked", [{"kw_only": True}, {"hash": False}, {"hash": True}], ids=str)
def test_what_the_constructor_or_the_hash_would_pass_over_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Broken, match="field 'a'"):
        frozen.dataclass(frozen=True)(type("Asking", (), {"__annotations__": {"a": int}, "a": field(**asked)}))
