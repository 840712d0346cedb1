"""Settings: one frozen object from the environment (`QS_*`) laid over an optional TOML file.

Unknown keys are refused, every error is reported at once, secrets never print. A secret may be given as the name of the
file that holds it (`QS_<SECRET>_FILE`), as the cloud mounts it. The environment is an argument: only `entry`, `wiring`
and the CLI read the real one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from quantsentinel.errors import BadInput

PREFIX = "QS_"
CONFIG_VARIABLE = "QS_CONFIG"
FILE_SUFFIX = "_FILE"
DIGEST = r"^(sha256:[0-9a-f]{64})?$"
PATH_FIELDS = ("state", "lake", "marketdata", "history", "rules_overlay", "policy_overlay", "legal_rows")

BucketKind = Literal["raw", "snapshots", "decisions", "audit", "models"]
BUCKET_KINDS: tuple[BucketKind, ...] = get_args(BucketKind)
Secret = SecretStr
"""A value whose repr, text and JSON are stars; `.get_secret_value()` is the one way in."""


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return value
    return tuple(dict.fromkeys(part.strip().upper() for part in parts if part.strip()))


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """Everything that differs between two installations. Limits and rates are not here: they are dated TOML rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    profile: Literal["embedded", "google"] = "embedded"
    project: str = ""
    region: str = "asia-south1"
    state: Path = Path(".qs/state")
    """Folder of the embedded profile: documents, bus and objects."""
    lake: Path = Path(".qs/lake")
    """Folder of imported market data, in Parquet."""
    sync: Literal["full", "normal"] = "full"
    """SQLite's promise at a power cut: `full` loses nothing, `normal` may lose the last commits (replays)."""

    feed: str = "simulator"
    """`simulator`, `upstox`, or the path of a recording."""
    underlyings: Names = ("NIFTY", "BANKNIFTY")
    poll_interval_s: float = Field(default=15.0, ge=3, le=3600)
    marketdata: Path | None = None
    history: Path | None = None
    """Daily bars, a file or a folder; None takes the feed's own."""
    broker: str = "upstox"
    """The charge plan, and where orders would go."""
    rules_overlay: Path | None = None
    policy_overlay: Path | None = None
    volatility_clock: str = Field(default="", pattern=DIGEST)
    volatility_forecast: str = Field(default="", pattern=DIGEST)
    """`sha256:…` of a promoted part (`qs models list`); empty: the packaged one."""
    clock_offset_s: float = 0.0
    """Added to wall time by every process of the local platform, so that a recorded session is `now`."""

    upstox_token: Secret = Secret("")
    upstox_url: str = "https://api.upstox.com"
    upstox_client_id: str = ""
    """The app at Upstox that asks for access tokens, and the account whose tokens are taken."""
    upstox_user_id: str = ""
    upstox_client_secret: Secret = Secret("")
    kite_key: Secret = Secret("")
    kite_token: Secret = Secret("")
    kite_url: str = "https://api.kite.trade"
    margin_broker: Literal["", "upstox", "kite"] = ""
    """Whose margin calculator is asked beside the estimate; empty: nobody's."""
    telegram_token: Secret = Secret("")
    telegram_url: str = "https://api.telegram.org"
    kill_switch_secrets: Secret = Secret("")
    """`name:secret,…` of the people who may use the HTTP kill switch, at least 16 characters each; empty: nobody."""

    secret_manager_url: str = "https://secretmanager.googleapis.com"  # noqa: S105 (an address, no secret)
    firestore_database: str = "(default)"
    bucket_raw: str = ""
    bucket_snapshots: str = ""
    bucket_decisions: str = ""
    bucket_audit: str = ""
    bucket_models: str = ""
    """An empty bucket name stands for `<project>-qs-<kind>`."""
    topic_prefix: str = ""

    distribution_mode: Literal["own_account", "paper", "registered"] = "own_account"
    registration_number: str = ""
    legal_rows: Path | None = None
    """TOML with the `[[legal]]` rows that name on what basis third parties are served; without one, nobody else is."""
    own_accounts: int = Field(default=5, ge=1, le=1_000)
    """How many declared self or family accounts the installation takes."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if not self.underlyings:
            problems.append("underlyings: name at least one, e.g. NIFTY")
        if self.profile == "google" and not self.project:
            problems.append("project: the google profile needs one")
        if self.profile == "google" and self.clock_offset_s and not self.project.startswith("local-"):
            problems.append("clock_offset_s: only the local platform (a project named local-…) may shift its clock")
        if self.distribution_mode == "registered" and not self.registration_number:
            problems.append("registration_number: distribution_mode registered needs the SEBI registration number")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def bucket(self, kind: BucketKind) -> str:
        """The bucket of a kind of object."""
        name: str = getattr(self, f"bucket_{kind}")
        return name or f"{self.project}-qs-{kind}"

    def fitted(self) -> dict[str, str]:
        """The named artefact of each fitted part, empty for the packaged one."""
        return {"clock": self.volatility_clock, "forecast": self.volatility_forecast}

    def shown(self) -> dict[str, Any]:
        """As plain JSON with every secret masked: empty when it is not set, `****` when it is."""
        plain = self.model_dump(mode="json")
        for name in SECRET_FIELDS:
            plain[name] = "****" if getattr(self, name).get_secret_value() else ""
        return plain


SECRET_FIELDS = tuple(name for name, field in Settings.model_fields.items() if field.annotation is SecretStr)
SECRET_FILES = {f"{PREFIX}{name.upper()}{FILE_SUFFIX}": name for name in SECRET_FIELDS}
"""The variable that names a secret's file, and the secret."""
_MOUNT = "Mount the secret's `latest` version there, or correct the path"


