"""Secret Manager over its REST interface: two calls are all that is needed of it."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import google.auth
import google_crc32c
import requests
from google.auth.transport.requests import AuthorizedSession

from quantsentinel.adapters.google.connection import DEADLINE_S, NotAllowed, translated
from quantsentinel.errors import BadInput, Broken, Unavailable

URL = "https://secretmanager.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class SecretManager:
    """Secrets of `project`. Credentials go to Google alone: another `url` (a test's) is called without any."""

    def __init__(self, project: str, url: str = URL) -> None:
        self._root = f"{url}/v1/projects/{project}/secrets"
        self._is_google = (urlsplit(url).hostname or "").endswith(".googleapis.com")
        self._opened: requests.Session | None = None

    def add(self, name: str, value: str) -> str:
        data = value.encode()
        payload = {
            "data": base64.b64encode(data).decode(),
            "dataCrc32c": str(google_crc32c.value(data)),
        }
        answer = self._call("POST", f"{name}:addVersion", {"payload": payload})
        if answer is None:
            raise BadInput(f"no secret {name}", where="Secret Manager", fix="`terraform apply` creates it, empty")
        return str(answer.get("name", ""))

    def newest(self, name: str) -> datetime | None:
        answer = self._call("GET", f"{name}/versions/latest")
        if answer is None or answer.get("state") != "ENABLED":
            return None
        return datetime.fromisoformat(str(answer["createTime"]))

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """The answer, None for 404. The value of a secret is in no message."""
        where = f"Secret Manager {path}"
        with translated(where):
            answer = self._session().request(method, f"{self._root}/{path}", json=body, timeout=DEADLINE_S)
        status = answer.status_code
        if status == 404:
            return None
        if status in (401, 403):
            fix = "Grant secretmanager.secretVersionAdder (to add) or secretmanager.viewer (to look)"
            raise NotAllowed(f"HTTP {status}", where=where, fix=fix)
        if status == 400:
            raise Broken("HTTP 400: the request is malformed", where=where, fix="A rule is missing in our own code")
        if status != 200:
            raise Unavailable(f"HTTP {status}", where=where)
        try:
            found = answer.json()
        except ValueError:
            raise Unavailable("the answer is not JSON", where=where) from None
        return found if isinstance(found, dict) else {}

    def _session(self) -> requests.Session:
        if self._opened is None:
            self._opened = self._authorized() if self._is_google else requests.Session()
        return self._opened

    @staticmethod
    def _authorized() -> requests.Session:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # google-auth is partly typed
        return session
