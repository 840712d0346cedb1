"""Who a function is: its revision, the version of its code, the schema of its events, the secrets that it sees."""

from __future__ import annotations

import os
from collections.abc import Mapping

import quantsentinel
from quantsentinel.canonical import sha256
from quantsentinel.contracts.self_test import Identity, events_schema
from quantsentinel.settings import SECRET_FIELDS, Settings, settings_from

SHOWN = 12
"""Hexadecimal digits of a secret's SHA-256: enough to tell two versions apart, of no use to find the value."""


def identity(name: str, environ: Mapping[str, str] = os.environ) -> Identity:
    """Function `name` as it stands. Raises `BadInput` for settings that it could not start with."""
    return Identity(
        function=name,
        revision=environ.get("K_REVISION", "local"),
        code_version=quantsentinel.__version__,
        schema_digest=events_schema(),
        secrets=_secrets(settings_from(environ)),
    )


def _secrets(settings: Settings) -> dict[str, str]:
    """By setting; one that is empty is left out."""
    values = {name: getattr(settings, name).get_secret_value() for name in SECRET_FIELDS}
    return {name: sha256(value.encode()).removeprefix("sha256:")[:SHOWN] for name, value in values.items() if value}
