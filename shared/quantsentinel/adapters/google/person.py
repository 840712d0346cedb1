"""The person whose Google credentials this process uses, by Google's own word."""

from __future__ import annotations

from urllib.parse import urlsplit

import google.auth
import requests
from google.auth.transport.requests import AuthorizedSession

from quantsentinel.adapters.google.connection import DEADLINE_S, translated
from quantsentinel.errors import BadInput, Unavailable

URL = "https://openidconnect.googleapis.com/v1/userinfo"
_SCOPES = ["openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/cloud-platform"]
_MACHINE = ".gserviceaccount.com"
_FIX = "Log in as yourself: gcloud auth application-default login"


def google_person(url: str = URL) -> str:
    """The e-mail address. Credentials go to Google alone: another `url` (a test's) is called without any.

    Raises `BadInput` for credentials of nobody or of a service account, which several people may use; `Unavailable`
    when Google does not answer.
    """
    with translated("who is logged in"):
        answer = _session(url).get(url, timeout=DEADLINE_S)
    if answer.status_code in (401, 403):
        raise BadInput(f"HTTP {answer.status_code}: no person's credentials", where="who is logged in", fix=_FIX)
    try:
        told = answer.json() if answer.status_code == 200 else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Unavailable(f"HTTP {answer.status_code}, and no account in it", where="who is logged in")
    email = told.get("email")
    if not isinstance(email, str) or told.get("email_verified") is not True or email.endswith(_MACHINE):
        raise BadInput(f"{email or 'nobody'} is no person with a verified address", where="who is logged in", fix=_FIX)
    return email.lower()


def _session(url: str) -> requests.Session:
    if not (urlsplit(url).hostname or "").endswith(".googleapis.com"):
        return requests.Session()
    credentials, _ = google.auth.default(scopes=_SCOPES)
    session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # google-auth is partly typed
    return session
