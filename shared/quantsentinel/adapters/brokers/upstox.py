"""Upstox v2 as a market feed: one HTTP call an expiry, inside the shared request budget, no retry of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import httpx

from quantsentinel.adapters.brokers.http_call import sent
from quantsentinel.adapters.brokers.poll_plan import PollPlan, RateBudget
from quantsentinel.errors import BadInput, RateLimited, RuleGap, Unavailable
from quantsentinel.market.calendar import IST
from quantsentinel.market.parsers.upstox_v2 import INSTRUMENT_KEYS
from quantsentinel.market.rulebook import RuleBook
from quantsentinel.ports import Clock, Payload, RawSnapshot

BASE_URL = "https://api.upstox.com"
TIMEOUT_S = 10.0
RETRY_AFTER_S = 60.0
"""Upstox sends no Retry-After with a 429; a minute frees two of its three windows."""
RENEWAL = (
    "Access tokens end at 03:30 IST every day: get a new one from the Upstox developer console, or a one-year "
    "read-only Analytics Token, and set QS_UPSTOX_TOKEN"
)
_TOKEN_ERRORS = frozenset({"UDAPI100050"})
_RATE_ERRORS = frozenset({"UDAPI10005"})


def upstox_client(base_url: str = BASE_URL, timeout_s: float = TIMEOUT_S) -> httpx.Client:
    """A connection pool to Upstox or to a server that speaks its language. The caller closes it."""
    return httpx.Client(base_url=base_url, timeout=timeout_s, headers={"Accept": "application/json"})


Token = str | Callable[[], str]
"""An access token, or how to read the one that is valid now."""


class Bearer:
    """The access token of one process. A refused one is read again: a rotation takes effect without a redeploy."""

    def __init__(self, token: Token) -> None:
        self._read = token if callable(token) else lambda: token
        self._token = self._read().strip()
        if not self._token:
            raise BadInput("no access token", where="Upstox", fix=RENEWAL)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def renewed(self) -> bool:
        """Reads it again; whether there is another one now."""
        before, self._token = self._token, self._read().strip() or self._token
        return self._token != before


class UpstoxFeed:
    """Option chains of Upstox. Far expiries that are not due are sent again as they were, with their own receipt time.

    `budget` is shared by all feeds of one account. Raises as `MarketFeed.poll` says; the token is never in a message.
    """

    source = "upstox"

    def __init__(
        self,
        client: httpx.Client,
        token: Token,
        rules: RuleBook,
        plan: PollPlan,
        clock: Clock,
        budget: RateBudget | None = None,
    ) -> None:
        self._client = client
        self._bearer = Bearer(token)
        self._rules = rules
        self._plan = plan
        self._clock = clock
        self._budget = budget if budget is not None else RateBudget()
        self._ticks: dict[str, int] = {}
        self._listed: dict[str, tuple[date, tuple[date, ...]]] = {}
        self._latest: dict[tuple[str, date], Payload] = {}

    def poll(self, underlying: str) -> RawSnapshot | None:
        """The chains due at this tick and the latest of the others."""
        key = _instrument_key(underlying)
        expiries = self._expiries(underlying, key)
        tick = self._ticks.get(underlying, 0)
        due = self._plan.due(tick, expiries)
        self._budget.take(len(due), self._clock.now())
        self._ticks[underlying] = tick + 1
        fresh = {expiry: self._chain(key, expiry) for expiry in due}
        kept = {
            expiry: self._latest[underlying, expiry]
            for expiry in expiries
            if expiry not in fresh and (underlying, expiry) in self._latest
        }
        for expiry, payload in fresh.items():
            if _is_success(payload.body):
                self._latest[underlying, expiry] = payload
        payloads = {**kept, **fresh}
        return RawSnapshot(
            underlying=underlying,
            source=self.source,
            parser="upstox_v2",
            collected_at=max(payload.received_at for payload in fresh.values()),
            payloads=tuple(payloads[expiry] for expiry in sorted(payloads)),
        )

    def _expiries(self, underlying: str, key: str) -> tuple[date, ...]:
        """As Upstox lists them, read once a day; without those that the rule book does not cover."""
        today = self._clock.now().astimezone(IST).date()
        listed = self._listed.get(underlying)
        if listed is None or listed[0] != today:
            self._budget.take(1, self._clock.now())
            listed = (today, self._contracts(underlying, key, today))
            self._listed[underlying] = listed
        return listed[1]

    def _contracts(self, underlying: str, key: str, today: date) -> tuple[date, ...]:
        response = self._get("/v2/option/contract", {"instrument_key": key})
        try:
            rows = json.loads(response.content)["data"]
            expiries = {date.fromisoformat(row["expiry"]) for row in rows}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            # A broken answer, not a wrong question: the next call may bring a whole one.
            raise Unavailable(f"the contract list cannot be read: {error!r}", where=f"Upstox {underlying}") from None
        found = tuple(sorted(day for day in expiries if day >= today and self._is_covered(underlying, day)))
        if not found:
            raise BadInput(f"none of {len(expiries)} listed expiries is covered", where=f"Upstox {underlying}")
        return found

    def _is_covered(self, underlying: str, expiry: date) -> bool:
        try:
            self._rules.last_trade(underlying, expiry)
        except RuleGap:
            return False
        return True

    def _chain(self, key: str, expiry: date) -> Payload:
        response = self._get("/v2/option/chain", {"instrument_key": key, "expiry_date": expiry.isoformat()})
        return Payload(response.content, "application/json", self._clock.now(), expiry)

    def _get(self, path: str, query: Mapping[str, str]) -> httpx.Response:
        """One call, and another when the token was rotated meanwhile. Errors become the tree's branches."""
        response = self._sent(path, query)
        if response.status_code == 401 and self._bearer.renewed():
            self._budget.take(1, self._clock.now())
            response = self._sent(path, query)
        raise_for_answer(response, path)
        return response

    def _sent(self, path: str, query: Mapping[str, str]) -> httpx.Response:
        return sent(self._client, "Upstox", "GET", path, self._bearer.headers, params=query)


