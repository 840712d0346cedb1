"""Where rotated secrets are kept: both implementations, the Google one over real HTTP against its stand-in."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulators.held_port import held_port
from emulators.secret_versions import SecretManagerServer
from quantsentinel.adapters.embedded.secret_files import SecretFiles
from quantsentinel.adapters.google.connection import NotAllowed
from quantsentinel.adapters.google.secret_versions import SecretManager
from quantsentinel.errors import BadInput, Broken, Unavailable
from quantsentinel.ports import Secrets

NAME = "upstox-token"
VALUE = "eyJ-a-token-that-must-never-show-₹"


@pytest.fixture
def server() -> Iterator[SecretManagerServer]:
    with SecretManagerServer("local-contract", [NAME]) as running:
        yield running


@pytest.fixture(params=["embedded", "google"])
def secrets(request: pytest.FixtureRequest, tmp_path: Path, server: SecretManagerServer) -> Secrets:
    if request.param == "embedded":
        return SecretFiles(tmp_path / "secrets")
    return SecretManager("local-contract", server.url)


def test_a_secret_has_no_version_before_the_first_was_added(secrets: Secrets) -> None:
    assert secrets.newest(NAME) is None
    assert secrets.add(NAME, VALUE)
    newest = secrets.newest(NAME)
    assert newest is not None
    assert newest <= datetime.now(UTC)
    assert newest.utcoffset() is not None


def test_the_newest_version_is_the_value_and_older_ones_stay(server: SecretManagerServer) -> None:
    manager = SecretManager("local-contract", server.url)
    names = [manager.add(NAME, value) for value in ("old", VALUE)]
    assert server.versions[NAME] == ["old", VALUE]
    assert [name.rsplit("/", 1)[-1] for name in names] == ["1", "2"]


def test_a_file_is_readable_by_its_owner_alone_and_replaced_in_one_step(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path / "secrets")
    for value in ("old", VALUE):
        path = Path(files.add(NAME, value))
    assert path.read_text(encoding="utf-8") == VALUE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == [NAME]


def test_a_secret_that_was_never_made_is_no_place_to_store_anything(server: SecretManagerServer) -> None:
    with pytest.raises(BadInput, match="no secret absent"):
        SecretManager("local-contract", server.url).add("absent", VALUE)


@pytest.mark.parametrize(
    ("status", "branch"),
    [(500, Unavailable), (503, Unavailable), (429, Unavailable), (403, NotAllowed), (401, NotAllowed), (400, Broken)],
)
def test_a_refused_version_is_an_error_of_the_right_branch_that_shows_no_value(
    server: SecretManagerServer, status: int, branch: type[Exception]
) -> None:
    server.fault = status
    with pytest.raises(branch) as refused:
        SecretManager("local-contract", server.url).add(NAME, VALUE)
    assert VALUE not in str(refused.value)
    assert server.versions[NAME] == []


def test_a_vault_out_of_reach_and_a_folder_that_cannot_be_written_are_unavailable(tmp_path: Path) -> None:
    with held_port() as port, pytest.raises(Unavailable):
        SecretManager("local-contract", f"http://127.0.0.1:{port}").add(NAME, VALUE)
    (tmp_path / "taken").write_text("a file where a folder has to be")
    with pytest.raises(Unavailable, match="taken"):
        SecretFiles(tmp_path / "taken").add(NAME, VALUE)


@pytest.mark.parametrize("name", ["", "..", "../token", "a/b", "Token", "a" * 64])
def test_a_secret_s_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no name of a secret"):
        SecretFiles(tmp_path).add(name, VALUE)
