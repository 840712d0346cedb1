"""The callback of an access-token request: `POST /<path>` from Upstox, and nothing else but `GET /health`.

200 the token is stored (or was), 400 not a token for us, 404 no such path, 405, 409 nobody asked for it, 503 Upstox or
the vault is away: then the request stays open and the token before stays in use. What is wrong is said in our log; who
posts learns only the status.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from quantsentinel.adapters.brokers.upstox import upstox_client
from quantsentinel.adapters.brokers.upstox_login import UpstoxLogin
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.app.log_line import log
from quantsentinel.app.rotate_token import App, Rotation, Taken, take_delivery
from quantsentinel.errors import BadInput, QuantsentinelError, Unavailable
from quantsentinel.ports import Documents, Secrets
from quantsentinel.settings import Settings, settings_from

Answer = tuple[str, int, Mapping[str, str]]
STATUS = {"stored": 200, "again": 200, "not here": 404, "not asked for": 409, "refused": 400}
_HEADERS = {"content-type": "text/plain", "cache-control": "no-store"}


def answer(request: Any) -> Answer:
    """Answers one request (`request` is Flask's)."""
    if request.method == "GET" and request.path == "/health":
        return _health()
    if request.method != "POST":
        return _plain("", 405)
    try:
        taken = take_delivery(_rotation(), request.path, request.get_data())
    except Unavailable as error:
        log("ERROR", f"a token came and is not stored: {error}. It can be posted again", function="rotate_token")
        return _plain("again later", 503)
    except QuantsentinelError as error:
        log("CRITICAL", f"cannot take a token: {error}", function="rotate_token")
        return _plain("", 500)
    log(_severity(taken), f"{taken.outcome}: {taken.text}", function="rotate_token")
    return _plain("stored" if STATUS[taken.outcome] == 200 else "", STATUS[taken.outcome])


def _health() -> Answer:
    """What a self-test asks (`app.self_test`), to anybody: revision and version of the code, nothing of secrets."""
    from quantsentinel.wiring.identity import identity

    try:
        said = identity("rotate_token").model_copy(update={"secrets": {}})
    except QuantsentinelError as error:
        log("CRITICAL", f"cannot start: {error}", function="rotate_token")
        return _plain("", 500)
    return said.model_dump_json(), 200, {**_HEADERS, "content-type": "application/json"}


def _severity(taken: Taken) -> str:
    """A wrong path is what scanners of the internet do all day."""
    return {"stored": "NOTICE", "again": "INFO", "not here": "INFO"}.get(taken.outcome, "WARNING")


def _plain(text: str, status: int) -> Answer:
    return text, status, _HEADERS


# --- What it stands on ---
@lru_cache(maxsize=1)
def _rotation() -> Rotation:
    return rotation_of(settings_from(os.environ), os.environ)


def rotation_of(settings: Settings, environ: Mapping[str, str]) -> Rotation:
    """Raises `BadInput` unless it is said whose tokens are taken."""
    app = App(settings.upstox_client_id, settings.upstox_user_id)
    if not app.client_id or not app.user_id:
        fix = "Set QS_UPSTOX_CLIENT_ID (the app's API key) and QS_UPSTOX_USER_ID (the account, as in the profile)"
        raise BadInput("whose tokens are taken is not said", where="rotate_token", fix=fix)
    return bare_rotation(settings, environ, app)


def bare_rotation(settings: Settings, environ: Mapping[str, str], app: App) -> Rotation:
    """For a token that a person brings: no app of Upstox takes part in it."""
    clock = SystemClock(settings.clock_offset_s)
    login = UpstoxLogin(upstox_client(settings.upstox_url))
    owner = f"{environ.get('K_REVISION', socket.gethostname())}-{os.getpid()}-{secrets.token_hex(4)}"
    return Rotation(_documents(settings, clock, environ), clock, login, _vault(settings), app, owner)


def _documents(settings: Settings, clock: SystemClock, environ: Mapping[str, str]) -> Documents:
    if settings.profile == "google":
        from quantsentinel.adapters.google.documents import FirestoreDocuments

        host = environ.get("FIRESTORE_EMULATOR_HOST")
        return FirestoreDocuments(settings.project, settings.firestore_database, emulator_host=host)
    from quantsentinel.adapters.embedded.database import Database
    from quantsentinel.adapters.embedded.documents import SqliteDocuments

    settings.state.mkdir(parents=True, exist_ok=True)
    return SqliteDocuments(Database(settings.state / "quantsentinel.sqlite", sync=settings.sync), clock)


def _vault(settings: Settings) -> Secrets:
    if settings.profile == "google":
        from quantsentinel.adapters.google.secret_versions import SecretManager

        return SecretManager(settings.project, settings.secret_manager_url)
    from quantsentinel.adapters.embedded.secret_files import SecretFiles

    return SecretFiles(settings.state / "secrets")
