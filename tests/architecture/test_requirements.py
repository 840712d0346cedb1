"""The locked requirement files: every line hashed, no address, nothing of the batch in what a function gets."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT

GROUPS = ("installer", "serve", "batch", "dev")
BATCH_ONLY = {
    "pandas",
    "pyarrow",
    "scikit-learn",
    "statsmodels",
    "arch",
    "shap",
    "matplotlib",
    "torch",
    "xgboost",
    "uv",
}


def _pinned(group: str) -> dict[str, str]:
    """Package -> its whole entry, hashes included."""
    text = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^\s+#.*\n?", "", text))
    return {re.split(r"[=\[ ]", entry, maxsplit=1)[0]: entry for entry in entries if entry.strip()}


@pytest.mark.parametrize("group", GROUPS)
def test_every_requirement_is_pinned_and_hashed_and_names_no_address(group: str) -> None:
    pinned = _pinned(group)
    assert pinned
    for name, entry in pinned.items():
        assert re.match(rf"{re.escape(name)}==\S+", entry), entry
        assert "--hash=sha256:" in entry, name
        assert "://" not in entry, name
        assert "--index" not in entry, name


def test_the_groups_contain_each_other_with_the_same_versions() -> None:
    for smaller, larger in (("serve", "batch"), ("batch", "dev"), ("installer", "dev")):
        inner, outer = _pinned(smaller), _pinned(larger)
        assert {name: entry.split()[0] for name, entry in inner.items()} == {
            name: outer[name].split()[0] for name in inner
        }


def test_a_serving_function_gets_no_batch_library() -> None:
    assert not BATCH_ONLY & set(_pinned("serve"))


def test_every_declared_dependency_is_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[dependency-groups]")[1].split("[tool.")[0]
    declared = {re.split(r"[=<>\[]", name)[0].lower() for name in re.findall(r'"([A-Za-z][^"]*)"', section)}
    assert declared - {"serve", "batch", "installer"} <= set(_pinned("dev"))
