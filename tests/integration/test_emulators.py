"""The emulators start on free ports, are found or named, and never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from emulators.google_emulators import Google, locate
from tests.conftest import ROOT, missing

PATIENCE_S = 180.0
CHILD = """
import sys, time
from emulators.google_emulators import started
with started("local-child") as google:
    print(google.firestore, google.pubsub, google.storage.removeprefix("http://"), flush=True)
    time.sleep(600)
"""


def answers(host: str) -> bool:
    try:
        httpx.get(f"http://{host}/", timeout=60)
    except httpx.HTTPError:
        return False
    return True


def all_silent_within(hosts: list[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(answers(host) for host in hosts):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.emulators
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_emulators_end_with_their_parent_however_it_ends(how: signal.Signals) -> None:
    if locate().missing:
        missing(", ".join(locate().missing), "emulators/install.sh")
    if how is signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only the Linux kernel ends the children of a killed parent")
    with subprocess.Popen([sys.executable, "-c", CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        hosts = child.stdout.readline().split()
        assert len(hosts) == 3
        assert all(answers(host) for host in hosts)
        os.kill(child.pid, how)
        child.wait(PATIENCE_S)
    assert all_silent_within(hosts, PATIENCE_S)


@pytest.mark.emulators
def test_the_three_listen_on_ports_of_their_own_and_are_named_for_google_s_clients(google_emulators: Google) -> None:
    environ = google_emulators.environ
    hosts = [environ["FIRESTORE_EMULATOR_HOST"], environ["PUBSUB_EMULATOR_HOST"]]
    hosts.append(environ["STORAGE_EMULATOR_HOST"].removeprefix("http://"))
    assert len(set(hosts)) == 3
    assert all(host.startswith("127.0.0.1:") and answers(host) for host in hosts)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("emulators.google_emulators.TOOLS", tmp_path)
    assert {"java", "fake-gcs-server"} <= set(locate().missing)
