"""The runbook can be pasted: its `qs` commands and options exist, its cloud resources are those of the map."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from emulators.function_map import load_map
from quantsentinel.cli.main import app
from tests.architecture.sources import ROOT

TEXT = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", TEXT, re.S | re.M)
KNOWN = load_map()
SECTIONS = (
    "First deploy from an empty project",
    "Rotate the broker's token",
    "Fitted parts",
    "Restore drill",
    "Region loss",
    "Leaked webhook secret",
    "Noisy tenant",
    "A poisoned queue",
)


def lines() -> list[str]:
    return [line.strip() for block in BLOCKS for line in block.splitlines() if line.strip()]


def qs_commands() -> Iterator[list[str]]:
    """Words of every `qs` command, also of two in a line and of one inside `$( )`."""
    for line in lines():
        code = line.split(" #")[0]
        inner = [found.removeprefix("$(").removesuffix(")") for found in re.findall(r"\$\([^)]*\)", code)]
        for part in re.split(r"&&|;|\|", " ; ".join([re.sub(r"\$\([^)]*\)", "https://x.example", code), *inner])):
            words = part.strip().removeprefix("do ").strip()
            if words.startswith("qs "):
                yield shlex.split(words)[1:]


def resolved(words: list[str]) -> Any:
    """Parses the words as the command line would, without running anything."""
    command: Any = get_command(app)
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands, f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    return command.make_context("qs", words)


@pytest.mark.parametrize("words", list(qs_commands()), ids=" ".join)
def test_every_command_of_the_runbook_exists_with_its_options(words: list[str]) -> None:
    assert resolved(words).command.callback is not None


def test_the_check_would_notice_a_command_or_an_option_that_does_not_exist() -> None:
    assert len(list(qs_commands())) >= 25
    with pytest.raises(AssertionError, match="no command"):
        resolved(["restore", "everything"])
    for words in (["restore", "check", "--everything"], ["tenants", "pause"]):
        with pytest.raises(Exception, match=r"(?i)no such option|missing (argument|parameter)"):
            resolved(words)


def test_the_runbook_has_every_section() -> None:
    assert tuple(re.findall(r"^## (.*)$", TEXT, re.M)) == SECTIONS


# --- Names in the cloud ---
def named(pattern: str) -> set[str]:
    found = {name for line in lines() for name in re.findall(pattern, line)}
    assert found, f"nothing is found by {pattern}: the check would check nothing"
    return found


def test_services_jobs_and_schedules_are_those_of_the_map() -> None:
    known = {KNOWN.service_account(name) for name in (*KNOWN.functions, *KNOWN.jobs)}
    assert named(r"(?<![-\w])qs-[a-z-]*[a-z]") <= known
    beating = {KNOWN.service_account(name) for name in KNOWN.scheduled()}
    loops = [line for line in lines() if "scheduler jobs" in line]
    assert loops
    assert {name for line in loops for name in re.findall(r"qs-[a-z-]*[a-z]", line)} == beating


def test_buckets_secrets_topics_and_subscriptions_are_those_of_the_map() -> None:
    assert named(r"gs://\$PROJECT-qs-([a-z]+)") <= set(KNOWN.buckets)
    added = named(r"secrets versions (?:add|list) ([a-z-]+)") | named(r"--secret=([a-z-]+)")
    assert added == set(KNOWN.secrets)
    assert named(r"pubsub topics publish (\S+)") <= set(KNOWN.topics())
    dead = {KNOWN.dead_letter_topic(name) for name in KNOWN.listening()}
    assert named(r"pubsub subscriptions pull (\S+)") <= dead


def test_terraform_addresses_and_outputs_exist() -> None:
    for module, kind, name in named(r"module\.platform\.module\.(\w+)(?:\.(\w+)\.(\w+))?"):
        files = list((ROOT / "terraform" / "modules" / module).glob("*.tf"))
        assert files, module
        wanted = f'resource "{kind}" "{name}"' if kind else ""
        assert wanted in "".join(path.read_text(encoding="utf-8") for path in files)
    outputs = (ROOT / "terraform" / "envs" / "prod" / "outputs.tf").read_text(encoding="utf-8")
    for name, function in named(r"output -json (\w+) \| jq -r \.(\w+)"):
        assert f'output "{name}"' in outputs
        assert KNOWN.functions[function].trigger.kind == "http"


def test_files_that_the_runbook_names_exist() -> None:
    files = set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:md|ya?ml|py|json|tfvars))`", TEXT)) - {"prod.tfvars"}
    assert len(files) >= 4
    assert not [name for name in files if not (ROOT / name).is_file() and not (ROOT / "docs" / name).is_file()]
