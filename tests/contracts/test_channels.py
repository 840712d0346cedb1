"""The channels against endpoints that misbehave: another's machine must cost us neither time, memory nor a crash."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from emulators.loopback import Loopback, Reply, json_reply
from quantsentinel.adapters.channels.telegram import TelegramChannel
from quantsentinel.adapters.channels.webhook import MAX_ANSWER_BYTES, WebhookChannel, check_url, new_secret
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.errors import BadInput, RateLimited, Unavailable
from quantsentinel.ports import Message, Sent


@contextmanager
def endpoint(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Takes one request and lets `answer` write what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                taken.settimeout(20.0)
                taken.recv(65_536)
                answer(taken)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        thread.join(20.0)
        assert not thread.is_alive()


def post(url: str) -> Sent:
    with httpx.Client() as client:
        channel = WebhookChannel(client, SystemClock(), local_profile=True)
        return channel.send(Message("sig.1", "signal.created", 1, url, b"{}", new_secret()))


def test_an_answer_without_an_end_is_not_read() -> None:
    sent = []

    def endless(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with suppress(OSError):  # until the client hangs up
            while len(sent) < 100_000:
                taken.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                sent.append(65_536)

    with endpoint(endless) as url:
        assert post(url) == Sent(200)
    assert sum(sent) < 100e6


def test_an_answer_that_drips_is_left_after_a_second() -> None:
    written = []

    def drip(taken: socket.socket) -> None:
        taken.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {MAX_ANSWER_BYTES}\r\n\r\n".encode())
        with suppress(OSError):  # until the client hangs up
            for _ in range(150):
                taken.sendall(b"x")
                written.append(1)
                time.sleep(0.1)

    with endpoint(drip) as url:
        assert post(url) == Sent(200)
    assert len(written) < 150


def test_an_answer_cut_off_in_its_body_has_told_its_status() -> None:
    with endpoint(lambda taken: taken.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nhalf")) as url:
        assert post(url) == Sent(202)


def test_a_short_answer_lets_the_connection_be_used_again() -> None:
    peers = set()

    def remember(request: Any) -> Reply:
        peers.add(threading.get_ident())
        return json_reply({"ok": True})

    with Loopback(remember) as server, httpx.Client() as client:
        channel = WebhookChannel(client, SystemClock(), local_profile=True)
        for number in range(3):
            channel.send(Message(f"sig.{number}", "signal.created", 1, server.url + "/hook", b"{}", new_secret()))
    assert len(peers) == 1, "one handler thread serves one connection"


@pytest.mark.parametrize("wait", ["²", "-1", "1e9", "9" * 40, "Wed, 21 Oct 2026 07:28:00 GMT", ""])
def test_a_wait_that_is_no_number_of_seconds_is_left_to_the_bus(wait: str) -> None:
    head = f"HTTP/1.1 429 Slow\r\nretry-after: {wait}\r\ncontent-length: 0\r\n\r\n".encode("latin-1")
    with endpoint(lambda taken: taken.sendall(head)) as url, pytest.raises(Unavailable) as told:
        post(url)
    assert not isinstance(told.value, RateLimited)


def test_a_redirect_is_not_followed() -> None:
    head = b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/inner\r\ncontent-length: 0\r\n\r\n"
    with endpoint(lambda taken: taken.sendall(head)) as url, pytest.raises(Unavailable, match="HTTP 307"):
        post(url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.5", "169.254.169.254", "[::1]", "[fd00::1]", "localhost", "metadata.google.internal"]
    + ["127.1", "2130706433", "0x7f000001", "0x7f.1", "printer.local", "[::ffff:10.0.0.1]", "100.64.0.1"]
    + ["metadata.google。internal", "a.b。localhost"],
)
def test_a_hosted_sender_refuses_an_inner_address(host: str) -> None:
    with pytest.raises(BadInput, match="the internet can reach"):
        check_url(f"https://{host}/hook", local_profile=False)


@pytest.mark.parametrize("host", ["example.com", "hooks.example.co.in", "8.8.8.8", "example.com:8443"])
def test_a_hosted_sender_takes_a_public_address(host: str) -> None:
    check_url(f"https://{host}/hook", local_profile=False)


@pytest.mark.parametrize(
    "host", ["a..example.com", ".com", "a" * 64 + ".com", "xn--a.com", "ex℀.com", "a.com:b", "a\t.com"]
)
def test_an_address_that_no_request_can_be_made_for_is_refused_before_it_is_sent_to(host: str) -> None:
    with pytest.raises(BadInput, match="with a host name"):
        post(f"https://{host}/hook")


def telegram(status: int, answer: Any) -> Sent:
    reply = Reply(status, answer) if isinstance(answer, bytes) else json_reply(answer, status)
    with Loopback(lambda request: reply) as server, httpx.Client() as client:
        channel = TelegramChannel(client, server.url, "1:token")
        return channel.send(Message("sig.1", "signal.created", 1, "42", b"text", ""))


@pytest.mark.parametrize("parameters", [None, [], {"retry_after": None}, {"retry_after": "soon"}, {"retry_after": -3}])
def test_telegrams_wait_that_cannot_be_read_is_half_a_minute(parameters: Any) -> None:
    with pytest.raises(RateLimited) as told:
        telegram(429, {"ok": False, "parameters": parameters})
    assert told.value.retry_after_s == 30.0


def test_telegrams_answer_of_another_shape_is_still_an_answer() -> None:
    assert telegram(200, {"ok": True, "result": [1]}) == Sent(200)
    with pytest.raises(Unavailable):
        telegram(200, ["ok"])
    with pytest.raises(Unavailable):
        telegram(200, b"[" * 100_000)


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_token_of_ours_is_tried_again_and_a_wrong_chat_is_not(status: int) -> None:
    with pytest.raises(Unavailable, match="QS_TELEGRAM_TOKEN"):
        telegram(status, {"ok": False})
    for final in (400, 403):
        with pytest.raises(BadInput):
            telegram(final, {"ok": False})
