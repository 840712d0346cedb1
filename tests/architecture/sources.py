"""The project's own Python files, and their functions, as the architecture tests see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared" / "quantsentinel"
CODE_FOLDERS = ("shared/quantsentinel", "functions", "emulators", "tests")
PURE = (
    "errors.py", "units.py", "canonical.py", "frozen.py", "verdict.py", "pricing", "market", "volatility", "integrity",
    "simulator", "circumstances.py", "desk.py", "features", "models", "alpha", "costs", "opportunity", "accounts",
    "portfolio", "risk", "signals", "audit", "pipeline.py",
)  # fmt: skip
"""Everything before `ports` in the order of the layers."""


@dataclass(frozen=True)
class Function:
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def lines(self) -> int:
        """From `def` to the last line, without the docstring: numerics explain themselves at length."""
        docstring = self.node.body[0]
        length = (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1
        if len(self.node.body) > 1 and ast.get_docstring(self.node) is not None:
            length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
        return length

    @property
    def parameters(self) -> int:
        arguments = self.node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return len([argument for argument in named if argument.arg not in ("self", "cls")])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the folders, by path."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts
    )


def pure_files() -> list[Path]:
    """The files of every package that stands before the ports."""
    found: list[Path] = []
    for name in PURE:
        path = PACKAGE / name
        found.extend([path] if path.suffix == ".py" else sorted(path.rglob("*.py")))
    return found


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, named `Class.method` or `outer.inner`."""
    yield from _functions(tree(path), "")


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(prefix + child.name, child)
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _functions(child, f"{prefix}{child.name}." if named else prefix)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
