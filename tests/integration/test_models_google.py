"""The registry on Google's emulators: the monthly job's own command, then a desk that runs on what it offered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emulators.function_map import load_map
from emulators.google_emulators import Google
from emulators.inventory import intended
from emulators.provision import provision
from quantsentinel.app.models import promote, registry_of
from quantsentinel.cli.main import run_command
from quantsentinel.settings import Settings
from quantsentinel.volatility.parameters import served
from quantsentinel.wiring.google import open_google
from tests.fit_days import made_up
from tests.functions.uses import Recorder, granted, watch_google

pytestmark = pytest.mark.emulators
KNOWN = load_map()


@pytest.fixture
def google(google_emulators: Google, monkeypatch: pytest.MonkeyPatch) -> Google:
    found = replace(google_emulators, project="local-fitted-parts")
    provision(found, intended(KNOWN, dict.fromkeys(KNOWN.functions, 9)))
    for name, value in {**found.environ, "QS_PROFILE": "google", "QS_PROJECT": found.project}.items():
        monkeypatch.setenv(name, value)
    return found


def test_the_job_offers_into_its_bucket_and_a_desk_runs_on_it_once_promoted(
    google: Google, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(profile="google", project=google.project)
    platform = open_google(settings)
    registry_of(platform).put_history(made_up(), platform.clock.now())
    watch_google(recorder := Recorder(), monkeypatch)
    assert recorder.under("retrain", run_command, ["retrain", "--part", "forecast", "--json"]) == 0
    may, must = granted(KNOWN, "retrain")
    assert must <= recorder.used["retrain"] <= may
    [part] = json.loads(capsys.readouterr().out)["parts"]
    # The packaged forecast learned to 2020, the made-up one to 2025.
    promote(platform, part["digest"], "asha", "a drill")
    named = open_google(settings.model_copy(update={"volatility_forecast": part["digest"]})).desk
    assert named.volatility.forecast != served().forecast
    assert named.digest != platform.desk.digest
