"""Frozen, slotted dataclasses, written fast: a tenant pass makes some hundred of them, and the generated constructor
sets every field through `object.__setattr__`, `dataclasses.replace` with a walk over all fields before that.

A draft is an object of a class with the same slots that may still be set; what is finished becomes the value itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from quantsentinel.errors import Broken

T = TypeVar("T")


def evolve(value: T, /, **changes: Any) -> T:
    """`dataclasses.replace` for a frozen, slotted dataclass that checks nothing when it is made.

    Raises `Broken` for any other class, `AttributeError` for a field that there is not.
    """
    kind: type = type(value)
    names, values_of, draft = _shape(kind)
    made = draft()
    for name, item in zip(names, values_of(value), strict=True):
        setattr(made, name, item)
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
    return type(f"{kind.__name__}Draft", (), {"__slots__": tuple(field.name for field in fields(kind))})


@cache
def _shape(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], type[Any]]:
    draft, names = draft_of(kind), tuple(field.name for field in fields(kind))
    if len(names) < 2:
        return names, lambda value: tuple(getattr(value, name) for name in names), draft
    return names, attrgetter(*names), draft
