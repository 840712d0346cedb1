"""`make images-check`: what the serve image holds, loads and needs to start; exits 1 when a rule is broken.

Size, imports, bytecode and the Dockerfile's rules decide; seconds are shown beside their budget and decide nothing,
since they say as much about the machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.architecture.sources import ROOT
from tests.bench.serve_start import rows
from tests.images.content import (
    FORBIDDEN,
    MOST_MB,
    PYTHON,
    Loaded,
    installed,
    load,
    mains,
    packages,
    size_mb,
    without_bytecode,
)
from tests.images.dockerfile import problems


def main() -> int:
    if not PYTHON.is_file():
        print("No .venv-serve here: run `make setup`", file=sys.stderr)
        return 1
    broken = problems((ROOT / ".ci" / "images" / "Dockerfile").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        site = installed(Path(folder))
        os.environ["PYTHONPATH"] = str(site)  # of every process started from here: the package with its bytecode
        broken += _measured([load(path, site) for path in mains()])
        figures = rows()
    for row in figures:
        word = "within" if row["ours"] <= row["budget"] else "OVER"
        print(f"{row['name']:<44} {row['ours']:8.2f} {row['unit']:<3} {word} {row['budget']} (told, not judged)")
    for line in broken:
        print(f"BROKEN  {line}", file=sys.stderr)
    return 1 if broken else 0


def _measured(loaded: list[Loaded]) -> list[str]:
    size, bare = size_mb(), without_bytecode(packages())
    print(f"{'serve environment':<44} {size:8.1f} MB  at most {MOST_MB}")
    print(f"{'sources without bytecode':<44} {len(bare):8d}     none")
    broken = [f"the serve environment has {size:.1f} MB, at most {MOST_MB}"] if size > MOST_MB else []
    broken += [f"no bytecode: {name}" for name in bare[:10]]
    for item in loaded:
        print(
            f"{'import of ' + item.name:<44} {item.seconds:8.2f} s   {item.cpu_s:.2f} s of CPU, {item.modules} modules"
        )
        broken += [f"{item.name} loads {name}; none may load {', '.join(FORBIDDEN)}" for name in item.forbidden]
    return broken


if __name__ == "__main__":
    sys.exit(main())