def _instrument_key(underlying: str) -> str:
    try:
        return INSTRUMENT_KEYS[underlying]
    except KeyError:
        raise BadInput(f"no Upstox key for {underlying!r}", fix=f"Known: {', '.join(INSTRUMENT_KEYS)}") from None


def _is_success(body: bytes) -> bool:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("status") == "success"


def raise_for_answer(response: httpx.Response, path: str) -> None:
    """Upstox's refusals as the tree's branches, by status and by its error code."""
    where, status = f"Upstox {path}", response.status_code
    code, message = _error(response)
    said = f"HTTP {status} {code} {message}".strip()
    if status == 401 or code in _TOKEN_ERRORS:
        raise BadInput(f"the access token is invalid or has expired ({said})", where=where, fix=RENEWAL)
    if status == 429 or code in _RATE_ERRORS:
        raise RateLimited(f"too many requests ({said})", retry_after_s=_retry_after_s(response), where=where)
    if status >= 500:
        raise Unavailable(said, where=where)
    if status != 200 or code:
        raise BadInput(said, where=where, fix="The request is refused for good: check the underlying and the token")


def _error(response: httpx.Response) -> tuple[str, str]:
    """(code, message) of Upstox's error envelope; empty when the body is not one (a truncated body is not)."""
    if response.status_code == 200 and b'"error' not in response.content[:200]:
        return "", ""
    try:
        document: Any = response.json()
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(document, dict) or document.get("status") != "error":
        return "", ""
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = first.get("errorCode") or first.get("error_code") or "error"
    return str(code), str(first.get("message", ""))[:200]


def _retry_after_s(response: httpx.Response) -> float:
    try:
        wait_s = float(response.headers.get("Retry-After", RETRY_AFTER_S))
    except ValueError:
        return RETRY_AFTER_S
    return max(wait_s, 1.0) if math.isfinite(wait_s) else RETRY_AFTER_S
