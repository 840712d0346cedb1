"""Bounded memory of pure results: many tenants hold the same package, and its marks and charges are worked out once.

A key names everything the result depends on (digests, packages, lots), so a remembered value equals a fresh one. Where
it holds the id() of an object, the value holds that object too, so that no other one gets its id().
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made once; the oldest entry leaves when the memory is full."""
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = make()
            if len(self._values) > self._size:
                self._values.popitem(last=False)
        return found
