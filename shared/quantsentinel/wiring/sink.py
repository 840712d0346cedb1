"""A webhook receiver on loopback for replays and the demo: it verifies each signature and counts repeated ids."""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from quantsentinel.adapters.channels.webhook import sign


class LoopbackSink:
    """`with LoopbackSink(secret) as sink: sink.url`. `ids` counts receipts by webhook-id."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.ids: Counter[str] = Counter()
        self.rejected = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def duplicates(self) -> int:
        return sum(count - 1 for count in self.ids.values())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer: 204, or 400 when the signature is not ours."""
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        expected = sign(self.secret, message_id, int(timestamp or 0), body)
        given = headers.get("webhook-signature", "").split(" ")
        with self._lock:
            if not any(hmac.compare_digest(expected, item) for item in given):
                self.rejected += 1
                return 400
            self.ids[message_id] += 1
        return 204


def _handler_for(sink: LoopbackSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = sink.receive({key.lower(): value for key, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: the sink's counts are its log."""

    return Handler
