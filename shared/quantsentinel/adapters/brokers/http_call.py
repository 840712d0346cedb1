"""One HTTP call to a broker; a connection that fails is a broker that is not there now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from quantsentinel.errors import Unavailable


def sent(
    client: httpx.Client, broker: str, method: str, path: str, headers: Mapping[str, str], **request: Any
) -> httpx.Response:
    """The answer, whatever its status. Raises `Unavailable` when none came or it cannot be read."""
    try:
        return client.request(method, path, headers=dict(headers), **request)
    except httpx.RequestError as error:
        raise Unavailable(f"{type(error).__name__}: {error}", where=f"{broker} {path}") from None
