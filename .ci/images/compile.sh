#!/bin/sh
# Bytecode beside every source: `compile.sh PYTHON FOLDER…`. Unchecked hashes: it is taken as it is, whatever the times
# of the files say after a copy, and an image is never edited. What does not compile is not Python for this version
# (templates, test data of packages) and is left; that ours does is checked.
set -eu
python=$1
shift
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$@" >/dev/null 2>&1 || true
"$python" - "$@" <<'PY'
import importlib.util
import pathlib
import sys

roots = [pathlib.Path(found.origin).parent for found in [importlib.util.find_spec("quantsentinel")]]
ours = [path for root in [*roots, *map(pathlib.Path, sys.argv[1:])] for path in root.rglob("*.py")
        if "quantsentinel" in path.parts or "functions" in path.parts]
missing = [str(path) for path in ours if not pathlib.Path(importlib.util.cache_from_source(str(path))).is_file()]
sys.exit(f"not compiled: {missing}" if missing or not ours else 0)
PY
