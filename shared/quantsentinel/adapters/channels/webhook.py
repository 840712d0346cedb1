"""Standard Webhooks v1: one signed POST, no retry inside (the bus retries until `valid_until`).

The endpoint is somebody else's machine: no redirect is followed, its answer's body is not read beyond what lets the
connection be used again, and an address inside a network is refused where it can be seen from its text.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import datetime

import httpx

from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.ports import Clock, Message, Sent

TIMEOUT_S = 15.0
"""For the answer to begin; the specification asks for 15 to 30."""
TIMEOUTS = httpx.Timeout(TIMEOUT_S, connect=5.0, write=5.0, pool=5.0)
MAX_ANSWER_BYTES = 4_096
"""Read of an answer that says its length, for at most a second: only its status is asked for."""
TOLERANCE_S = 300.0
"""How far a signed timestamp may be from the receiver's clock."""
MAX_BODY_BYTES = 20_000
MAX_RETRY_AFTER_DIGITS = 6
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_INNER = {"internal", "local", "localhost"}


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
    """HTTPS to a public address only; a local profile also allows plain HTTP to loopback. Raises `BadInput`.

    Only the text is looked at: a name that resolves to an inner address passes, so a sender's network must lead to
    nothing but the internet.
    """
    address = _parsed(url)
    host = address.raw_host.decode()
    loopback = local_profile and address.scheme == "http" and host in _LOOPBACK
    if not (host and (address.scheme == "https" or loopback)) or address.userinfo:
        raise BadInput(f"webhook address {url!r}", where="webhook", fix="An https:// address without user or password")
    if not (loopback or local_profile or _is_public(host)):
        raise BadInput(f"webhook address {url!r}", where="webhook", fix="An address that the internet can reach")


def _parsed(url: str) -> httpx.URL:
    """As the sender will read it, dots of other scripts included. Refuses what its client or the look-up of its name
    would answer with an error that is none of the network's."""
    try:
        address = httpx.Request("POST", url).url
        address.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        raise BadInput(
            f"webhook address {url!r}", where="webhook", fix="An https:// address with a host name"
        ) from None
    return address


def _is_public(host: str) -> bool:
    """A number has to be a global address; a name needs a domain, which ends in letters (`127.1` is a number too)."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        _, dot, domain = host.rstrip(".").rpartition(".")
        return bool(dot) and domain not in _INNER and not domain[:1].isdecimal()


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
        request = self._client.build_request(
            "POST", message.address, content=message.body, headers=headers, timeout=TIMEOUTS
        )
        try:
            response = self._client.send(request, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            raise Unavailable(f"{type(error).__name__}: {error}", where="webhook") from error
        _let_go(response)
        return _judge(response)


def _let_go(response: httpx.Response) -> None:
    """A short answer is read, which keeps the connection; any other is cut off. Its status counts either way."""
    length = response.headers.get("content-length", "")
    until = time.monotonic() + 1.0
    try:
        if response.status_code == 204 or (length.isdecimal() and len(length) < 6 and int(length) <= MAX_ANSWER_BYTES):
            for _ in response.iter_raw():
                if time.monotonic() > until:
                    break
    except httpx.HTTPError:
        pass  # the status was told before
    finally:
        response.close()


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
    return float(value) if value.isdecimal() and len(value) <= MAX_RETRY_AFTER_DIGITS else None
