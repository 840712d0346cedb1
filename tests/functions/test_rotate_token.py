"""The callback of an access-token request: only the token that was asked for, once, and never lost half-way."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from functions_framework import create_app

from emulators.lifetime import ROOT
from emulators.loopback import Loopback, Reply, Request
from emulators.secret_versions import SecretManagerServer
from emulators.upstox_login import PROFILE, UpstoxLogin
from quantsentinel.adapters.embedded.secret_files import SecretFiles
from quantsentinel.adapters.google.secret_versions import SecretManager
from quantsentinel.app.rotate_token import SECRET, Rotation
from quantsentinel.app.rotate_token import request_token as ask_upstox
from quantsentinel.cli.main import run_command
from quantsentinel.wiring import rotate_token

MAIN = ROOT / "functions" / "rotate_token" / "main.py"
APP, APP_SECRET, USER = "615b1297-app", "secret-of-the-app", "AB1234"
DAY_MS = 86_400_000


def token(days: float = 1.0, name: str = "") -> str:
    """A JWT that ends in so many days."""
    ends = datetime.now(UTC) + timedelta(days=days)
    claims = {"sub": USER, "jti": name, "iat": int(ends.timestamp()) - 86_400, "exp": int(ends.timestamp())}
    return f"eyJh.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


@dataclass
class Scene:
    """The function behind a real socket, Upstox, and a vault."""

    upstox: UpstoxLogin
    client: FlaskClient
    state: Path
    vault: SecretManagerServer

    @property
    def rotation(self) -> Rotation:
        return rotate_token._rotation()

    def stored(self) -> str | None:
        path = SecretFiles(self.state / "secrets").path(SECRET)
        return path.read_text(encoding="utf-8") if path.exists() else None


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    ends = int(datetime.now(UTC).timestamp() * 1000) + DAY_MS // 24
    with (
        UpstoxLogin(APP, APP_SECRET, user_id=USER, ends_at_ms=ends) as upstox,
        SecretManagerServer("local-rotation", [SECRET]) as vault,
        _served() as (url, client),
    ):
        for name, value in {
            "PROFILE": "embedded",
            "STATE": str(tmp_path / "state"),
            "SYNC": "normal",
            "UPSTOX_URL": upstox.url,
            "UPSTOX_CLIENT_ID": APP,
            "UPSTOX_USER_ID": USER,
            "UPSTOX_CLIENT_SECRET": APP_SECRET,
        }.items():
            monkeypatch.setenv(f"QS_{name}", value)
        rotate_token._rotation.cache_clear()
        upstox.notifier_url = url
        yield Scene(upstox, client, tmp_path / "state", vault)
    rotate_token._rotation.cache_clear()


@contextmanager
def _served() -> Iterator[tuple[str, FlaskClient]]:
    """The function under functions-framework, reached over HTTP as Upstox reaches it."""
    client = create_app("rotate_token", str(MAIN)).test_client()

    def handle(request: Request) -> Reply:
        answer = client.open(request.path, method=request.method, data=request.body)
        return Reply(answer.status_code, answer.get_data())

    with Loopback(handle) as server:
        yield server.url, client


def cli(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert run_command([*arguments, "--json"]) == code
    captured = capsys.readouterr()
    found: dict[str, Any] = json.loads(captured.out if code < 2 else captured.err.splitlines()[-1])
    return found


@pytest.fixture
def asked(scene: Scene, capsys: pytest.CaptureFixture[str]) -> Scene:
    """With a callback in the app's form and an open request."""
    scene.upstox.notifier_url = cli(capsys, "token", "callback", "--address", scene.upstox.notifier_url)["notifier_url"]
    cli(capsys, "token", "request", "--who", "asha")
    return scene


# --- As it should be ---
def test_an_approved_token_is_verified_stored_and_counted_down(
    asked: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = token()
    assert asked.upstox.approve(fresh) == 200
    assert asked.stored() == fresh
    assert asked.upstox.calls[f"GET {PROFILE}"] == 1
    assert fresh not in capsys.readouterr().out
    assert cli(capsys, "token", "status")["days_left"] == pytest.approx(1.0, abs=0.01)


def test_the_path_has_256_bits_and_only_its_hash_is_kept(asked: Scene) -> None:
    path = asked.upstox.notifier_url.rsplit("/", 1)[-1]
    assert len(base64.urlsafe_b64decode(path + "=")) == 32
    held = [json.dumps(dict(document.data)) for document in asked.rotation.documents.query("tokens")]
    assert len(held) == 2
    assert not [text for text in held if path in text]


def test_the_same_delivery_again_changes_nothing(asked: Scene) -> None:
    fresh = token()
    assert [asked.upstox.approve(fresh), asked.upstox.post(access_token=fresh)] == [200, 200]
    assert asked.stored() == fresh


# --- As it may not be ---
def test_another_token_on_the_same_request_is_not_taken(asked: Scene) -> None:
    first = token(name="first")
    assert asked.upstox.approve(first) == 200
    assert asked.upstox.approve(token(name="second")) == 409
    assert asked.stored() == first


def test_without_a_request_nothing_is_taken(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    url = cli(capsys, "token", "callback", "--address", scene.upstox.notifier_url)["notifier_url"]
    scene.upstox.notifier_url = url
    assert scene.upstox.approve(token()) == 409
    assert scene.stored() is None


@pytest.mark.parametrize(
    "spoil", [lambda url: url[:-1], lambda url: url + "x", lambda url: url.rsplit("/", 1)[0] + "/"]
)
def test_a_wrong_path_is_not_there(asked: Scene, spoil: Callable[[str], str]) -> None:
    asked.upstox.notifier_url = spoil(asked.upstox.notifier_url)
    assert asked.upstox.approve(token()) == 404
    assert asked.stored() is None
    assert asked.upstox.calls[f"GET {PROFILE}"] == 0


def test_a_new_callback_makes_the_one_before_worthless(asked: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    cli(capsys, "token", "callback", "--address", "https://elsewhere.example")
    assert asked.upstox.approve(token()) == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "another-app"},
        {"access_token": token(days=-0.1)},
        {"access_token": "not-one-of-upstox"},
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "x" * 9_000},
        {"access_token": None},
        {"note": "x" * 20_000},
    ],
)
def test_what_is_no_living_token_of_our_app_is_refused_and_the_request_stays_open(
    asked: Scene, fields: dict[str, Any]
) -> None:
    good = token()
    asked.upstox.tokens[good] = USER
    assert asked.upstox.post(**{"access_token": good, **fields}) == 400
    assert asked.stored() is None
    assert asked.upstox.post(access_token=good) == 200


