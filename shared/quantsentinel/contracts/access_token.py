"""A broker's access token as a wire format: a JWT whose claims are read and never trusted for more than a countdown."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from quantsentinel.frozen import dataclass

ALARM_DAYS = (30, 14, 7, 3, 1)
"""Days before the end at which somebody is told."""


@dataclass(frozen=True, slots=True)
class TokenLife:
    """When a token was issued and when it ends; None where it does not say (an opaque token says nothing)."""

    issued_at: datetime | None = None
    expires_at: datetime | None = None

    def days_left(self, now: datetime) -> float | None:
        """Negative once it has ended."""
        return None if self.expires_at is None else (self.expires_at - now) / timedelta(days=1)

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def due(self, now: datetime) -> int | None:
        """The tightest alarm that is due. An alarm not shorter than the token's whole life would only cry wolf."""
        left = self.days_left(now)
        if left is None or self.expires_at is None:
            return None
        whole = (self.expires_at - self.issued_at) / timedelta(days=1) if self.issued_at else float("inf")
        reached = [days for days in ALARM_DAYS if left <= days < whole]
        return min(reached, default=None)


def life_of(token: str) -> TokenLife:
    """Reads `iat` and `exp` without verifying the signature: only the broker can, and is asked before one is stored."""
    claims = _claims(token)
    return TokenLife(_moment(claims.get("iat")), _moment(claims.get("exp")))


def _claims(token: str) -> dict[str, Any]:
    parts = token.strip().split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _moment(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
