"""The kill switch over HTTP: the smallest function there is, so that it starts when nothing else does.

    GET  /    every switch that is on
    GET  /health    to anybody: revision and version of the code; nothing about secrets but whether they are sound
    POST /    {"action": "on", "scope", "reason", "until"?} | {"action": "off", "scope", "ack"?} | {"action": "list"}

`Authorization: Bearer <secret>`, but for /health: each person has a secret (`QS_KILL_SWITCH_SECRETS`,
`name:secret,name:secret`), which is how two people are told apart. Settings are read at the first request, and of
numpy, polars and the passes nothing is loaded at all: 25 modules, 0.1 s beside 0.2 s of functions-framework. The
announcement lies in the outbox; the sweep publishes it within a minute and a half.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.kills import Switchboard, kill_off, kill_on, kills
from quantsentinel.canonical import canonical
from quantsentinel.errors import BadInput, Broken, QuantsentinelError, Unavailable

if TYPE_CHECKING:
    from quantsentinel.market.rulebook import RuleBook
    from quantsentinel.ports import Documents, Event
    from quantsentinel.settings import Settings

Answer = tuple[str, int, Mapping[str, str]]
SHORTEST_SECRET = 16
_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}
_ASKED = frozenset({"action", "scope", "reason", "until", "ack"})


def answer(request: Any) -> Answer:
    """Answers one request (`request` is Flask's): 200, 400 with what to do, 403, 405, 503 or 500."""
    try:
        if request.path == "/health":
            return _health()
        who = _who(request.headers.get("authorization", ""))
        if not who:
            return _json({"error": "not allowed", "fix": "Authorization: Bearer <your secret>"}, 403)
        if request.method not in ("GET", "POST"):
            return _json({"error": f"no {request.method} here", "fix": "GET or POST"}, 405)
        asked = {"action": "list"} if request.method == "GET" else _asked(request.get_data())
        return _json(canonical(_done(_board(), asked, who)), 200)
    except BadInput as error:
        return _json({"error": error.what, "where": error.where, "fix": error.fix}, 400)
    except QuantsentinelError as error:
        return _json({"error": error.what, "where": error.where}, 503 if isinstance(error, Unavailable) else 500)


def _done(board: Switchboard, asked: Mapping[str, str], who: str) -> Any:
    action, scope = asked.get("action"), asked.get("scope", "")
    if action == "list":
        return {"on": kills(board)}
    if action == "on":
        return {"on": kill_on(board, scope, who=who, why=asked.get("reason", ""), until=_until(asked))}
    if action == "off":
        return kill_off(board, scope, who=who, ack=asked.get("ack", ""))
    raise BadInput(f"no action {action!r}", where="kill switch", fix="on, off or list")


def _asked(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON", where="kill switch") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadInput("the body is not an object of texts", where="kill switch")
    if unknown := sorted(found.keys() - _ASKED):
        raise BadInput(f"unknown {', '.join(unknown)}", where="kill switch", fix="Known: " + ", ".join(sorted(_ASKED)))
    return found


def _until(asked: Mapping[str, str]) -> datetime | None:
    """Raises `BadInput` for what is no time, or one without its offset."""
    if "until" not in asked:
        return None
    try:
        moment = datetime.fromisoformat(asked["until"])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"until {asked['until']!r}", where="kill switch", fix="2025-08-29T15:30:00+05:30")
    return moment


def _health() -> Answer:
    """What a self-test asks (`app.self_test`). Raises `Broken` for secrets that are not sound."""
    from quantsentinel.wiring.identity import identity

    _people(_settings().kill_switch_secrets.get_secret_value())
    return _json(identity("kill_switch").model_copy(update={"secrets": {}}).model_dump(), 200)


# --- Who asks ---
def _who(header: str) -> str:
    """The person whose secret this is; empty for nobody's. Every secret is compared, each in constant time."""
    given = hashlib.sha256(header.removeprefix("Bearer ").encode()).digest()
    found = ""
    for name, expected in _people(_settings().kill_switch_secrets.get_secret_value()):
        if hmac.compare_digest(given, expected):
            found = name
    return found


def _people(text: str) -> list[tuple[str, bytes]]:
    """`name:secret,name:secret`. Raises `Broken` for a short secret or one that two people share."""
    pairs = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    secrets = [secret for _, _, secret in pairs]
    if not all(name and len(secret) >= SHORTEST_SECRET for name, _, secret in pairs) or len(set(secrets)) < len(pairs):
        what = f"a person without a secret of at least {SHORTEST_SECRET} characters of their own"
        raise Broken(what, where="QS_KILL_SWITCH_SECRETS", fix="name:secret,name:secret")
    return [(name, hashlib.sha256(secret.encode()).digest()) for name, _, secret in pairs]


# --- What it stands on ---
@lru_cache(maxsize=1)
def _settings() -> Settings:
    from quantsentinel.settings import settings_from

    return settings_from(os.environ)


@lru_cache(maxsize=1)
def _board() -> Switchboard:
    settings = _settings()
    clock = SystemClock(settings.clock_offset_s)

    def rules() -> RuleBook:
        from quantsentinel.market.rulebook import load_rules

        return load_rules(settings.rules_overlay)

    return Switchboard(_documents(settings, clock), clock, rules, _left_to_the_sweep)


def _documents(settings: Settings, clock: SystemClock) -> Documents:
    if settings.profile == "google":
        from quantsentinel.adapters.google.documents import FirestoreDocuments

        host = os.environ.get("FIRESTORE_EMULATOR_HOST")
        return FirestoreDocuments(settings.project, settings.firestore_database, emulator_host=host)
    from quantsentinel.adapters.embedded.database import Database
    from quantsentinel.adapters.embedded.documents import SqliteDocuments

    return SqliteDocuments(Database(settings.state / "quantsentinel.sqlite", sync=settings.sync), clock)


def _left_to_the_sweep(events: Sequence[Event]) -> None:
    """A bus client would be the heaviest thing here; the events are in the outbox already."""


def _json(value: Any, status: int) -> Answer:
    return json.dumps(value, ensure_ascii=False), status, _HEADERS
