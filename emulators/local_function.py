"""`make function NAME=decide`: one function in front of the emulators that stand, on the port that they push to.

What it needs beyond them comes from the environment as anywhere else (`QS_UPSTOX_TOKEN` for poll_market).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from emulators.function_fleet import SERVE_PYTHON
from emulators.function_map import load_map
from emulators.lifetime import ROOT
from emulators.standing import FOLDER, PORT
from quantsentinel.errors import BadInput, QuantsentinelError
from quantsentinel.wiring.emulators import ENV_FILE, use_emulators

LOOPBACK = "127.0.0.1"


def command(name: str, environ: Mapping[str, str]) -> list[str]:
    """The program on its port. Raises `BadInput` for a function that is younger than the emulators."""
    port = environ.get(f"{PORT}{name.upper()}")
    if port is None:
        raise BadInput(f"no port for {name} in {ENV_FILE}", where="make function", fix="Run `make emulators` again")
    python = str(SERVE_PYTHON if SERVE_PYTHON.is_file() else sys.executable)
    source = ROOT / "functions" / name / "main.py"
    target = ["--source", str(source), "--target", name, "--host", LOOPBACK, "--port", port]
    return [python, "-m", "emulators.function_process", *target]


def environment(name: str, environ: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """`environ` with the folder's emulators. Raises `Unavailable` when none answer, `BadInput` for a wrong name."""
    known, found = load_map().functions, dict(environ)
    if name not in known:
        fix = f"make function NAME=… with one of {', '.join(known)}"
        raise BadInput(f"no function {name!r} in the map", where="make function", fix=fix)
    use_emulators(found, folder / ENV_FILE.name)
    # gunicorn puts its control socket there, not into the home folder.
    own = folder / "functions" / name
    own.mkdir(parents=True, exist_ok=True)
    return {**found, "THREADS": str(known[name].threads), "XDG_RUNTIME_DIR": str(own)}


def main() -> None:
    """Becomes the function."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    try:
        environ = environment(name, os.environ, folder)
        line = command(name, environ)
    except QuantsentinelError as error:
        sys.exit(str(error))
    os.chdir(ROOT)
    os.execve(line[0], line, environ)  # noqa: S606 (no shell is wanted; Ctrl-C is to reach the function itself)


if __name__ == "__main__":
    main()
