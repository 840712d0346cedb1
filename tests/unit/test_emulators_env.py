"""`.emulators/env` is used only when it is asked for, as a whole, and only while what it names answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.wiring.emulators import HOSTS, read_env_file, use_emulators
from tests.conftest import ROOT


@pytest.fixture
def port() -> Iterator[int]:
    """Something listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def file_with(folder: Path, address: str) -> Path:
    path = folder / "env"
    lines = ["# written by a test", "QS_PROFILE=google", "QS_PROJECT=local-x", *(f"{name}={address}" for name in HOSTS)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_file_is_laid_into_the_environment_and_what_is_new_is_told(tmp_path: Path, port: int) -> None:
    environ = {"HOME": "/", "QS_PROJECT": "local-x"}
    new = use_emulators(environ, file_with(tmp_path, f"127.0.0.1:{port}"))
    assert environ["FIRESTORE_EMULATOR_HOST"] == f"127.0.0.1:{port}"
    assert environ["QS_PROFILE"] == "google"
    assert set(new) == {"QS_PROFILE", *HOSTS}


def test_what_the_environment_says_already_is_never_overruled_nor_mixed(tmp_path: Path, port: int) -> None:
    path = file_with(tmp_path, f"127.0.0.1:{port}")
    environ = {"PUBSUB_EMULATOR_HOST": "127.0.0.1:8085"}
    with pytest.raises(BadInput, match=r"PUBSUB_EMULATOR_HOST=127\.0\.0\.1:8085"):
        use_emulators(environ, path)
    assert environ == {"PUBSUB_EMULATOR_HOST": "127.0.0.1:8085"}


def test_emulators_that_do_not_answer_are_refused_by_name_and_change_nothing(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        path, environ = file_with(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}"), dict[str, str]()
        with pytest.raises(Unavailable, match="no answer from FIRESTORE_EMULATOR_HOST") as refused:
            use_emulators(environ, path)
    assert "make emulators" in refused.value.fix
    assert not environ


def test_a_file_that_is_not_there_or_names_no_emulators_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no emulators here"):
        read_env_file(tmp_path / "env")
    (tmp_path / "env").write_text("QS_PROFILE=google\n", encoding="utf-8")
    with pytest.raises(Unavailable, match="FIRESTORE_EMULATOR_HOST"):
        read_env_file(tmp_path / "env")


def test_without_the_option_the_file_changes_nothing_and_with_it_its_refusal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".emulators").mkdir()
    file_with(tmp_path / ".emulators", "127.0.0.1:1")
    assert run_command(["tenants", "list", "--json", "--state", str(tmp_path / "state")]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run_command(["--emulators", "tenants", "list", "--json"]) == 3
    assert "no answer from" in capsys.readouterr().err


def test_after_the_command_the_environment_is_as_before(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".emulators").mkdir()
    file_with(tmp_path / ".emulators", f"127.0.0.1:{port}")
    before = dict(os.environ)
    assert run_command(["--emulators", "config", "show", "--json"]) == 0
    assert '"local-x"' in capsys.readouterr().out
    assert dict(os.environ) == before


def test_a_state_folder_and_a_project_exclude_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QS_PROFILE", "google")
    monkeypatch.setenv("QS_PROJECT", "local-x")
    assert run_command(["tenants", "list", "--json", "--state", str(tmp_path)]) == 2
    assert "project local-x" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run", "--beats", "1"], ["report", "day"]])
def test_what_works_on_a_folder_alone_says_so_instead_of_passing_the_project_by(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QS_PROFILE", "google")
    monkeypatch.setenv("QS_PROJECT", "local-x")
    assert run_command([*command, "--json"]) == 2
    assert "not on project local-x" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "does", "does_not"),
    [
        (["test"], "install.sh", "standing_command"),
        (["dev"], "install.sh", "standing_command"),
        (["emulators"], "standing_command start", "--terraform"),
        (["emulators", "TERRAFORM=1"], "--terraform", "--compose"),
        (["emulators", "COMPOSE=1"], "--compose", "install.sh"),
        (["emulators-stop"], "standing_command stop", "install.sh"),
    ],
)
def test_only_make_emulators_leaves_some_standing(arguments: list[str], does: str, does_not: str) -> None:
    environ = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")}
    run = subprocess.run(["make", "-n", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert does in run.stdout
    assert does_not not in run.stdout
