"""Options that many commands share, and what they resolve to."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.app.platform import Platform
    from quantsentinel.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of tables.")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML settings file (default: $QS_CONFIG).")]
State = Annotated[Path | None, typer.Option("--state", help="State folder.", show_default=False)]

Participants = Annotated[
    Path | None, typer.Option("--participants", help="Participant open interest (NSE's evening file).")
]
Breadth = Annotated[
    Path | None, typer.Option("--breadth", help="Stocks by day: NSE's cash bhavcopy, or a folder of daily bars.")
]

LAST_STATE = Path(".qs/last")
"""Names the state folder used last: what `explain` and the lists read by default."""
STATE_FILE = "quantsentinel.sqlite"


def settings_of(config: Path | None, state: Path | None = None) -> Settings:
    """Settings from the environment and the file; `state` from the command line wins."""
    from quantsentinel.settings import settings_from

    settings = settings_from(os.environ, config)
    return settings.model_copy(update={"state": state}) if state else settings


def deployment_of(config: Path | None, state: Path | None = None) -> tuple[Settings, dict[str, str]]:
    """Settings and environment of what is deployed: of the emulators, where `make emulators` left some standing and
    neither a profile, a settings file nor a state folder is named."""
    from quantsentinel.settings import settings_from
    from quantsentinel.wiring.emulators import ENV_FILE, read_env_file

    named = config or state or os.environ.keys() & {"QS_PROFILE", "QS_CONFIG"}
    left = read_env_file() if not named and ENV_FILE.is_file() else {}
    environ = {**left, **os.environ}
    settings = settings_from(environ, config)
    return (settings.model_copy(update={"state": state}) if state else settings), environ


def note_last(state: Path) -> None:
    """Remembers the state folder that was used last."""
    LAST_STATE.parent.mkdir(parents=True, exist_ok=True)
    LAST_STATE.write_text(f"{state.resolve()}\n", encoding="utf-8")


def last_state(settings: Settings, state: Path | None) -> Path:
    """`--state`, else the folder used last, else the settings' own. Raises `BadInput` when nothing is stored there."""
    noted = Path(LAST_STATE.read_text(encoding="utf-8").strip()) if LAST_STATE.is_file() else None
    chosen = state or noted or settings.state
    if not (chosen / STATE_FILE).is_file():
        raise BadInput("no state in this folder", where=str(chosen), fix="Run `qs demo`, `qs replay` or `qs run` first")
    return chosen


def open_last(config: Path | None, state: Path | None) -> Platform:
    """The platform on the state used last, for commands that only look; of the google profile, its project."""
    from quantsentinel.wiring.local import open_local

    settings = settings_of(config)
    if settings.profile == "google":
        return _open_project(settings, state)
    return open_local(settings.model_copy(update={"state": last_state(settings, state)}))


def open_live(config: Path | None, state: Path | None) -> Platform:
    """The platform on the settings' own state (or `--state`) or project, for commands that change something."""
    from quantsentinel.wiring.local import open_local

    settings = settings_of(config, state)
    return _open_project(settings, state) if settings.profile == "google" else open_local(settings)


def _open_project(settings: Settings, state: Path | None) -> Platform:
    from quantsentinel.wiring.google import open_google

    if state:
        fix = "Leave it away, or set QS_PROFILE=embedded"
        raise BadInput(f"the google profile keeps its state in {place_of(settings)}", where="--state", fix=fix)
    return open_google(settings)


def place_of(settings: Settings) -> str:
    """Where a platform's state is, in words."""
    return f"project {settings.project}" if settings.profile == "google" else str(settings.state)


def in_a_folder(settings: Settings, where: str) -> Settings:
    """The settings, when their state is a folder. Raises `BadInput` when a project keeps it."""
    if settings.profile == "google":
        fix = "`make dev` runs the functions on emulators; or leave --emulators and QS_PROFILE=google away"
        raise BadInput(f"works on a state folder, not on {place_of(settings)}", where=where, fix=fix)
    return settings


def on_emulators() -> Callable[[], None]:
    """From now on this process works on what `make emulators` left running, until what is returned is called."""
    from quantsentinel.wiring.emulators import use_emulators

    new = use_emulators(os.environ)

    def off() -> None:
        for name in new:
            os.environ.pop(name, None)

    return off


def a_date(text: str, where: str = "--date") -> date:
    """Raises `BadInput` for anything but YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a date", where=where, fix="Write it as YYYY-MM-DD") from None


def a_time(text: str, on: date | None = None, where: str = "--at") -> datetime:
    """An ISO time with offset, or `HH:MM[:SS]` / `YYYY-MM-DDTHH:MM` meant in IST. Raises `BadInput`."""
    from quantsentinel.market.calendar import IST

    candidate = f"{on.isoformat()}T{text}" if on and len(text) <= 8 else text
    try:
        moment = datetime.fromisoformat(candidate)
    except ValueError:
        form = ("HH:MM or " if on else "") + "2025-08-29T10:15 (IST, or with an offset)"
        raise BadInput(f"{text!r} is not a time", where=where, fix=f"Write {form}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=IST)
