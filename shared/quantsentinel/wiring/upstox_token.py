"""Where the token for Upstox comes from."""

from __future__ import annotations

from collections.abc import Mapping

from quantsentinel.adapters.brokers.upstox import Token
from quantsentinel.settings import Settings, read_secret

VARIABLE = "QS_UPSTOX_TOKEN_FILE"


def upstox_token(settings: Settings, environ: Mapping[str, str]) -> Token:
    """Reads the token's file again where there is one; a value in the environment stays what it was."""
    if VARIABLE in environ:
        return lambda: read_secret(environ, VARIABLE)
    return settings.upstox_token.get_secret_value()
