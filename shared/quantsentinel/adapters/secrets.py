"""Secrets of both profiles: environment variables, which Cloud Run mounts from Secret Manager."""

from __future__ import annotations

from collections.abc import Mapping

from quantsentinel.errors import Unavailable


class EnvSecrets:
    """Reads `environ` (an argument: only the wiring passes the real one)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def get(self, name: str) -> str:
        """Raises `Unavailable` when there is no such secret or it is empty."""
        value = self._environ.get(name, "")
        if not value:
            raise Unavailable(f"no secret {name}", where="secrets", fix=f"Set the environment variable {name}")
        return value
