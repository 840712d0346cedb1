"""The HTTP scaffold of the emulators."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import httpx

from emulators.loopback import MAX_BODY_BYTES, Loopback, Reply, Request, json_reply


def echo(request: Request) -> Reply:
    seen = {"method": request.method, "path": request.path, "query": dict(request.query), "body": request.body.decode()}
    return json_reply(seen, headers={"X-Seen": request.headers.get("x-name", "")})


def test_a_request_arrives_as_it_was_sent() -> None:
    with Loopback(echo) as server:
        answer = httpx.post(f"{server.url}/a/b?x=1&y=%C3%A9%7C", content="body", headers={"X-Name": "n"})
    assert answer.json() == {"method": "POST", "path": "/a/b", "query": {"x": "1", "y": "é|"}, "body": "body"}
    assert answer.headers["X-Seen"] == "n"


def test_calls_are_served_at_the_same_time() -> None:
    barrier = threading.Barrier(8, timeout=10)

    def meet(request: Request) -> Reply:
        barrier.wait()
        return Reply(204)

    with Loopback(meet) as server, ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: httpx.get(server.url).status_code, range(8)))
    assert codes == [204] * 8


def test_a_body_above_the_limit_or_of_unknown_length_is_refused() -> None:
    with Loopback(echo) as server:
        for length, status in ((str(MAX_BODY_BYTES + 1), 413), ("-1", 400)):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("POST", "/", headers={"Content-Length": length})
            assert connection.getresponse().status == status
            connection.close()


def test_the_port_is_free_again_after_the_server_has_stopped() -> None:
    with Loopback(echo) as server:
        port = server.port
        assert httpx.get(server.url).status_code == 200
    with Loopback(echo, port) as again:
        assert httpx.get(again.url).status_code == 200
