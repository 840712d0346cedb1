"""The HTTP kill switch: next to nothing loaded, a secret a person, and the same rules as everywhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from functions_framework import create_app

from emulators.lifetime import ROOT
from quantsentinel.app.kills import kills
from quantsentinel.wiring import kill_switch
from tests.functions.conftest import TENANTS, World

ASHA, BEN = "secret-of-asha-1234", "secret-of-ben-56789"
MAIN = ROOT / "functions" / "kill_switch" / "main.py"
HEAVY = ("numpy", "polars", "scipy", "pydantic", "httpx", "grpc", "quantsentinel.pipeline", "quantsentinel.settings")
USE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("function", sys.argv[1])
module = importlib.util.module_from_spec(spec)
before = set(sys.modules)
import functions_framework, flask
framework = set(sys.modules)
spec.loader.exec_module(module)
ours = set(sys.modules) - framework
app = flask.Flask("test")
with app.test_request_context("/", method="GET", headers={"Authorization": "Bearer " + sys.argv[2]}):
    status = module.kill_switch(flask.request)[1]
print(json.dumps({"imported": sorted(ours), "status": status, "used": sorted(set(sys.modules) - framework)}))
"""


@pytest.fixture
def desk(world: World) -> Iterator[World]:
    world.set(QS_KILL_SWITCH_SECRETS=f"asha:{ASHA}, ben:{BEN}")
    _forget()
    yield world
    _forget()


def _forget() -> None:
    kill_switch._settings.cache_clear()
    kill_switch._board.cache_clear()


def ask(secret: str, body: object = None, method: str = "POST") -> tuple[int, Any]:
    """Status and answer, under functions-framework."""
    client = create_app("kill_switch", str(MAIN)).test_client()
    data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    answer = client.open("/", method=method, data=data, headers={"Authorization": f"Bearer {secret}"})
    return answer.status_code, answer.get_json()


def act(action: str, scope: str, secret: str = ASHA, **words: str) -> tuple[int, Any]:
    return ask(secret, {"action": action, "scope": scope, **words})


def test_a_switch_goes_on_is_listed_and_goes_off_under_the_name_of_the_secret(desk: World) -> None:
    scope = f"tenant:{TENANTS[0]}"
    status, made = act("on", scope, reason="drill", until="2099-01-01T00:00:00+05:30")
    assert (status, made["on"]["who"], made["on"]["scope"]) == (200, "asha", scope)
    (state,) = kills(desk.platform)
    assert (state.who, state.why) == ("asha", "drill")
    assert [item["scope"] for item in ask(BEN, method="GET")[1]["on"]] == [scope]
    status, word = act("off", scope, BEN)
    assert (status, word["released"], word["state"]["released"]["who"]) == (200, True, "ben")
    assert ask(ASHA, {"action": "list"})[1] == {"on": []}


def test_one_secret_cannot_be_two_people(desk: World) -> None:
    assert act("on", "master", reason="drill")[0] == 200
    words = [act("off", "master", secret, ack="fine")[1]["released"] for secret in (ASHA, ASHA, BEN)]
    assert words == [False, False, True]


@pytest.mark.parametrize("secret", ["", "asha", f"asha:{ASHA}", ASHA + "x", ASHA[:-1], f"asha:{ASHA}, ben:{BEN}"])
def test_whoever_has_no_secret_learns_and_changes_nothing(desk: World, secret: str) -> None:
    before = desk.dump()
    for method in ("GET", "POST"):
        status, said = ask(secret, {"action": "on", "scope": "master", "reason": "x"}, method)
        assert (status, said["error"]) == (403, "not allowed")
    assert desk.dump() == before


@pytest.mark.parametrize("secrets", ["", "asha:short", f"asha:{ASHA},ben:{ASHA}", f"{ASHA}{BEN}", f":{ASHA}"])
def test_without_sound_secrets_nobody_is_let_in(desk: World, secrets: str) -> None:
    desk.set(QS_KILL_SWITCH_SECRETS=secrets)
    _forget()
    status, said = ask(ASHA, method="GET")
    assert status == (500 if secrets else 403)
    assert ASHA not in json.dumps(said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"not json", "not JSON"),
        (b'{"action":' * 100_000, "not JSON"),
        (b"[]", "object of texts"),
        ({"action": "on", "scope": 5}, "object of texts"),
        ({"action": "on", "bypass": "yes"}, "unknown bypass"),
        ({"action": "burn"}, "no action"),
        ({"action": "on", "scope": "everything", "reason": "x"}, "no such scope"),
        ({"action": "on", "scope": "tenant:nobody", "reason": "x"}, "no tenant"),
        ({"action": "on", "scope": "symbol:DOGE", "reason": "x"}, "DOGE"),
        ({"action": "on", "scope": "master"}, "who and why"),
        ({"action": "on", "scope": "master", "reason": "x", "until": "soon"}, "until 'soon'"),
        ({"action": "on", "scope": "master", "reason": "x", "until": "2099-01-01T00:00:00"}, "until '2099"),
        ({"action": "on", "scope": "master", "reason": "x", "until": "2001-01-01T00:00:00Z"}, "is past"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_changes_nothing(desk: World, body: Any, said: str) -> None:
    before = desk.dump()["documents"]
    status, answer = ask(ASHA, body)
    assert status == 400
    assert said in answer["error"]
    assert desk.dump()["documents"] == before


def test_other_methods_are_not_answered(desk: World) -> None:
    assert ask(ASHA, method="DELETE")[0] == 405


def test_the_change_waits_in_the_outbox_for_the_sweep(desk: World) -> None:
    act("on", "exchange:NSE", reason="halt")
    waiting = [item.data["event"]["id"] for item in desk.platform.documents.query("outbox")]
    assert waiting == ["kill.changed:exchange:NSE:1"]


def test_it_starts_with_next_to_nothing_and_answers_without_numpy(desk: World) -> None:
    serve = ROOT / ".venv-serve" / "bin" / "python"
    python = serve if serve.is_file() else Path(sys.executable)
    run = subprocess.run([python, "-c", USE, MAIN, ASHA], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    assert found["status"] == 200
    assert not [name for name in HEAVY if name in found["imported"]]
    assert not [name for name in HEAVY if name in found["used"] and name not in ("pydantic", "quantsentinel.settings")]
    assert len([name for name in found["imported"] if name.startswith("quantsentinel.")]) <= 25
