"""Frozen, slotted dataclasses, made and written fast.

`dataclass` is the standard library's for a reader and for mypy. Where a class is frozen it gives the same methods
without compiling a text for each: compiling was more than half of what loading our modules took. Its constructor sets
slots, the standard one names through `object.__setattr__`: a market pass makes thousands of values.

A tenant pass makes some hundred changed copies, and `dataclasses.replace` walks over all fields before it calls the
constructor: a draft is an object of a class with the same slots that may still be set; what is finished becomes the
value itself.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields, is_dataclass
from functools import cache
from itertools import repeat
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, overload

from quantsentinel.errors import Broken

T = TypeVar("T")
V = TypeVar("V")


# --- The decorator ----------------------------------------------------------------------------------------------------
def _dataclass(
    kind: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, **more: Any
) -> Any:
    def made(plain: type) -> type:
        if not frozen or more:
            return dataclasses.dataclass(plain, frozen=frozen, slots=slots, eq=eq, **more)
        return _frozen(dataclasses.dataclass(plain, init=False, repr=False, eq=False, slots=slots), slots, eq)

    return made if kind is None else made(kind)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass


def _frozen(kind: type, slots: bool, eq: bool) -> type:
    methods: dict[str, Callable[..., Any]] = {
        "__init__": _constructor(kind, slots),
        "__setattr__": _no_set,
        "__delattr__": _no_delete,
        "__repr__": _shown,
    }
    if slots:  # otherwise copying and pickling would set attributes
        methods |= {"__getstate__": _state, "__setstate__": _restore}
    if eq:
        methods |= _comparing(kind)
    for name, method in methods.items():
        # What the class says itself stands; one that says how it is equal has been given a hash of None.
        if vars(kind).get(name) is None:
            setattr(kind, name, method)
    return kind


def _constructor(kind: type, slots: bool) -> Callable[..., None]:
    """The one method that is compiled: nothing else binds arguments as fast."""
    names: dict[str, Any] = {"_absent": MISSING, "_set": object.__setattr__}
    parameters, lines = ["self"], []
    for field in fields(kind):
        name = field.name
        parameter, value = _taken(field, names)
        if field.init:
            parameters.append(parameter)
        if slots:
            names[f"_set_{name}"] = getattr(kind, name).__set__
        if value:
            lines.append(f"_set_{name}(self, {value})" if slots else f"_set(self, {name!r}, {value})")
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "\n  ".join(lines or ["pass"])
    text = f"def bound({', '.join(names)}):\n def __init__({', '.join(parameters)}):\n  {body}\n return __init__"
    made: dict[str, Any] = {}
    exec(text, vars(sys.modules[kind.__module__]), made)  # noqa: S102 - the text holds names of fields, nothing else
    method: Callable[..., None] = made["bound"](**names)
    method.__qualname__ = f"{kind.__qualname__}.__init__"
    method.__annotations__ = {field.name: field.type for field in fields(kind) if field.init} | {"return": None}
    return method


def _taken(field: Field[Any], names: dict[str, Any]) -> tuple[str, str]:
    """A field as a parameter, and its value as text (empty: set elsewhere); what that needs is added to `names`."""
    if field.kw_only or field.hash is not None:
        what = f"field {field.name!r} asks for a keyword or for a hash of its own"
        raise Broken(what, where="frozen", fix="Use dataclasses.dataclass")
    name, default, make = field.name, f"_default_{field.name}", f"_make_{field.name}"
    if field.default_factory is not MISSING:
        names[make] = field.default_factory
        return f"{name}=_absent", f"{make}() if {name} is _absent else {name}" if field.init else f"{make}()"
    if field.default is not MISSING:
        names[default] = field.default
        return f"{name}={default}", name if field.init else default
    return name, name if field.init else ""


def _comparing(kind: type) -> dict[str, Callable[..., Any]]:
    values_of = _values_of([field.name for field in fields(kind) if field.compare])

    def __eq__(self: object, other: object) -> Any:
        return values_of(self) == values_of(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(values_of(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _values_of(names: list[str] | tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) < 2:  # `attrgetter` of one name gives no tuple
        return lambda value: tuple(getattr(value, name) for name in names)
    return attrgetter(*names)


def _no_set(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delete(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


@recursive_repr("...")
def _shown(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


# --- Changed copies ---------------------------------------------------------------------------------------------------
def evolve(value: T, /, **changes: Any) -> T:
    """`dataclasses.replace` for a frozen, slotted dataclass that checks nothing when it is made.

    Raises `Broken` for any other class, `AttributeError` for a field that there is not.
    """
    kind: type = type(value)
    names, values_of, draft = _shape(kind)
    made = draft()
    any(map(setattr, repeat(made), names, values_of(value)))  # setattr gives None, so all are set, without a loop here
    for name, item in changes.items():
        setattr(made, name, item)
    made.__class__ = kind
    finished: T = made
    return finished


@cache
def draft_of(kind: type) -> type[Any]:
    """A class of the same layout whose slots may be set. Raises `Broken` where that would leave out a check."""
    if not is_dataclass(kind) or "__slots__" not in vars(kind) or hasattr(kind, "__post_init__"):
        what = f"{kind.__name__} is no slotted dataclass without checks of its own"
        raise Broken(what, where="frozen", fix="Use dataclasses.replace")
    return type(f"{kind.__name__}Draft", kind.__bases__, {"__slots__": tuple(field.name for field in fields(kind))})


@cache
def _shape(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], type[Any]]:
    draft, names = draft_of(kind), tuple(field.name for field in fields(kind))
    return names, _values_of(names), draft


# --- What follows from a value ----------------------------------------------------------------------------------------
class worked_out(Generic[T, V]):
    """`functools.cached_property` without its lock, which is most of its time; for values that one thread works on."""

    def __init__(self, work_out: Callable[[T], V]) -> None:
        self._work_out, self._name = work_out, work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, value: None, kind: type[T]) -> worked_out[T, V]: ...
    @overload
    def __get__(self, value: T, kind: type[T]) -> V: ...
    def __get__(self, value: T | None, kind: type[T]) -> worked_out[T, V] | V:
        if value is None:
            return self
        made = value.__dict__[self._name] = self._work_out(value)
        return made
