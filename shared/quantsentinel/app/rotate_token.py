"""A new access token from Upstox: a person asks, the account holder approves, Upstox posts the token to us.

The post has no signature, so what it says is worth nothing by itself. Its path is unguessable (256 bits, stored as a
hash, with an end), it is listened to only while a request of ours is open, one token closes the request, and Upstox is
asked whose the token is before it is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from quantsentinel.canonical import sha256
from quantsentinel.contracts.access_token import life_of
from quantsentinel.contracts.token_delivery import TokenDelivery, parse_delivery
from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass
from quantsentinel.ports import BrokerLogin, Clock, Documents, Secrets, TokenRequest
from quantsentinel.stores.inbox import Claim, Inbox, run_once
from quantsentinel.stores.token_board import OpenRequest, TokenBoard

SECRET = "upstox-token"  # noqa: S105 (its name)
PATH_BYTES = 32
PATH_KEPT = timedelta(days=400)
LONGEST_REQUEST = timedelta(days=1)
Outcome = Literal["stored", "again", "not here", "not asked for", "refused"]


@dataclass(frozen=True, slots=True)
class App:
    """The app at Upstox, and the account whose tokens it may take."""

    client_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation stands on."""

    documents: Documents
    clock: Clock
    login: BrokerLogin
    vault: Secrets
    app: App
    owner: str

    @property
    def board(self) -> TokenBoard:
        return TokenBoard(self.documents)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery; `text` is for our log, never for whoever posted it."""

    outcome: Outcome
    text: str


# --- Asking ---
def new_path(board: TokenBoard, clock: Clock) -> str:
    """A new callback path; the one before is worthless from now on. Shown once: only its hash is kept."""
    path = secrets.token_urlsafe(PATH_BYTES)
    board.set_path(_hashed(path), clock.now() + PATH_KEPT)
    return path


def request_token(rotation: Rotation, client_secret: str, who: str) -> TokenRequest:
    """Has Upstox ask the account holder, and listens for the token until the request ends.

    Raises `BadInput` when the app at Upstox would send the token anywhere but to our path.
    """
    now, kept = rotation.clock.now(), rotation.board.path_hash(rotation.clock.now())
    if kept is None:
        raise BadInput(
            "no callback path", where="token request", fix="`qs token callback` makes one for the app's form"
        )
    asked = rotation.login.request(rotation.app.client_id, client_secret)
    if not _is_ours(urlsplit(asked.notifier_url).path, kept):
        host = urlsplit(asked.notifier_url).hostname
        fix = "Reject the request in the Upstox app; set the notifier webhook in the app's form to our address"
        raise BadInput(f"Upstox would send the token to another path, at {host}", where="token request", fix=fix)
    ends = min(asked.ends_at, now + LONGEST_REQUEST)
    rotation.board.open_request(OpenRequest(secrets.token_hex(16), who, now, ends))
    return TokenRequest(asked.notifier_url, ends)


# --- Taking ---
def take_delivery(rotation: Rotation, path: str, body: bytes) -> Taken:
    """Stores the token that was asked for, once. Raises `Unavailable` while Upstox or the vault is away: the request
    stays open, and the token before stays the newest."""
    now = rotation.clock.now()
    if not _is_ours(path, rotation.board.path_hash(now)):
        return Taken("not here", "a path that is not ours")
    request = rotation.board.request(now)
    if request is None:
        return Taken("not asked for", "no request is open")
    try:
        delivery = parse_delivery(body)
        _check(rotation, delivery)
    except BadInput as error:
        return Taken("refused", str(error))
    return _store(rotation, request, delivery.access_token)


def _check(rotation: Rotation, delivery: TokenDelivery) -> None:
    """Raises `BadInput` unless it is a living token of our app and our account."""
    app, now = rotation.app, rotation.clock.now()
    if delivery.client_id != app.client_id:
        raise BadInput("a token for another app", where="token delivery")
    if life_of(delivery.access_token).is_over(now):
        raise BadInput("a token that has ended", where="token delivery")
    if rotation.login.owner(delivery.access_token) != app.user_id:
        raise BadInput("a token of another account", where="token delivery")


def _store(rotation: Rotation, request: OpenRequest, token: str) -> Taken:
    inbox = Inbox(rotation.documents, rotation.clock, rotation.owner)
    stored: list[str] = []

    def work(claim: Claim) -> None:
        name = rotation.vault.add(SECRET, token)
        life = rotation.board.seen_write(life_of(token), rotation.clock.now())
        writes = [claim.complete_write({"version": name}), *([life] if life else [])]
        rotation.documents.commit(writes)
        stored.append(name)

    try:
        run_once(inbox, f"token:{request.id}", sha256(token.encode()), work)
    except Broken:
        return Taken("not asked for", "another token came for this request before")
    return Taken("stored", f"stored as {stored[0]}") if stored else Taken("again", "this token is stored already")


def set_token(rotation: Rotation, token: str) -> str:
    """Stores a token that a person brings (an Analytics Token) after Upstox has taken it; the version's name."""
    life, now = life_of(token), rotation.clock.now()
    if life.is_over(now):
        raise BadInput(f"the token ended at {life.expires_at}", where="token", fix="Make a new one at Upstox")
    rotation.login.check_reads(token)
    name = rotation.vault.add(SECRET, token)
    write = rotation.board.seen_write(life, now)
    rotation.documents.commit([write] if write else [])
    return name


def _hashed(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def _is_ours(path: str, kept: str | None) -> bool:
    """In constant time, also where there is nothing to compare with."""
    return hmac.compare_digest(_hashed(path.rsplit("/", 1)[-1]), kept or "") and kept is not None
