"""Nothing happens at import: every module comes up with no environment, no network and no writable folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import PACKAGE, ROOT, python_files

IMPORT_ALL = """
import importlib, socket, sys, threading, time

def refuse(*_, **__):
    raise AssertionError("a module opened a connection at import")

socket.socket.connect = refuse
socket.create_connection = refuse
sys.path.insert(0, sys.argv[1])
began = threading.active_count()
for name in sys.stdin.read().split():
    importlib.import_module(name)
assert threading.active_count() == began, "a module started a thread at import"
print(len([name for name in sys.modules if name.split(".")[0] == "quantsentinel"]))
"""


def _modules() -> list[str]:
    names = [path.relative_to(PACKAGE.parent).with_suffix("") for path in python_files("shared/quantsentinel")]
    return [".".join(name.parts).removesuffix(".__init__") for name in names]


def test_every_module_imports_in_an_empty_environment_with_no_network(tmp_path: Path) -> None:
    names = _modules()
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", IMPORT_ALL, str(ROOT / "shared")],
        input="\n".join(names),
        env={},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert int(run.stdout) == len(names) > 50
    assert not list(tmp_path.iterdir()), "a module wrote a file at import"
