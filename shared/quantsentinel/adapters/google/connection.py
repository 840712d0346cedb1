"""What the three Google adapters share: a deadline, a channel to an emulator, and errors in our own words.

No call retries by itself: that is the bus's business, so every call passes `retry=None`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # ships no types
import requests
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from quantsentinel.errors import Broken, Conflict, Unavailable

DEADLINE_S = 10.0
EMULATOR_METADATA = (("authorization", "Bearer owner"),)
"""What the emulators take for a server account, also when security rules are loaded."""

_CONFLICTS = (exceptions.Conflict, exceptions.FailedPrecondition, exceptions.PreconditionFailed)


def emulator_channel(host: str) -> Any:
    """Plain text, to a loopback `host:port`."""
    return grpc.insecure_channel(host)


class NotAllowed(Unavailable):
    """The account that asks has not the role. Granting it needs no new message."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Google's errors as ours: a failed precondition is a `Conflict`, a malformed request `Broken`, the rest passes."""
    try:
        yield
    except _CONFLICTS as error:
        raise Conflict(error.message, where=where, fix="Read again and run the pass again") from error
    except (exceptions.InvalidArgument, exceptions.BadRequest) as error:
        raise Broken(error.message, where=where, fix="The request is malformed: a rule is missing") from error
    except (exceptions.PermissionDenied, exceptions.Unauthenticated, exceptions.Forbidden) as error:
        fix = "Grant the function's service account the role that terraform/functions.json asks for"
        raise NotAllowed(error.message, where=where, fix=fix) from error
    except (exceptions.GoogleAPIError, GoogleAuthError, grpc.RpcError, requests.RequestException) as error:
        raise Unavailable(f"{type(error).__name__}: {error}", where=where) from error
