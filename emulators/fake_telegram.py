"""A Bot API that answers as Telegram does: tokens, HTML parsing, lengths, blocked chats, rate limits.

    with FakeTelegram("123456:token") as telegram:
        post JSON to telegram.url + "/bot123456:token/sendMessage"; then read telegram.messages

`GET /_messages` lists what was accepted, `DELETE /_messages` forgets it, `POST /_faults` takes
`{"retry_after": 5}` (429 for that long), `{"block": CHAT}` (403 from now on) or `{"unblock": CHAT}`.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from emulators.loopback import Loopback, Reply, Request, json_reply
from emulators.telegram_html import MarkupError, parse_html

MAX_TEXT_UNITS = 4096
"""UTF-16 code units after the entities are parsed, as Telegram counts them."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Token buckets: overall, and a chat with bursts tolerated (`india-facts.md` §7: about 30/s and 1/s)."""

    per_second: float = 30.0
    chat_per_second: float = 1.0
    chat_burst: float = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message; `plain` is its text without markup."""

    message_id: int
    received_at: str
    chat_id: int | str
    text: str
    plain: str
    parse_mode: str


@dataclass(slots=True)
class _Bucket:
    """Tokens left at a time; refilled by the clock that the server is given."""

    capacity: float
    per_second: float
    tokens: float
    at: datetime

    def wait_s(self, now: datetime) -> float:
        """Seconds until a token is there; takes it when that is 0."""
        self.tokens = min(self.capacity, self.tokens + max((now - self.at).total_seconds(), 0.0) * self.per_second)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.per_second


class FakeTelegram:
    """One bot. `rates=None` never throttles by rate; `clock` drives rates and `retry_after`."""

    def __init__(
        self,
        token: str,
        *,
        port: int = 0,
        clock: Callable[[], datetime] | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._token = token
        self._clock = clock or _wall
        self._rates = rates
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._blocked: set[str] = set()
        self._closed_until: datetime | None = None
        self._buckets: dict[str, _Bucket] = {}
        self._server = Loopback(self._handle, port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def messages(self) -> tuple[Message, ...]:
        with self._lock:
            return tuple(self._messages)

    def block(self, chat_id: int | str) -> None:
        """The user blocks the bot."""
        with self._lock:
            self._blocked.add(str(chat_id))

    def unblock(self, chat_id: int | str) -> None:
        with self._lock:
            self._blocked.discard(str(chat_id))

    def throttle(self, retry_after_s: int) -> None:
        """Every call answers 429 until this many seconds of the clock have passed."""
        with self._lock:
            self._closed_until = _later(self._clock(), retry_after_s)

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()

    def _handle(self, request: Request) -> Reply:
        if request.path == "/_messages" and request.method == "DELETE":
            self.clear()
            return Reply(204)
        if request.path == "/_messages":
            return json_reply({"messages": [asdict(message) for message in self.messages]})
        if request.path == "/_faults" and request.method == "POST":
            return self._set_faults(request)
        token, _, method = request.path.removeprefix("/bot").partition("/")
        if not request.path.startswith("/bot") or not method:
            return _error(404, "Not Found")
        if token != self._token:
            return _error(401, "Unauthorized")
        return self._call(method, request)

    def _set_faults(self, request: Request) -> Reply:
        try:
            faults = dict(request.json())
            for name, value in faults.items():
                {"retry_after": self.throttle, "block": self.block, "unblock": self.unblock}[name](value)
        except (ValueError, TypeError, KeyError) as error:
            return json_reply({"error": f"{error!r}; fields: retry_after, block, unblock"}, 400)
        return Reply(204)

    def _call(self, method: str, request: Request) -> Reply:
        if method == "getMe":
            bot = {"id": int(self._token.partition(":")[0]), "is_bot": True, "first_name": "QS", "username": "qs_bot"}
            return json_reply({"ok": True, "result": bot})
        if method != "sendMessage":
            return _error(404, "Not Found")
        try:
            fields = request.json() if request.body else dict(request.query)
        except ValueError:
            return _error(400, "Bad Request: can't parse JSON object")
        if not isinstance(fields, dict):
            return _error(400, "Bad Request: can't parse JSON object")
        with self._lock:
            return self._send_message(fields)

    def _send_message(self, fields: dict[str, Any]) -> Reply:
        """Called with the lock held; the order of the checks is Telegram's: form, markup, chat, rate."""
        chat, text, mode = fields.get("chat_id"), fields.get("text"), str(fields.get("parse_mode", ""))
        if chat in (None, ""):
            return _error(400, "Bad Request: chat_id is empty")
        if not isinstance(text, str) or not text.strip():
            return _error(400, "Bad Request: message text is empty")
        try:
            plain = _plain(text, mode)
        except MarkupError as error:
            return _error(400, f"Bad Request: can't parse entities: {error}")
        if not plain.strip():
            return _error(400, "Bad Request: message text is empty")
        if len(plain.encode("utf-16-le")) // 2 > MAX_TEXT_UNITS:
            return _error(400, "Bad Request: message is too long")
        if str(chat) in self._blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        wait_s = self._wait_s(str(chat))
        return _too_many(wait_s) if wait_s > 0 else self._accept(chat, text, plain, mode)

    def _wait_s(self, chat: str) -> float:
        now = self._clock()
        if self._closed_until is not None and now < self._closed_until:
            return (self._closed_until - now).total_seconds()
        if self._rates is None:
            return 0.0
        whole = self._bucket("", self._rates.per_second, self._rates.per_second, now)
        own = self._bucket(chat, self._rates.chat_burst, self._rates.chat_per_second, now)
        wait_s = own.wait_s(now) or whole.wait_s(now)
        if wait_s:
            self._closed_until = _later(now, _whole_seconds(wait_s))
        return wait_s

    def _bucket(self, key: str, capacity: float, per_second: float, now: datetime) -> _Bucket:
        return self._buckets.setdefault(key, _Bucket(capacity, per_second, capacity, now))

    def _accept(self, chat: int | str, text: str, plain: str, mode: str) -> Reply:
        now = self._clock()
        message = Message(len(self._messages) + 1, now.astimezone(UTC).isoformat(), chat, text, plain, mode)
        self._messages.append(message)
        result = {
            "message_id": message.message_id,
            "date": int(now.timestamp()),
            "chat": {"id": chat, "type": "private"},
            "text": plain,
        }
        return json_reply({"ok": True, "result": result})

    def __enter__(self) -> FakeTelegram:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def serve_forever(self) -> None:
        self._server.serve_forever()


def _plain(text: str, mode: str) -> str:
    if mode.lower() == "html":
        return parse_html(text)
    if mode:
        raise MarkupError(f"parse mode {mode} is not emulated, use HTML")
    return text


def _whole_seconds(seconds: float) -> int:
    return max(int(-(-seconds // 1)), 1)


def _later(now: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(now.timestamp() + seconds, UTC)


def _error(status: int, description: str, **parameters: Any) -> Reply:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return json_reply(body, status)


def _too_many(wait_s: float) -> Reply:
    seconds = _whole_seconds(wait_s)
    return _error(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def _wall() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description="A Telegram Bot API on 127.0.0.1 that keeps every message")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", required=True, help="the bot's token, as 123456:anything")
    options = parser.parse_args()
    telegram = FakeTelegram(options.token, port=options.port, rates=Rates())
    print(f"fake Bot API on {telegram.url}", flush=True)
    telegram.serve_forever()


if __name__ == "__main__":
    main()
