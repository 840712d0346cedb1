"""`qs doctor`: is this machine ready, and will the rule book still cover the days to come?"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.app.check import FAIL, OK, WARN, Check, covered, token_life
from quantsentinel.cli.options import Config, Json, State, a_date, deployment_of
from quantsentinel.cli.output import Answer, Markup, Table, show
from quantsentinel.contracts.access_token import life_of
from quantsentinel.errors import QuantsentinelError

if TYPE_CHECKING:
    from quantsentinel.settings import Settings

FREE_DISK_GB = 1.0
PACKAGES = ("numpy", "scipy", "polars", "pydantic", "httpx", "lightgbm", "typer", "rich")
STYLES = {OK: Markup("[green]ok[/]"), WARN: Markup("[yellow]warn[/]"), FAIL: Markup("[bold red]fail[/]")}


def doctor(
    date: Annotated[str, typer.Option("--date", help="The day to judge the rule book by (default: today).")] = "",
    write: Annotated[
        bool, typer.Option("--write", help="Of a deployment: also create and delete one document.")
    ] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Checks this machine, or with the google profile (or the emulators of `make emulators`) a whole deployment."""
    from quantsentinel.market.calendar import IST

    settings, environ = deployment_of(config, state)
    day = a_date(date) if date else datetime.now(UTC).astimezone(IST).date()
    checks = [
        *machine(settings),
        rule_book(settings, day),
        session(settings, day),
        *(_deployed(settings, environ, write) if settings.profile == "google" else _here(settings, environ)),
    ]
    failed = [check for check in checks if check.status == FAIL]
    rows = [(STYLES[check.status], check.name, check.found, check.fix) for check in checks]
    ready = "Ready. Next: qs demo" if settings.profile == "embedded" else f"{settings.project} is ready."
    lines = [f"{len(failed)} of {len(checks)} checks failed" if failed else ready]
    answer = {"ok": not failed, "checks": checks}
    show(Answer(answer, [Table("", ("", "check", "found", "what to do"), rows)], lines, failed=bool(failed)), json)


def _deployed(settings: Settings, environ: Mapping[str, str], write: bool) -> list[Check]:
    from quantsentinel.cli.deployment_checks import deployment

    return deployment(settings, environ, write=write)


def _here(settings: Settings, environ: Mapping[str, str]) -> list[Check]:
    """What the embedded profile needs; a deployment's tokens are in its own secrets, not on this machine."""
    return [*emulators(environ), *tokens(settings)]


def machine(settings: Settings) -> list[Check]:
    """Python, packages; and of the embedded profile the state folder, disk space, market data."""
    if settings.profile == "google":  # its state is elsewhere, and a container's own disk is read-only
        return [python(sys.version_info[:3]), packages()]
    return [
        python(sys.version_info[:3]),
        packages(),
        writable(settings.state),
        disk(settings.state),
        marketdata(settings),
    ]


def python(version: tuple[int, ...]) -> Check:
    found = f"{'.'.join(map(str, version))} at {sys.executable}"
    if (3, 11) <= version[:2] < (3, 14):
        return Check("python", OK, found)
    return Check("python", FAIL, found, "Python 3.11 to 3.13 is needed")


def packages() -> Check:
    installed, absent = [], []
    for name in PACKAGES:
        try:
            installed.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return Check("packages", FAIL, f"missing: {', '.join(absent)}", "Run `make setup`")
    return Check("packages", OK, ", ".join(installed))


def writable(state: Path) -> Check:
    """The state folder takes a file, now."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=state):
            return Check("state folder", OK, str(state))
    except OSError as error:
        return Check(
            "state folder", FAIL, f"{state}: {error.strerror}", "Name a writable folder with QS_STATE or --state"
        )


def disk(state: Path) -> Check:
    folder = next(path for path in (state.absolute(), *state.absolute().parents) if path.exists())
    free_gb = shutil.disk_usage(folder).free / 1e9
    found = f"{free_gb:,.1f} GB free"
    return Check("disk", OK, found) if free_gb >= FREE_DISK_GB else Check("disk", FAIL, found, "Free at least 1 GB")


def marketdata(settings: Settings) -> Check:
    """Real data is optional: the simulator needs none."""
    if settings.marketdata is None:
        return Check("market data", OK, "not configured: the simulator needs none", "QS_MARKETDATA names a folder")
    if not settings.marketdata.is_dir():
        return Check("market data", FAIL, f"{settings.marketdata} is no folder", "Correct QS_MARKETDATA")
    kinds = sorted(path.name for path in settings.marketdata.iterdir() if path.is_dir())
    return Check("market data", OK, f"{settings.marketdata}: {', '.join(kinds)}")


def rule_book(settings: Settings, day: date) -> Check:
    """Fails when the day lies past the coverage, warns 45 days before."""
    from quantsentinel.market.rulebook import load_rules

    try:
        return covered(load_rules(settings.rules_overlay).coverage_end(), day)
    except QuantsentinelError as error:
        return Check("rule book", FAIL, error.what, error.fix)


def session(settings: Settings, day: date) -> Check:
    """Whether the market opens that day; fails when the rule book cannot say, because then nothing is accepted."""
    from quantsentinel.market.rulebook import load_rules

    try:
        today = load_rules(settings.rules_overlay).session(day)
    except QuantsentinelError as error:
        return Check("session", FAIL, f"{day}: {error.what}: all is refused", error.fix)
    if today is None:
        return Check("session", OK, f"{day} is not a trading day")
    return Check("session", OK, f"{day}: {today.open:%H:%M} to {today.close:%H:%M} IST")


def emulators(environ: Mapping[str, str]) -> list[Check]:
    """Only `make dev` and the contract tests need them."""
    java = shutil.which("java", path=environ.get("PATH"))
    gcs = shutil.which("fake-gcs-server", path=f".tools/bin{os.pathsep}{environ.get('PATH', '')}")
    return [
        _optional("java", java, "for the Firestore and Pub/Sub emulators: apt-get install default-jre-headless"),
        _optional("fake-gcs-server", gcs, "for `make dev` and the contract tests: emulators/install.sh"),
    ]


def _optional(name: str, found: str | None, fix: str) -> Check:
    return Check(name, OK, found) if found else Check(name, WARN, "not found", fix)


def tokens(settings: Settings) -> list[Check]:
    """Presence only: a token never prints."""
    told: Callable[[str], str] = lambda secret: "**** (set)" if secret else "not set"  # noqa: E731 (one line, used twice)
    upstox, telegram = settings.upstox_token.get_secret_value(), settings.telegram_token.get_secret_value()
    needed = settings.feed == "upstox" and not upstox
    return [
        Check(
            "upstox token",
            FAIL if needed else OK,
            told(upstox),
            "QS_UPSTOX_TOKEN, for live chains" if not upstox else "",
        ),
        *([token_life("upstox token's life", life_of(upstox), datetime.now(UTC))] if upstox else []),
        Check("telegram token", OK, told(telegram), "QS_TELEGRAM_TOKEN, for Telegram messages" if not telegram else ""),
    ]
