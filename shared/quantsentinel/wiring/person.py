"""Who runs a command, where that decides something: the account, which nobody can type.

On a laptop the operating system's account of the process; on a Google project the person whose credentials it uses, as
Google names it. Whoever else may read or write the state could write any name into it: this tells two people apart,
and keeps honest who did what; what an account may do is the platform's own business.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from quantsentinel.errors import BadInput
from quantsentinel.settings import Settings
from quantsentinel.wiring.emulators import is_hosted


def acting_person(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """A name that no option or variable sets. Raises `BadInput` when there is none, `Unavailable` without Google."""
    if is_hosted(settings, environ):
        from quantsentinel.adapters.google.person import google_person

        return google_person()
    account = os.getuid()
    try:
        return pwd.getpwuid(account).pw_name
    except KeyError:
        raise BadInput(f"account {account} has no name", where="who", fix="Run it as a person's own account") from None
