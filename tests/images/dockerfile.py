"""What a Dockerfile says, and the rules that ours keeps: read as text, since they hold before anybody builds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|CREDENTIAL|PRIVATE|(^|_)KEY($|_)", re.IGNORECASE)
ADDRESS = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|pypi", re.IGNORECASE)
DEPLOYED = ("serve", "batch")


@dataclass(frozen=True, slots=True)
class Instruction:
    """`word` in capitals; `stage` is the stage that it stands in, empty before the first FROM."""

    stage: str
    word: str
    rest: str


def read(text: str) -> list[Instruction]:
    """The instructions in order; comments are gone, continued lines are joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found, stage = [], ""
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word:
            continue
        if word.upper() == "FROM":
            stage = rest.split()[-1]
        found.append(Instruction(stage, word.upper(), " ".join(rest.split())))
    return found


def problems(text: str) -> list[str]:
    """Every rule that is broken, with its instruction; empty when all hold."""
    said = read(text)
    return [*_bases(said), *_sources(said), *_pips(said), *_secrets(said), *_runtime(said)]


def _bases(said: list[Instruction]) -> Iterator[str]:
    defaults = dict(item.rest.partition("=")[::2] for item in said if item.word == "ARG" and not item.stage)
    stages = {item.stage for item in said if item.word == "FROM"}
    for item in said:
        if item.word == "FROM":
            base = item.rest.split()[0]
            named = re.fullmatch(r"\$\{(\w+)\}", base)
            image = defaults.get(named[1], "") if named else base
            if image not in stages and not DIGEST.search(image):
                yield f"FROM {base}: not pinned by digest ({image or 'no default'})"


def _sources(said: list[Instruction]) -> Iterator[str]:
    for item in said:
        if item.word == "ADD":
            yield f"ADD {item.rest}: COPY takes files, and nothing is fetched while building"
        if item.word == "COPY" and "." in item.rest.split()[:-1]:
            yield f"COPY {item.rest}: names the whole folder instead of what is needed"
        if ADDRESS.search(item.rest):
            yield f"{item.word} {item.rest}: names an address or an index"


def _pips(said: list[Instruction]) -> Iterator[str]:
    for item in said:
        for command in re.split(r"&&|;", item.rest) if item.word == "RUN" else []:
            is_pip = re.search(r"\bpip\b.* install\b", command)
            if is_pip and "--require-hashes" not in command and "--no-index" not in command:
                yield f"RUN {command.strip()}: installs without --require-hashes"


def _secrets(said: list[Instruction]) -> Iterator[str]:
    for item in said:
        if item.word in ("ENV", "ARG"):
            names = [pair.partition("=")[0] for pair in item.rest.split()]
            yield from (
                f"{item.word} {name}: a secret does not belong in an image" for name in names if SECRET.search(name)
            )


def _runtime(said: list[Instruction]) -> Iterator[str]:
    for stage in DEPLOYED:
        chain = _chain(said, stage)
        if not chain:
            yield f"no stage {stage}"
            continue
        users = [item.rest for item in chain if item.word == "USER"]
        if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
            yield f"{stage}: USER {users[-1] if users else 'root'}: a number that is not 0"
        environ = " ".join(item.rest for item in chain if item.word == "ENV")
        if "PYTHONDONTWRITEBYTECODE=1" not in environ:
            yield f"{stage}: PYTHONDONTWRITEBYTECODE is not set: it would write into a read-only file system"
        starts = [item for item in chain if item.word in ("CMD", "ENTRYPOINT")]
        if not starts or not all(item.rest.startswith("[") for item in starts):
            yield f"{stage}: CMD and ENTRYPOINT as lists: a shell would keep SIGTERM for itself"
        if not _is_compiled(said, f"build-{stage}"):
            yield f"{stage}: no bytecode is compiled after the last COPY of build-{stage}"


def _chain(said: list[Instruction], stage: str) -> list[Instruction]:
    """The stage's instructions after those of the stages that it is made from."""
    own = [item for item in said if item.stage == stage]
    if not own:
        return []
    base = own[0].rest.split()[0]
    return [*_chain(said, base), *own]


def _is_compiled(said: list[Instruction], stage: str) -> bool:
    own = [item for item in said if item.stage == stage]
    return bool(own) and own[-1].word == "RUN" and "compile.sh" in own[-1].rest
