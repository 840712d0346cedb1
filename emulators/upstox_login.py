"""Upstox's request for an access token over loopback: somebody asks, `approve` posts a token to the notifier webhook.

with UpstoxLogin("client", "secret", user_id="AB1234") as upstox:
    upstox.notifier_url = "http://127.0.0.1:N/path"
    upstox.approve(token)    # the status that the webhook answered
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

from emulators.loopback import Loopback, Reply, Request, json_reply

REQUEST, PROFILE, CONTRACTS = "/v3/login/auth/token/request/", "/v2/user/profile", "/v2/option/contract"


class UpstoxLogin:
    """One app and the account that it asks. `fault` is a status that every call is answered with; None: none."""

    def __init__(self, client_id: str, client_secret: str, *, user_id: str, ends_at_ms: int) -> None:
        self.client_id, self.user_id = client_id, user_id
        self.notifier_url = ""
        self.tokens: dict[str, str] = {}
        self.fault: int | None = None
        self.calls: Counter[str] = Counter()
        self._secret = client_secret
        self._ends_at_ms = ends_at_ms
        self._server = Loopback(self._handle)

    @property
    def url(self) -> str:
        return self._server.url

    def approve(self, token: str, **other: Any) -> int:
        """The account holder says yes: `token` is theirs from now on, and is posted as Upstox does."""
        self.tokens[token] = self.user_id
        return self.post(access_token=token, **other)

    def post(self, **fields: Any) -> int:
        body = {
            "client_id": self.client_id,
            "user_id": self.user_id,
            "token_type": "Bearer",
            "expires_at": str(self._ends_at_ms),
            "issued_at": str(self._ends_at_ms - 86_400_000),
            "message_type": "access_token",
            **fields,
        }
        return httpx.post(self.notifier_url, json=body, timeout=30).status_code

    def _handle(self, request: Request) -> Reply:
        self.calls[f"{request.method} {request.path}"] += 1
        if self.fault is not None:
            return _error(self.fault, "UDAPI10005" if self.fault == 429 else "UDAPI100500")
        if request.path.startswith(REQUEST):
            return self._asked(request)
        owner = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if owner is None:
            return _error(401, "UDAPI100050")
        known: Mapping[str, Any] = {PROFILE: {"user_id": owner, "broker": "UPSTOX"}, CONTRACTS: []}
        if request.path not in known:
            return _error(404, "UDAPI100060")
        return json_reply({"status": "success", "data": known[request.path]})

    def _asked(self, request: Request) -> Reply:
        if request.path != REQUEST + self.client_id or request.json() != {"client_secret": self._secret}:
            return _error(401, "UDAPI100069")
        data = {"authorization_expiry": str(self._ends_at_ms), "notifier_url": self.notifier_url}
        return json_reply({"status": "success", "data": data})

    def __enter__(self) -> UpstoxLogin:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()


def _error(status: int, code: str) -> Reply:
    return json_reply({"status": "error", "errors": [{"errorCode": code, "message": "no"}]}, status)
