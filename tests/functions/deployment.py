"""A deployment to be self-tested: functions on loopback, a bus that delivers meanwhile, and what is expected of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from functions_framework import create_app
from werkzeug.serving import make_server

from emulators.lifetime import ROOT
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.app.self_test import Result
from quantsentinel.contracts.self_test import SelfTest, events_schema
from quantsentinel.wiring import kill_switch
from quantsentinel.wiring.handlers import FUNCTIONS
from quantsentinel.wiring.self_test import self_tested
from tests.functions.conftest import World

REVISION = "qs-all-00007-new"
BEFORE = "qs-all-00006-old"
PUSHED = tuple(function.name for function in FUNCTIONS)
SECRETS = {"QS_TELEGRAM_TOKEN": "1:bot", "QS_KILL_SWITCH_SECRETS": "asha:secret-of-asha-1234"}


def client(name: str) -> Any:
    return create_app(name, str(ROOT / "functions" / name / "main.py")).test_client()


@contextmanager
def served(name: str) -> Iterator[str]:
    """Function `name` on loopback: its address."""
    app = create_app(name, str(ROOT / "functions" / name / "main.py"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Every function is at one revision and has its secrets."""
    monkeypatch.setenv("K_REVISION", REVISION)
    world.set(**SECRETS)
    kill_switch._settings.cache_clear()
    return world


@pytest.fixture
def sink(deployed: World) -> Iterator[str]:
    with served("self_test_sink") as url:
        yield url


def wanted(names: tuple[str, ...], sink_url: str, wait_s: float = 60.0, **changes: Any) -> SelfTest:
    row = {"revision": REVISION, **changes}
    return SelfTest(run="run-1", sink_url=sink_url, functions=dict.fromkeys(names, row), wait_s=wait_s)


def ran(world: World, test: SelfTest) -> Result:
    """On a platform whose bus delivers while the self-test waits."""
    platform = world.platform
    bus = platform.bus
    assert isinstance(bus, SqliteBus)

    def sleep(_: float) -> None:
        bus.run_due(50)

    return self_tested(replace(platform, sleep=sleep), test)


@contextmanager
def pumped(world: World) -> Iterator[None]:
    """The bus delivers meanwhile, as Pub/Sub would."""
    stop, bus = threading.Event(), world.platform.bus
    assert isinstance(bus, SqliteBus)
    thread = threading.Thread(target=bus.serve, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def other_identity(**changes: Any) -> Iterator[str]:
    """An HTTP function of another build."""
    said = {"function": "tenant_api", "revision": REVISION, "code_version": "0", "schema_digest": events_schema()}

    def app(environ: Mapping[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("content-type", "application/json")])
        return [json.dumps({**said, **changes}).encode()]

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
