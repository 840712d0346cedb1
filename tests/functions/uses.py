"""Which function touches what: every call of the embedded stores, bus, channels and vault, noted under the function
whose request is being handled in that thread."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import pytest

from emulators.function_map import FunctionMap
from quantsentinel import entry
from quantsentinel.adapters.brokers.upstox import UpstoxFeed
from quantsentinel.adapters.channels.telegram import TelegramChannel
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.adapters.embedded.secret_files import SecretFiles
from quantsentinel.adapters.google.bus import PubSubBus
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.adapters.google.objects import GcsObjects
from quantsentinel.wiring import kill_switch, rotate_token, self_test
from quantsentinel.wiring.google import BUCKETS

T = TypeVar("T")
RIGHTS = {"read": ("read",), "create": ("read", "create"), "write": ("read", "create", "write")}
"""What a grant allows; its own name is what it is given for. Who creates also reads: Google's 403 for an object that is
there already is told from any other by looking (adapters/google/objects.py)."""
Uses = dict[str, set[str]]


class Recorder:
    def __init__(self) -> None:
        self.used: Uses = defaultdict(set)
        self._local = threading.local()

    def under(self, name: str, method: Callable[..., T], *arguments: Any) -> T:
        """Calls `method` as function `name`."""
        before = getattr(self._local, "name", None)
        self._local.name = name
        try:
            return method(*arguments)
        finally:
            self._local.name = before

    def note(self, uses: Iterable[str]) -> None:
        name = getattr(self._local, "name", None)
        if name is not None:
            self.used[name] |= set(uses)


def _key(right: str) -> Callable[..., list[str]]:
    return lambda _, key="", *__, **___: [f"{right} objects of {BUCKETS.get(key.split('/', 1)[0], 'snapshots')}"]


def _always(use: str) -> Callable[..., list[str]]:
    return lambda *_, **__: [use]


WATCHED: tuple[tuple[Any, str, Callable[..., list[str]]], ...] = (
    (SqliteDocuments, "get", _always("read documents")),
    (SqliteDocuments, "get_many", _always("read documents")),
    (SqliteDocuments, "query", _always("read documents")),
    (SqliteDocuments, "commit", _always("write documents")),
    (FolderObjects, "get", _key("read")),
    (FolderObjects, "list", _key("read")),
    (FolderObjects, "put_if_absent", _key("create")),
    (FolderObjects, "put", _key("write")),
    (SqliteBus, "publish", lambda _, event: [f"publish {event.topic}"]),
    (SqliteBus, "publish_all", lambda _, events: [f"publish {event.topic}" for event in events]),
    (TelegramChannel, "send", _always("secret telegram-token")),
    (UpstoxFeed, "poll", _always("secret upstox-token")),
    (SecretFiles, "add", lambda _, name, __: [f"new version of {name}"]),
)


EDGES = {
    "kill_switch": (kill_switch, "answer"),
    "rotate_token": (rotate_token, "answer"),
    "self_test": (self_test, "answer"),
    "self_test_sink": (self_test, "sink"),
}
"""What the `main.py` of a function over HTTP calls; the others call `entry.push`."""


def watch(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    """Nothing is replaced: each call is noted and then made. Before a function's `main.py` is loaded."""
    for owner, name, uses in WATCHED:
        patch.setattr(owner, name, _noted(recorder, getattr(owner, name), uses))
    who, push = kill_switch._who, entry.push
    patch.setattr(kill_switch, "_who", lambda header: recorder.note(["secret kill-switch-secrets"]) or who(header))
    patch.setattr(entry, "push", lambda name, request: recorder.under(name, push, name, request))
    for name, (owner, edge) in EDGES.items():
        patch.setattr(owner, edge, partial(recorder.under, name, getattr(owner, edge)))


# --- On Google's own clients ---
def _in_bucket(right: str) -> Callable[..., list[str]]:
    return lambda objects, *_, **__: [f"{right} objects of {objects._bucket.name.rpartition('-qs-')[2]}"]


GOOGLE: tuple[tuple[Any, str, Callable[..., list[str]]], ...] = (
    *((FirestoreDocuments, name, _always("read documents")) for name in ("get", "get_many", "query")),
    (FirestoreDocuments, "commit", _always("write documents")),
    *((GcsObjects, name, _in_bucket("read")) for name in ("get", "list")),
    (GcsObjects, "put_if_absent", _in_bucket("create")),
    (GcsObjects, "put", _in_bucket("write")),
    (PubSubBus, "publish_all", lambda _, events: [f"publish {event.topic}" for event in events]),
)


def watch_google(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    """The same of the Google adapters; the buckets are those that the keys were really sent to."""
    for owner, name, uses in GOOGLE:
        patch.setattr(owner, name, _noted(recorder, getattr(owner, name), uses))


def _noted(recorder: Recorder, method: Callable[..., Any], uses: Callable[..., list[str]]) -> Callable[..., Any]:
    def noted(self: Any, *arguments: Any, **named: Any) -> Any:
        recorder.note(uses(self, *arguments, **named))
        return method(self, *arguments, **named)

    return noted


def granted(known: FunctionMap, name: str) -> tuple[set[str], set[str]]:
    """What the map lets a function or job do, and what of it that must be seen to do, in the recorder's words."""
    row = known.functions.get(name) or known.jobs[name]
    plain = {
        *(f"publish {topic}" for topic in getattr(row, "publishes", ())),
        *(f"secret {secret}" for secret in row.permissions.secrets),
        *(f"new version of {secret}" for secret in row.permissions.secret_versions_added),
    }
    rights = {f"objects of {kind}": most for kind, most in row.permissions.objects.items()}
    if row.permissions.documents != "none":
        rights["documents"] = row.permissions.documents
    may = {f"{right} {what}" for what, most in rights.items() for right in RIGHTS[most]}
    return plain | may, plain | {f"{most} {what}" for what, most in rights.items()}
