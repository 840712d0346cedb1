"""Who is logged in at Google: over real HTTP, against a stand-in of its userinfo address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from quantsentinel.adapters.google.person import google_person
from quantsentinel.errors import BadInput, Unavailable

ASHA = {"sub": "1", "email": "Asha@Example.com", "email_verified": True}


@contextmanager
def telling(status: int, body: Any) -> Iterator[str]:
    """An address that answers every question so."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers, "credentials go to Google alone"
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/userinfo"
        finally:
            server.shutdown()
            thread.join()


def test_a_person_is_their_verified_address_in_one_spelling() -> None:
    with telling(200, ASHA) as url:
        assert google_person(url) == "asha@example.com"


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (200, ASHA | {"email_verified": False}, BadInput, "no person with a verified address"),
        (200, {"sub": "1"}, BadInput, "nobody is no person"),
        (200, ASHA | {"email": "qs@p.iam.gserviceaccount.com"}, BadInput, "is no person"),
        (401, {}, BadInput, "no person's credentials"),
        (200, b"<html>", Unavailable, "no account"),
        (200, [], Unavailable, "no account"),
        (503, ASHA, Unavailable, "HTTP 503"),
    ],
)
def test_whoever_is_not_known_for_sure_is_nobody(status: int, body: Any, error: type[Exception], said: str) -> None:
    with telling(status, body) as url, pytest.raises(error, match=said):
        google_person(url)


def test_without_an_answer_nobody_is_named() -> None:
    with telling(200, ASHA) as url:
        pass
    with pytest.raises(Unavailable):
        google_person(url)
