"""The scenarios of `terraform/policies/*.feature`, one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from emulators.lifetime import ROOT

FEATURES = ROOT / "terraform" / "policies"
NEGATIVE = ROOT / "tests" / "policies" / "negative"
HEAD = re.compile(r"^  (?:@(?P<tag>\w+)\n  )?Scenario: (?P<name>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`text` is a feature file that holds this scenario alone."""

    feature: str
    name: str
    must_apply: bool
    """A plan to which the scenario does not apply fails it: otherwise a renamed resource would pass for ever."""
    text: str

    @property
    def slug(self) -> str:
        return slug(self.name)


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def scenarios(folder: Path = FEATURES) -> tuple[Scenario, ...]:
    return tuple(one for path in sorted(folder.glob("*.feature")) for one in _of(path))


def _of(path: Path) -> list[Scenario]:
    text = path.read_text(encoding="utf-8")
    heads = list(HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        Scenario(path.stem, head["name"], head["tag"] == "noskip", _alone(text, head, end))
        for head, end in zip(heads, ends, strict=True)
    ]


def _alone(text: str, head: re.Match[str], end: int) -> str:
    return text[: text.index("\n") + 1] + "\n" + text[head.start() : end]