def test_a_token_of_another_account_is_refused(asked: Scene) -> None:
    asked.upstox.user_id = "ZZ9999"
    assert asked.upstox.approve(token()) == 400
    assert asked.stored() is None


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b'{"client_id": 5}', b"\xff"])
def test_a_body_that_is_no_delivery_is_refused(asked: Scene, body: bytes) -> None:
    path = "/" + asked.upstox.notifier_url.rsplit("/", 1)[-1]
    assert asked.client.post(path, data=body).status_code == 400


def test_other_methods_are_not_answered(asked: Scene) -> None:
    path = "/" + asked.upstox.notifier_url.rsplit("/", 1)[-1]
    assert [asked.client.open(path, method=method).status_code for method in ("GET", "PUT", "DELETE")] == [405] * 3


# --- When others are away ---
@pytest.mark.parametrize("status", [500, 503, 429])
def test_while_upstox_is_away_nothing_is_stored_and_nothing_is_lost(asked: Scene, status: int) -> None:
    fresh = token()
    asked.upstox.fault = status
    assert asked.upstox.approve(fresh) == 503
    assert asked.stored() is None
    asked.upstox.fault = None
    assert asked.upstox.post(access_token=fresh) == 200
    assert asked.stored() == fresh


@pytest.mark.parametrize("status", [500, 403])
def test_while_secret_manager_is_away_the_request_stays_open(asked: Scene, status: int) -> None:
    manager = SecretManager("local-rotation", asked.vault.url)
    object.__setattr__(asked.rotation, "vault", manager)
    manager.add(SECRET, "the token before")
    fresh = token()
    asked.vault.fault = status
    assert asked.upstox.approve(fresh) == 503
    asked.vault.fault = None
    assert asked.vault.versions[SECRET] == ["the token before"]
    assert asked.upstox.post(access_token=fresh) == 200
    assert asked.vault.versions[SECRET] == ["the token before", fresh]


# --- Asking ---
def test_an_app_that_would_send_the_token_elsewhere_is_not_listened_to(
    asked: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.upstox.notifier_url = "https://elsewhere.example/path"
    said = cli(capsys, "token", "request", code=2)
    assert "elsewhere.example" in said["what"]
    assert "Reject the request" in said["fix"]


def test_a_request_that_upstox_refuses_or_cannot_take_opens_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no callback path" in cli(capsys, "token", "request", code=2)["what"]
    cli(capsys, "token", "callback", "--address", scene.upstox.notifier_url)
    scene.upstox.fault = 503
    cli(capsys, "token", "request", code=3)
    scene.upstox.fault = None
    monkeypatch.setenv("QS_UPSTOX_CLIENT_SECRET", "wrong-secret")
    said = cli(capsys, "token", "request", code=2)
    assert "wrong-secret" not in json.dumps(said)
    assert scene.rotation.board.request(datetime.now(UTC)) is None


def test_a_request_ends(asked: Scene) -> None:
    board, now = asked.rotation.board, datetime.now(UTC)
    assert board.request(now) is not None
    assert board.request(now + timedelta(hours=1)) is None
    ask_upstox(asked.rotation, APP_SECRET, "asha")
    assert board.request(now) is not None


# --- A token that a person brings ---
def test_a_brought_token_is_stored_once_upstox_has_answered_to_it(
    scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    brought = token(days=365)
    (tmp_path / "token").write_text(brought + "\n")
    said = cli(capsys, "token", "set", "--file", str(tmp_path / "token"), code=2)
    assert "invalid or has expired" in said["what"]
    assert scene.stored() is None
    scene.upstox.tokens[brought] = USER
    assert brought not in json.dumps(cli(capsys, "token", "set", "--file", str(tmp_path / "token")))
    assert scene.stored() == brought


def test_an_ended_or_absent_token_is_not_stored(
    scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ended").write_text(token(days=-1))
    (tmp_path / "empty").write_text("\n")
    assert "ended at" in cli(capsys, "token", "set", "--file", str(tmp_path / "ended"), code=2)["what"]
    assert "no token" in cli(capsys, "token", "set", "--file", str(tmp_path / "empty"), code=2)["what"]
    assert "cannot be read" in cli(capsys, "token", "set", "--file", str(tmp_path / "absent"), code=2)["what"]
    assert scene.upstox.calls == {}


def test_a_function_that_is_not_told_whose_tokens_it_takes_takes_none(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("QS_UPSTOX_USER_ID")
    assert scene.upstox.approve(token()) == 500
    assert "QS_UPSTOX_USER_ID" in capsys.readouterr().out
