"""The set of emulators that `make emulators` left running: the file that names it, and whether it answers."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from quantsentinel.errors import BadInput, Unavailable
from quantsentinel.settings import Settings

ENV_FILE = Path(".emulators/env")
"""Below the checkout; `make emulators` writes it last, `make emulators-stop` removes it first."""
HOSTS = ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST")
CONNECT_WITHIN_S = 2.0
START = "Run `make emulators`"


def read_env_file(path: Path = ENV_FILE) -> dict[str, str]:
    """Its `KEY=VALUE` lines. Raises `Unavailable` when there is none, or when it names no emulators."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Unavailable(f"no emulators here: {error.strerror}", where=str(path), fix=START) from None
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    found = {key.strip(): value.strip() for key, _, value in pairs}
    if absent := [name for name in HOSTS if not found.get(name)]:
        raise Unavailable(f"{', '.join(absent)} not in it", where=str(path), fix=START)
    return found


def is_hosted(settings: Settings, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the state is a project of Google's: neither a folder nor emulators."""
    return settings.profile == "google" and "FIRESTORE_EMULATOR_HOST" not in environ


def silent(addresses: Mapping[str, str]) -> list[str]:
    """The emulators among `HOSTS` that take no connection, with their addresses."""
    return [f"{name} {addresses[name]}" for name in HOSTS if not _accepts(addresses[name])]


def use_emulators(environ: MutableMapping[str, str], path: Path = ENV_FILE) -> list[str]:
    """Puts what the file says into `environ`, and returns the names of what was not there before.

    Raises `BadInput` when `environ` already says something else: half of one set and half of another is nobody's wish;
    `Unavailable` when the set does not answer.
    """
    found = read_env_file(path)
    other = [f"{key}={environ[key]}" for key, value in found.items() if environ.get(key, value) != value]
    if other:
        fix = f"Unset them, or leave --emulators away and load the file yourself: set -a; . {path}; set +a"
        raise BadInput(f"{path} says otherwise than the environment: {', '.join(other)}", where="--emulators", fix=fix)
    if dead := silent(found):
        raise Unavailable(f"no answer from {', '.join(dead)}", where=str(path), fix=f"{START} again: it replaces them")
    new = [key for key in found if key not in environ]
    environ.update(found)
    return new


def _accepts(address: str) -> bool:
    host, _, port = address.removeprefix("http://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), CONNECT_WITHIN_S):
            return True
    except (OSError, ValueError, OverflowError):
        return False
