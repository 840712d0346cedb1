"""Settings: one frozen object, everything wrong said at once, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from quantsentinel.errors import BadInput
from quantsentinel.settings import SECRET_FIELDS, settings_from


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
    assert [settings.shown()[name] for name in SECRET_FIELDS] == ["****"] * 5
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