def settings_from(environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Defaults, under the TOML file (`file`, or the one `QS_CONFIG` names), under `QS_*`.

    Raises `BadInput` that lists every unknown key, every bad value and every secret's file that cannot be used.
    """
    given, origins = gather(environ, file)
    files, unread = _secret_files(environ)
    given |= files
    unknown = unread + [f"{origins[key]}: unknown setting" for key in given if key not in Settings.model_fields]
    known = {key: value for key, value in given.items() if key in Settings.model_fields}
    try:
        settings = Settings.model_validate(known)
    except ValidationError as error:
        raise _refused(unknown + [_line(item, origins) for item in error.errors()]) from None
    if unknown:
        raise _refused(unknown)
    return settings


def gather(environ: Mapping[str, str], file: Path | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """What was given, by setting name, and where each came from in words. Raises `BadInput` for an unreadable file."""
    path = file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    given: dict[str, Any] = _read(path) if path else {}
    origins = {key: f"{path}: {key}" for key in given}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        key = name.removeprefix(PREFIX).lower()
        if name in SECRET_FILES:
            origins.setdefault(SECRET_FILES[name], name)
        else:
            given[key], origins[key] = value, name
    return given, origins


# --- Secrets in files ---
def read_secret(environ: Mapping[str, str], variable: str) -> str:
    """The text of the file that `variable` names, without its line's end, as it is now.

    Raises `BadInput` that names the variable and never the content.
    """
    path = Path(environ[variable])
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", where=variable, fix=_MOUNT) from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not text", where=variable, fix=_MOUNT) from None
    if not value.strip():
        raise BadInput(f"{path} is empty", where=variable, fix=_MOUNT)
    return value


def _secret_files(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Secrets by name as their files hold them, and what is wrong with the others."""
    found, problems = {}, []
    for variable, field in SECRET_FILES.items():
        if variable not in environ:
            continue
        plain = variable.removesuffix(FILE_SUFFIX)
        if plain in environ:
            problems.append(f"{variable}: {plain} is given too: name the file or give the value, not both")
            continue
        try:
            found[field] = read_secret(environ, variable)
        except BadInput as error:
            problems.append(str(error))
    return found, problems


# --- Reading ---


def _read(path: Path) -> dict[str, Any]:
    """The TOML file, its relative paths taken from the file's own folder."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the settings file: {error.strerror}", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not TOML: {error}", where=str(path)) from None
    for name in PATH_FIELDS:
        if isinstance(values.get(name), str):
            values[name] = str(path.parent / values[name])
    return values


def _line(item: Any, origins: Mapping[str, str]) -> str:
    """One problem in a line; the value of a secret is never repeated (no value is)."""
    message = str(item["msg"]).removeprefix("Value error, ")
    key = str(item["loc"][0]) if item["loc"] else ""
    return f"{origins.get(key, key)}: {message}" if key else message


def _refused(problems: list[str]) -> BadInput:
    return BadInput("; ".join(problems), where="settings", fix="`qs config show` lists every setting")
