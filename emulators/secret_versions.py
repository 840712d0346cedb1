"""Secret Manager over loopback, as far as we use it: Google has no emulator of it.

with SecretManagerServer("project", ["upstox-token"]) as vault:
    vault.url; vault.versions["upstox-token"]
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from types import TracebackType

import google_crc32c

from emulators.loopback import Loopback, Reply, Request, json_reply

CREATED = "2026-11-20T06:00:00.123456Z"


class SecretManagerServer:
    """`versions` holds what was added, oldest first; `fault` is a status that every call is answered with."""

    def __init__(self, project: str, secrets: Iterable[str]) -> None:
        self.versions: dict[str, list[str]] = {name: [] for name in secrets}
        self.fault: int | None = None
        self._root = f"/v1/projects/{project}/secrets/"
        self._server = Loopback(self._handle)

    @property
    def url(self) -> str:
        return self._server.url

    def _handle(self, request: Request) -> Reply:
        if self.fault is not None:
            return json_reply({"error": {"code": self.fault}}, self.fault)
        name, _, verb = request.path.removeprefix(self._root).replace(":", "/").partition("/")
        if name not in self.versions:
            return json_reply({"error": {"code": 404}}, 404)
        if (request.method, verb) == ("POST", "addVersion"):
            return self._add(name, request)
        if (request.method, verb) == ("GET", "versions/latest") and self.versions[name]:
            return self._told(name)
        return json_reply({"error": {"code": 404}}, 404)

    def _add(self, name: str, request: Request) -> Reply:
        payload = request.json()["payload"]
        data = base64.b64decode(payload["data"], validate=True)
        if int(payload["dataCrc32c"]) != google_crc32c.value(data):
            return json_reply({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, 400)
        self.versions[name].append(data.decode())
        return self._told(name)

    def _told(self, name: str) -> Reply:
        path = f"{self._root.removeprefix('/v1/')}{name}/versions/{len(self.versions[name])}"
        return json_reply({"name": path, "createTime": CREATED, "state": "ENABLED"})

    def __enter__(self) -> SecretManagerServer:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
