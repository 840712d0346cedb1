"""Small enough to read: the sizes of `docs/adr/0003`, with the exceptions that have a reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.architecture.sources import CODE_FOLDERS, functions, python_files, relative

FUNCTION_LINES, TEST_LINES, FILE_LINES, PARAMETERS, MAIN_LINES = 40, 25, 300, 6, 30
COMMANDS = "shared/quantsentinel/cli/"
"""A Typer command's parameters are its options: the signature is the help text."""

EXCEPTIONS: Mapping[str, str] = {
    "shared/quantsentinel/market/snapshot.py::Snapshot.build": "the columns and header of a chain, all by keyword: a "
    "value object for them would be the snapshot itself",
}
"""`path` or `path::function` -> why it may be larger. A line here that is no longer needed fails the test."""


def _is_test(path: str) -> bool:
    return path.startswith("tests/")


def _oversized() -> dict[str, str]:
    found = {}
    for file in python_files(*CODE_FOLDERS):
        path = relative(file)
        length = len(file.read_text(encoding="utf-8").splitlines())
        limit = MAIN_LINES if path.startswith("functions/") else FILE_LINES
        if length > limit:
            found[path] = f"{length} lines, at most {limit}"
        for function in functions(file):
            limit = (
                TEST_LINES
                if _is_test(path) and function.name.rpartition(".")[2].startswith("test_")
                else FUNCTION_LINES
            )
            if function.lines > limit:
                found[f"{path}::{function.name}"] = f"{function.lines} lines, at most {limit}"
            if function.parameters > PARAMETERS and not path.startswith((COMMANDS, "tests/")):
                found[f"{path}::{function.name}"] = f"{function.parameters} parameters, at most {PARAMETERS}"
    return found


def test_functions_files_and_parameter_lists_are_small_or_have_a_reason() -> None:
    too_large = {name: size for name, size in _oversized().items() if name not in EXCEPTIONS}
    assert not too_large, "\n".join(f"{name}: {size}" for name, size in too_large.items())


def test_no_exception_is_stale_or_without_a_reason() -> None:
    needed = _oversized()
    assert not [name for name in EXCEPTIONS if name not in needed]
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc", "manager", "engine", "service"])
def test_no_module_is_named_after_nothing(word: str) -> None:
    named = [relative(path) for path in python_files("shared/quantsentinel") if word in path.stem.split("_")]
    assert not named
