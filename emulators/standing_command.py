"""`make emulators` and `make emulators-stop`.

python -m emulators.standing_command start | start --terraform | start --compose | stop
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from emulators.interrupt import Interrupted, listen
from emulators.standing import CLIENTS, COMPOSED, FOLDER, Standing, adopt, end, start
from emulators.terraform_way import by_terraform, prepared
from quantsentinel.errors import QuantsentinelError

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    given, stop = _parsed(arguments), listen()
    say = partial(print, flush=True)
    try:
        if given.command == "stop":
            end(given.folder, stop, say)
        elif given.compose:
            say(told(adopt(given.folder, COMPOSED, stop, say)))
        else:
            way = by_terraform(prepared(given.folder)) if given.terraform else CLIENTS
            say(told(start(given.folder, stop, say, way)))
    except QuantsentinelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or given.folder}: {error.strerror}\n")
        return 1
    except Interrupted:
        sys.stderr.write("interrupted; `make emulators-stop` ends what is left, if anything is\n")
        return INTERRUPTED
    return 0


def told(found: Standing) -> str:
    """In two lines: where they are, and how one uses them."""
    google = found.google
    return (
        f"Firestore {google.firestore}, Pub/Sub {google.pubsub}, storage {google.storage}, project {google.project}\n"
        f"written to .emulators/env; use them with qs --emulators COMMAND; end them with make emulators-stop"
    )


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make emulators", description="Emulators that stay, provisioned from the map")
    parser.add_argument("command", choices=["start", "stop"])
    parser.add_argument("--terraform", action="store_true", help="let Terraform's modules provision them")
    parser.add_argument("--compose", action="store_true", help="provision what emulators/compose.yaml started")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the set is kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
