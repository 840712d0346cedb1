"""`qs token status|set|callback|request`: the broker's token, its end, and a new one. No token is ever printed."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.app.check import FAIL, token_life
from quantsentinel.cli.options import Config, Json, State, deployment_of
from quantsentinel.cli.output import Answer, Table, ist, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.rotate_token import Rotation

app = typer.Typer(help="The broker's access token.", no_args_is_help=True)


@app.command()
def status(config: Config = None, state: State = None, json: Json = False) -> None:
    """When the token ends that the poller used last; exit code 1 once it has."""
    rotation = _bare(config, state)
    life, now = rotation.board.life(), rotation.clock.now()
    request = rotation.board.request(now)
    if life is None:
        show(Answer({"life": None, "open_request": request}, lines=["no token was seen yet"]), json)
        return
    check = token_life("upstox token", life, now)
    data = {"life": life, "days_left": life.days_left(now), "status": check.status, "open_request": request}
    rows = [(check.status, check.found, check.fix)]
    lines = [f"a request by {request.who} is open until {ist(request.ends_at)}"] if request else []
    show(Answer(data, [Table("", ("", "found", "what to do"), rows)], lines, failed=check.status == FAIL), json)


@app.command("set")
def set_(
    file: Annotated[Path | None, typer.Option("--file", help="Read it from this file (default: stdin).")] = None,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Stores a token, e.g. a new Analytics Token, after Upstox has answered to it; the newest version from then on."""
    from quantsentinel.app.rotate_token import set_token

    rotation, token = _bare(config, state), _token(file)
    name = set_token(rotation, token)
    life = rotation.board.life()
    lines = [f"stored as {name}", "The poller reads it at the broker's next refusal, or at its next start."]
    show(Answer({"stored": name, "life": life}, lines=lines), json)


def _token(file: Path | None) -> str:
    try:
        if file is not None:
            text = file.read_text(encoding="utf-8")
        else:
            text = getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {type(error).__name__}", where=str(file or "stdin")) from None
    if not text.strip():
        raise BadInput("no token", where=str(file or "stdin"), fix="Give it on stdin, or with --file")
    return text.strip()


@app.command()
def callback(
    address: Annotated[str, typer.Option("--address", help="https address of the function rotate_token.")],
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Makes a new callback address for the app's form at Upstox; the one before stops working. Shown once, here."""
    from quantsentinel.app.rotate_token import PATH_KEPT, new_path

    if not address.startswith(("https://", "http://127.0.0.1")):
        raise BadInput("no https address", where="--address", fix="As `terraform output rotate_token_uri` prints it")
    rotation = _bare(config, state)
    url = f"{address.rstrip('/')}/{new_path(rotation.board, rotation.clock)}"
    lines = [url, f"Set it as the app's notifier webhook at Upstox. It works for {PATH_KEPT.days} days."]
    show(Answer({"notifier_url": url, "days": PATH_KEPT.days}, lines=lines), json)


@app.command()
def request(
    who: Annotated[str, typer.Option("--who", help="Who asks (default: the login name).", show_default=False)] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Has Upstox ask the account holder for an access token, and listens for it until the request ends."""
    from quantsentinel.app.rotate_token import request_token
    from quantsentinel.wiring.rotate_token import rotation_of

    settings, environ = deployment_of(config, state)
    secret = settings.upstox_client_secret.get_secret_value()
    if not secret:
        fix = "Set QS_UPSTOX_CLIENT_SECRET or QS_UPSTOX_CLIENT_SECRET_FILE, for this command alone"
        raise BadInput("no secret of the app", where="token request", fix=fix)
    asked = request_token(rotation_of(settings, environ), secret, who or getpass.getuser())
    lines = [f"Approve it in the Upstox app before {ist(asked.ends_at)}; then `qs token status`."]
    show(Answer({"open_until": asked.ends_at}, lines=lines), json)


def _bare(config: Path | None, state: Path | None) -> Rotation:
    from quantsentinel.app.rotate_token import App
    from quantsentinel.wiring.rotate_token import bare_rotation

    settings, environ = deployment_of(config, state)
    return bare_rotation(settings, environ, App(settings.upstox_client_id, settings.upstox_user_id))
