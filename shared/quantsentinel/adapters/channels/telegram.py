"""Telegram Bot API `sendMessage`, HTML, one attempt (the bus retries until `valid_until`)."""

from __future__ import annotations

from typing import Any

import httpx

from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.ports import Message, Sent

TIMEOUT_S = 15.0
MAX_TEXT = 4096
DEFAULT_WAIT_S = 30.0
"""When a 429 does not say how long."""
MAX_WAIT_S = 86_400.0


def check_chat(chat_id: str) -> None:
    """A private chat's id is a positive number. Raises `BadInput`: a name or a group is nobody's private chat."""
    if not (chat_id.isascii() and chat_id.isdigit()):
        raise BadInput(f"Telegram chat {chat_id!r}", where="telegram", fix="The number of a private chat with the bot")


class TelegramChannel:
    name = "telegram"

    def __init__(self, client: httpx.Client, base_url: str, token: str) -> None:
        self._client = client
        self._url = f"{base_url.rstrip('/')}/bot{token}/sendMessage"

    def send(self, message: Message) -> Sent:
        """`address` is the private chat's id, `body` the HTML text in UTF-8."""
        text = message.body.decode()
        if len(text) > MAX_TEXT:
            raise BadInput(f"text of {len(text)} characters, limit {MAX_TEXT}", where=message.id)
        payload = {
            "chat_id": message.address,
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        try:
            response = self._client.post(self._url, json=payload, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            # The address holds the bot's token: name the kind of failure, never the address.
            raise Unavailable(type(error).__name__, where="telegram") from None
        return _judge(response.status_code, _answer(response))


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _judge(status: int, answer: dict[str, Any]) -> Sent:
    """What is wrong with the chat ends the delivery; a token that is wrong is ours to mend, so it is tried again."""
    description = str(answer.get("description", ""))
    if status == 200 and answer.get("ok") is True:
        return Sent(status, reference=str(_part(answer, "result").get("message_id", "")))
    if status == 429:
        wait = _part(answer, "parameters").get("retry_after")
        known = isinstance(wait, int | float) and 0 <= wait <= MAX_WAIT_S
        seconds = float(wait or 0) if known else DEFAULT_WAIT_S
        raise RateLimited(description or "HTTP 429", retry_after_s=seconds, where="telegram")
    if status in (400, 403):
        fix = "The tenant has to link the chat again" if status == 403 else "Check the chat id"
        raise BadInput(f"HTTP {status} {description}", where="telegram", fix=fix)
    fix = "Check QS_TELEGRAM_TOKEN" if status in (401, 404) else ""
    raise Unavailable(f"HTTP {status} {description}", where="telegram", fix=fix)


def _part(answer: dict[str, Any], name: str) -> dict[str, Any]:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}
