"""The days' roots: `audit-roots/{date}.json`, written once and never again; the bucket keeps them under a retention
lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

from quantsentinel.audit.roots import Root, decode_root, encode_root
from quantsentinel.errors import Broken
from quantsentinel.ports import Objects

PREFIX = "audit-roots/"


class AuditRoots:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def put(self, root: Root) -> None:
        """Raises `Broken` when the day has another root already: it stays."""
        key, body = _key(root.header.on), encode_root(root)
        if not self._objects.put_if_absent(key, body) and self._objects.get(key) != body:
            raise Broken("the day has another root", where=key, fix="The first one stands: compare the two")

    def has(self, on: date) -> bool:
        return any(info.key == _key(on) for info in self._objects.list(_key(on)))

    def get(self, on: date) -> Root | None:
        """Raises `Broken` for an object that is no root of that day."""
        data = self._objects.get(_key(on))
        return None if data is None else _root(data, on)

    def days(self) -> list[date]:
        """Days that have a root, in order."""
        names = [info.key.removeprefix(PREFIX).removesuffix(".json") for info in self._objects.list(PREFIX)]
        return sorted(date.fromisoformat(name) for name in names)

    def all(self, since: date | None = None) -> Iterator[Root]:
        """Every root, in order, one in memory at a time; with `since`, from the newest one before that day on."""
        days = self.days()
        earlier = [on for on in days if since is not None and on < since]
        for on in days[max(0, len(earlier) - 1) :]:
            found = self.get(on)
            if found is not None:
                yield found

    def before(self, on: date) -> Root | None:
        """The newest root before a day."""
        earlier = [day for day in self.days() if day < on]
        return self.get(earlier[-1]) if earlier else None


def _root(data: bytes, on: date) -> Root:
    try:
        plain = json.loads(data)
    except ValueError:
        raise Broken("no JSON", where=_key(on), fix="The object was changed") from None
    root = decode_root(plain, _key(on))
    if root.header.on != on:
        raise Broken(f"this is the root of {root.header.on}", where=_key(on), fix="The object was changed")
    return root


def _key(on: date) -> str:
    return f"{PREFIX}{on.isoformat()}.json"
