"""Settings: one frozen object, everything wrong said at once, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from quantsentinel.errors import BadInput
from quantsentinel.settings import SECRET_FIELDS, gather, settings_from


def test_with_nothing_given_the_embedded_profile_with_the_simulator_is_set_up() -> None:
    settings = settings_from({})
    assert (settings.profile, settings.feed, settings.distribution_mode) == ("embedded", "simulator", "own_account")
    assert settings.underlyings == ("NIFTY", "BANKNIFTY")


def test_the_environment_is_laid_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "qs.toml"
    file.write_text('poll_interval_s = 30\nbroker = "zerodha"\nunderlyings = ["NIFTY"]\n')
    settings = settings_from({"QS_BROKER": "upstox", "PATH": "/bin"}, file)
    assert (settings.poll_interval_s, settings.broker, settings.underlyings) == (30.0, "upstox", ("NIFTY",))


def test_the_file_may_be_named_by_the_environment_and_its_paths_are_its_own(tmp_path: Path) -> None:
    file = tmp_path / "qs.toml"
    file.write_text('state = "here"\n')
    assert settings_from({"QS_CONFIG": str(file)}).state == tmp_path / "here"


def test_a_comma_separates_underlyings_in_the_environment() -> None:
    assert settings_from({"QS_UNDERLYINGS": "NIFTY, FINNIFTY"}).underlyings == ("NIFTY", "FINNIFTY")


def test_every_mistake_is_reported_at_once_with_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "qs.toml"
    file.write_text("poll_interval_s = 1\ncolour = 'red'\n")
    with pytest.raises(BadInput) as refused:
        settings_from({"QS_PROFILE": "cloud", "QS_PROFLE": "embedded"}, file)
    for part in (f"{file}: poll_interval_s", f"{file}: colour: unknown", "QS_PROFILE: ", "QS_PROFLE: unknown"):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"QS_PROFILE": "google"}, "project"),
        ({"QS_DISTRIBUTION_MODE": "registered"}, "registration_number"),
        ({"QS_UNDERLYINGS": " , "}, "underlyings"),
        ({"QS_PROFILE": "google", "QS_PROJECT": "prod", "QS_CLOCK_OFFSET_S": "5"}, "clock_offset_s"),
        ({"QS_CONFIG": "absent.toml"}, "cannot read"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        settings_from(environ)


def test_a_secret_shows_in_no_repr_no_text_and_no_json() -> None:
    settings = settings_from({f"QS_{name.upper()}": f"topsecret:{name}" for name in SECRET_FIELDS})
    assert settings.upstox_token.get_secret_value() == "topsecret:upstox_token"
    for shown in (repr(settings), str(settings.shown()), settings.model_dump_json()):
        assert "topsecret" not in shown
    assert [settings.shown()[name] for name in SECRET_FIELDS] == ["****"] * 6
    assert settings_from({}).shown()["kite_token"] == ""


def test_a_bad_value_is_never_repeated_in_the_message() -> None:
    with pytest.raises(BadInput) as refused:
        settings_from({"QS_POLL_INTERVAL_S": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        settings_from({}).broker = "other"


def test_an_unnamed_bucket_is_derived_from_the_project() -> None:
    settings = settings_from({"QS_PROFILE": "google", "QS_PROJECT": "acme", "QS_BUCKET_RAW": "vault"})
    assert (settings.bucket("raw"), settings.bucket("snapshots")) == ("vault", "acme-qs-snapshots")


# --- Secrets in files ---
def test_a_secret_may_be_the_content_of_a_file_without_its_line_end(tmp_path: Path) -> None:
    for name in SECRET_FIELDS:
        (tmp_path / name).write_text(f"topsecret:{name}\n", encoding="utf-8")
    environ = {f"QS_{name.upper()}_FILE": str(tmp_path / name) for name in SECRET_FIELDS}
    settings = settings_from(environ)
    assert {name: getattr(settings, name).get_secret_value() for name in SECRET_FIELDS} == {
        name: f"topsecret:{name}" for name in SECRET_FIELDS
    }
    assert "topsecret" not in f"{settings!r}{settings.shown()}"
    assert gather(environ)[1] == {name: f"QS_{name.upper()}_FILE" for name in SECRET_FIELDS}


def test_a_secret_in_a_file_is_laid_over_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("rotated")
    (tmp_path / "qs.toml").write_text('upstox_token = "old"\n')
    settings = settings_from({"QS_UPSTOX_TOKEN_FILE": str(tmp_path / "token")}, tmp_path / "qs.toml")
    assert settings.upstox_token.get_secret_value() == "rotated"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfehunter2", "is not text")],
)
def test_a_secret_file_that_cannot_be_used_is_refused_by_name_with_what_to_do(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "value"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=said) as refused:
        settings_from({"QS_KITE_KEY_FILE": str(file), "QS_PROFLE": "x"})
    for part in ("QS_KITE_KEY_FILE", str(file), "Mount the secret", "QS_PROFLE: unknown"):
        assert part in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("hunter2")
    with pytest.raises(BadInput, match="QS_UPSTOX_TOKEN is given too") as refused:
        settings_from({"QS_UPSTOX_TOKEN": "hunter2", "QS_UPSTOX_TOKEN_FILE": str(tmp_path / "value")})
    assert "hunter2" not in str(refused.value)


def test_only_secrets_are_read_from_files() -> None:
    with pytest.raises(BadInput, match="QS_BROKER_FILE: unknown"):
        settings_from({"QS_BROKER_FILE": "broker"})
