"""The fake Bot API refuses what Telegram refuses, in Telegram's words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from emulators.fake_telegram import FakeTelegram, Rates
from emulators.telegram_html import MarkupError, parse_html

TOKEN = "123456:ABC"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2025, 8, 29, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock) -> Iterator[FakeTelegram]:
    with FakeTelegram(TOKEN, clock=clock) as running:
        yield running


def send(telegram: FakeTelegram, text: str = "hello", chat_id: int | None = 42, token: str = TOKEN) -> httpx.Response:
    fields = {"chat_id": chat_id, "text": text, "parse_mode": "HTML"}
    return httpx.post(f"{telegram.url}/bot{token}/sendMessage", json=fields)


def test_an_accepted_message_is_kept_and_answered_like_telegram(telegram: FakeTelegram) -> None:
    answer = send(telegram, "<b>SELL</b> 1 &lt; 2 &amp; 3").json()
    assert answer["ok"]
    assert answer["result"]["chat"] == {"id": 42, "type": "private"}
    (message,) = telegram.messages
    assert message.plain == answer["result"]["text"] == "SELL 1 < 2 & 3"
    assert httpx.get(telegram.url + "/_messages").json()["messages"][0]["text"] == message.text


@pytest.mark.parametrize(
    ("text", "chat_id", "token", "status", "description"),
    [
        ("x", 42, "123456:WRONG", 401, "Unauthorized"),
        ("x", None, TOKEN, 400, "Bad Request: chat_id is empty"),
        ("", 42, TOKEN, 400, "Bad Request: message text is empty"),
        ("<b></b>", 42, TOKEN, 400, "Bad Request: message text is empty"),
        ("é" * 4097, 42, TOKEN, 400, "Bad Request: message is too long"),
        ("😀" * 2049, 42, TOKEN, 400, "Bad Request: message is too long"),
        ("a <5", 42, TOKEN, 400, "Bad Request: can't parse entities: Unclosed start tag at byte offset 2"),
    ],
)
def test_a_bad_call_is_refused(
    telegram: FakeTelegram, text: str, chat_id: int | None, token: str, status: int, description: str
) -> None:
    answer = send(telegram, text, chat_id, token)
    assert answer.status_code == status
    assert answer.json() == {"ok": False, "error_code": status, "description": description}
    assert telegram.messages == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("é<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("é</b>", "Unexpected end tag at byte offset 2"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_unbalanced_markup_is_named_with_its_byte_offset(text: str, says: str) -> None:
    with pytest.raises(MarkupError) as caught:
        parse_html(text)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('<a href="https://x.y/?a=1&amp;b=2">link</a>', "link"),
        ('<pre><code class="language-py">a &#62; b</code></pre>', "a > b"),
        ("<B>x</B> R&D &copy;", "x R&D &copy;"),
        ("<blockquote expandable>q</blockquote>", "q"),
    ],
)
def test_markup_that_telegram_knows_is_read(text: str, plain: str) -> None:
    assert parse_html(text) == plain


def test_a_chat_that_blocked_the_bot_answers_403_until_it_unblocks(telegram: FakeTelegram) -> None:
    telegram.block(42)
    assert send(telegram).json()["description"] == "Forbidden: bot was blocked by the user"
    assert send(telegram, chat_id=43).status_code == 200
    assert httpx.post(telegram.url + "/_faults", json={"unblock": 42}).status_code == 204
    assert send(telegram).status_code == 200


def test_a_throttle_stops_the_whole_bot_until_its_time_is_over(telegram: FakeTelegram, clock: Clock) -> None:
    assert httpx.post(telegram.url + "/_faults", json={"retry_after": 7}).status_code == 204
    refused = send(telegram)
    assert refused.status_code == 429
    assert refused.json()["parameters"] == {"retry_after": 7}
    clock.at += timedelta(seconds=4)
    assert send(telegram, chat_id=43).json()["parameters"] == {"retry_after": 3}
    clock.at += timedelta(seconds=3)
    assert send(telegram).status_code == 200


def test_a_chat_may_burst_and_then_gets_one_message_a_second(clock: Clock) -> None:
    with FakeTelegram(TOKEN, clock=clock, rates=Rates(chat_burst=3)) as telegram:
        assert [send(telegram).status_code for _ in range(4)] == [200, 200, 200, 429]
        clock.at += timedelta(seconds=1)
        assert [send(telegram).status_code for _ in range(2)] == [200, 429]


def test_the_bot_as_a_whole_gets_thirty_messages_a_second(clock: Clock) -> None:
    with FakeTelegram(TOKEN, clock=clock, rates=Rates()) as telegram:
        codes = [send(telegram, chat_id=chat).status_code for chat in range(1, 32)]
        assert codes == [200] * 30 + [429]


def test_unknown_methods_and_broken_json_are_refused(telegram: FakeTelegram) -> None:
    assert httpx.post(f"{telegram.url}/bot{TOKEN}/sendSticker", json={}).status_code == 404
    assert httpx.post(f"{telegram.url}/bot{TOKEN}/sendMessage", content=b"{").status_code == 400
    assert httpx.post(f"{telegram.url}/_faults", json={"explode": 1}).status_code == 400
    assert httpx.get(f"{telegram.url}/bot{TOKEN}/getMe").json()["result"]["id"] == 123456
