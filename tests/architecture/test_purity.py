"""Nothing before the ports reads a clock, the environment, a random source of its own, or anything at import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.sources import pure_files, python_files, relative, tree

FORBIDDEN = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic",
    "os.environ", "os.getenv", "np.random.seed", "np.random.rand", "np.random.randn", "np.random.normal",
    "np.random.random", "np.random.uniform", "np.random.choice", "np.random.integers", "uuid.uuid4", "uuid.uuid1",
    "builtins.open", "socket.socket",
}  # fmt: skip
UNSEEDED = {"np.random.default_rng", "numpy.random.default_rng", "default_rng", "PCG64", "np.random.PCG64"}
WALL_TIME = {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time"}
WALL_TIME_ALLOWED = ("shared/quantsentinel/adapters/", "shared/quantsentinel/cli/", "shared/quantsentinel/wiring/")
ENVIRONMENT_ALLOWED = (
    "shared/quantsentinel/cli/",
    "shared/quantsentinel/wiring/",
    "shared/quantsentinel/entry.py",
)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _impure(path: Path) -> list[str]:
    found = []
    for node in ast.walk(tree(path)):
        name = _dotted(node) if isinstance(node, ast.Attribute) else ""
        if any(name == item or name.endswith("." + item) for item in FORBIDDEN):
            found.append(f"{relative(path)}:{node.lineno} {name}")
        if isinstance(node, ast.Call) and _dotted(node.func) in UNSEEDED and not (node.args or node.keywords):
            found.append(f"{relative(path)}:{node.lineno} {_dotted(node.func)}() without a seed")
    return found


def _uses(names: set[str], allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{relative(path)}:{node.lineno} {_dotted(node)}"
        for path in python_files("shared/quantsentinel")
        if not relative(path).startswith(allowed)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and _dotted(node) in names
    ]


def test_the_pure_core_has_files_to_look_at() -> None:
    assert len(pure_files()) >= 40


def test_nothing_before_the_ports_reads_a_clock_the_environment_or_unseeded_randomness() -> None:
    assert not [line for path in pure_files() for line in _impure(path)]


def test_wall_time_is_read_by_clocks_and_people_only() -> None:
    assert not _uses(WALL_TIME, WALL_TIME_ALLOWED)


def test_the_environment_is_read_where_a_process_begins_and_nowhere_else() -> None:
    assert not _uses({"os.environ", "os.getenv"}, ENVIRONMENT_ALLOWED)


@pytest.mark.parametrize(
    "code", ["import datetime\nx = datetime.datetime.now()", "y = np.random.default_rng()", "z = os.environ['A']"]
)
def test_the_check_itself_sees_an_impure_line(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "impure.py"
    file.write_text(code)
    monkeypatch.setattr("tests.architecture.test_purity.relative", lambda path: path.name)
    assert _impure(file)
