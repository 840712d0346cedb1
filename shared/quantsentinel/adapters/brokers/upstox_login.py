"""Upstox's request for an access token (v3, beta), and whose a token is.

The account holder approves in the app; the token then comes to the notifier webhook that the app was set up with,
without a signature (`functions/rotate_token`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from quantsentinel.adapters.brokers.amounts import answer_data
from quantsentinel.adapters.brokers.upstox import raise_for_answer
from quantsentinel.errors import Unavailable
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS
from quantsentinel.ports import TokenRequest

REQUEST, PROFILE, CONTRACTS = "/v3/login/auth/token/request", "/v2/user/profile", "/v2/option/contract"


class UpstoxLogin:
    """`client` speaks to Upstox. Tokens and the app's secret are in no message."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def request(self, client_id: str, client_secret: str) -> TokenRequest:
        """Asks the account holder. Raises `BadInput` for an app that Upstox does not know."""
        path = f"{REQUEST}/{client_id}"
        data = answer_data(self._call("POST", path, REQUEST, json={"client_secret": client_secret}), REQUEST)
        try:
            ends = datetime.fromtimestamp(int(data["authorization_expiry"]) / 1000, UTC)
            return TokenRequest(str(data["notifier_url"]), ends)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Unavailable(f"the answer cannot be read: {error!r}", where=f"Upstox {REQUEST}") from None

    def owner(self, token: str) -> str:
        """The account that the token opens. Raises `BadInput` for a token that opens none."""
        data = answer_data(self._call("GET", PROFILE, PROFILE, headers=_bearer(token)), PROFILE)
        found = data.get("user_id") if isinstance(data, dict) else None
        if not isinstance(found, str) or not found:
            raise Unavailable("the profile names no user", where=f"Upstox {PROFILE}")
        return found

    def check_reads(self, token: str) -> None:
        """What the poller does first, with this token: an Analytics Token opens no profile. Raises `BadInput`."""
        query = {"instrument_key": INSTRUMENT_KEYS["NIFTY"]}
        self._call("GET", CONTRACTS, CONTRACTS, params=query, headers=_bearer(token))

    def _call(self, method: str, path: str, where: str, **request: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise Unavailable(f"{type(error).__name__}: {error}", where=f"Upstox {where}") from None
        raise_for_answer(response, where)
        return response


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}
