"""Standard Webhooks v1: one signed POST, no retry inside (the bus retries until `valid_until`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.ports import Clock, Message, Sent

TIMEOUT_S = 15.0
TOLERANCE_S = 300.0
"""How far a signed timestamp may be from the receiver's clock."""
MAX_BODY_BYTES = 20_000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def new_secret() -> str:
    """`whsec_` + base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 HMAC-SHA256 of "id.timestamp.body">` under the bytes that `secret` encodes.

    Raises `BadInput` for a secret that is not `whsec_` + base64 of 24 to 64 bytes.
    """
    key = _key(secret)
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def verify(signing: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The `webhook-id`, when the body is signed under one of the secrets `signing` and is not old.

    `headers` in lower case. Raises `BadInput` otherwise, without saying which part is wrong.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").encode()
    timely = timestamp.isdecimal() and len(timestamp) <= 12 and abs(now.timestamp() - int(timestamp)) <= TOLERANCE_S
    expected = [sign(secret, message_id, int(timestamp), body).encode() for secret in signing] if timely else []
    if not any(hmac.compare_digest(known, item) for known in expected for item in given.split(b" ")):
        raise BadInput("not signed by us", where="webhook")
    return message_id


def check_secret(secret: str) -> None:
    """Raises `BadInput` for a secret that nothing could be signed with; the secret is not repeated."""
    _key(secret)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:  # binascii's, and that of a character beyond ASCII
        key = b""
    if not 24 <= len(key) <= 64:
        raise BadInput(
            "webhook secret",
            where="webhook",
            fix="whsec_ + base64 of 24 to 64 bytes; a new one is made when none is given",
        )
    return key


def check_url(url: str, *, local_profile: bool) -> None:
    """HTTPS only; a local profile also allows plain HTTP to loopback. Raises `BadInput`."""
    parts = urlsplit(url)
    loopback = local_profile and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.hostname and (parts.scheme == "https" or loopback)) or parts.username:
        raise BadInput(f"webhook address {url!r}", where="webhook", fix="An https:// address without user or password")


class WebhookChannel:
    name = "webhook"

    def __init__(self, client: httpx.Client, wall_clock: Clock, *, local_profile: bool) -> None:
        self._client = client
        self._wall_clock = wall_clock
        self._local = local_profile

    def send(self, message: Message) -> Sent:
        """One POST of the bytes that were signed; the timestamp is the wall clock of this attempt."""
        check_url(message.address, local_profile=self._local)
        if len(message.body) > MAX_BODY_BYTES:
            raise BadInput(f"body of {len(message.body)} bytes, limit {MAX_BODY_BYTES}", where=message.id)
        timestamp = int(self._wall_clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(message.secret, message.id, timestamp, message.body),
            "user-agent": "quantsentinel",
        }
        try:
            response = self._client.post(
                message.address, content=message.body, headers=headers, timeout=TIMEOUT_S, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"{type(error).__name__}: {error}", where="webhook") from error
        return _judge(response)


def _judge(response: httpx.Response) -> Sent:
    status = response.status_code
    if 200 <= status < 300:
        return Sent(status)
    if status == 410:
        raise BadInput("the endpoint answered 410 Gone", where="webhook", fix="Set a new address to receive signals")
    retry_after = _retry_after(response) if status in (429, 502, 503, 504) else None
    if retry_after is not None:
        raise RateLimited(f"HTTP {status}", retry_after_s=retry_after, where="webhook")
    raise Unavailable(f"HTTP {status}", where="webhook")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; the HTTP-date form is left to the bus's back-off."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
