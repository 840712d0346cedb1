"""The receipt of one guard, switch or wall that actually ran, and all of a decision together.

A guard answers the same to whoever asks it with the same inputs, so its receipt names no decision; `Verdicts` are
receipts under the stamp of the decision that they were asked for. Hashes and stamps are written when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, overload

from quantsentinel.canonical import canonical_text, quoted
from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass, draft_of, evolve


class Outcome(StrEnum):
    PASSED = "passed"
    LIMITED = "limited"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


_PASSED, _BLOCKED, _UNKNOWN = Outcome.PASSED, Outcome.BLOCKED, Outcome.UNKNOWN

Measured = float | str | None
"""What a guard measured or compared with: a number, a text, or None when it could not be measured."""


class _Evidence:
    """Slots beside a verdict's fields: the stamp of its decision (empty without one), what its hash is taken of, and
    its canonical text before and after the place of a stamp that it has not got.

    A decision makes some hundred verdicts, and most of them are read when its row is written or never: `input_hash` is
    an empty slot until then. A verdict that was written field by field has its hash and no evidence.
    """

    __slots__ = ("decision", "evidence", "text")

    if TYPE_CHECKING:
        decision: str | None
        evidence: tuple[object, ...] | Verdict
        text: tuple[str, str]
    else:

        def __getattr__(self, name: str) -> Any:
            """Asked for empty slots only."""
            if name == "input_hash":
                made = _hash_of(self)
            elif name == "text":
                made = _text_of(self)
            elif name == "decision":
                stamp, dot, _ = self.input_hash.partition(".")
                made = stamp if dot else None
            else:
                raise AttributeError(name)
            object.__setattr__(self, name, made)
            return made


@dataclass(frozen=True, slots=True)
class Verdict(_Evidence):
    """One guard's answer.

    `measured` and `limit` share `unit`; `input_hash` is `<stamp>.<digest of what the guard saw>`, the stamp empty as
    long as the answer belongs to no decision; `detail` is a sentence for people. `risk.receipt` writes the hundred of a
    decision faster than this class does.
    """

    guard: str
    version: int
    outcome: Outcome
    measured: Measured
    limit: Measured
    unit: str
    input_hash: str
    detail: str = ""

    @property
    def stops(self) -> bool:
        """Unknown means no."""
        # Identity: a set would ask for the hash of an Enum, which is slow, some hundred times a decision.
        return self.outcome is _BLOCKED or self.outcome is _UNKNOWN


def _hash_of(verdict: Verdict) -> str:
    seen = verdict.evidence
    if isinstance(seen, Verdict):
        return f"{verdict.decision}{seen.input_hash}"
    return f".{blake2b(f'{verdict.guard}{seen!r}'.encode(), digest_size=16).hexdigest()}"


def _text_of(verdict: Verdict) -> tuple[str, str]:
    """Field by field, which takes half the time of `canonical_text`."""
    return (
        f'{{"detail":{quoted(verdict.detail)},"guard":{quoted(verdict.guard)},"input_hash":"',
        f'{quoted(verdict.input_hash)[1:]},"limit":{canonical_text(verdict.limit)},'
        f'"measured":{canonical_text(verdict.measured)},"outcome":{quoted(verdict.outcome)},'
        f'"unit":{quoted(verdict.unit)},"version":{verdict.version}}}',
    )


_Draft = draft_of(Verdict)


def signed(decision: str, verdict: Verdict) -> Verdict:
    """The receipt of this decision; what is one of a decision, or of none ever, as it is."""
    if verdict.decision != "":
        return verdict
    draft: Any = _Draft()
    draft.guard, draft.version, draft.outcome = verdict.guard, verdict.version, verdict.outcome
    draft.measured, draft.limit, draft.unit = verdict.measured, verdict.limit, verdict.unit
    draft.detail, draft.decision, draft.evidence = verdict.detail, decision, verdict
    draft.__class__ = Verdict
    made: Verdict = draft
    return made


class Verdicts(Sequence[Verdict]):
    """Verdicts of one decision, in the order in which they were asked for.

    `said` is what the guards said to anybody, shared by tenants wherever it is the same; who reads a verdict gets it
    under the stamp of `decision`.
    """

    __slots__ = ("decision", "said")

    def __init__(self, decision: str, said: tuple[Verdict, ...]) -> None:
        self.decision, self.said = decision, said

    def __len__(self) -> int:
        return len(self.said)

    def __iter__(self) -> Iterator[Verdict]:
        decision = self.decision
        return iter([signed(decision, verdict) for verdict in self.said])

    @overload
    def __getitem__(self, place: int) -> Verdict: ...
    @overload
    def __getitem__(self, place: slice) -> Verdicts: ...
    def __getitem__(self, place: int | slice) -> Verdict | Verdicts:
        if isinstance(place, slice):
            return Verdicts(self.decision, self.said[place])
        return signed(self.decision, self.said[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdicts) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def texts(self) -> Iterator[str]:
        """The canonical text of each. Tenants share what is around their stamps."""
        decision = self.decision
        for verdict in self.said:
            before, after = verdict.text
            yield f"{before}{decision}{after}" if verdict.decision == "" else f"{before}{after}"

    def retold(self, guard: str, detail: str) -> Verdicts:
        """With another sentence of one guard."""
        told = [evolve(one, detail=detail) if one.guard == guard else one for one in self.said]
        return Verdicts(self.decision, tuple(told))


def first_stop(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The canonical reason: the first verdict that blocks or is unknown. Raises `Broken` when nothing was asked."""
    if isinstance(verdicts, Verdicts):
        found = first_stop(verdicts.said)
        return None if found is None else signed(verdicts.decision, found)
    asked = None
    for asked in verdicts:
        outcome = asked.outcome
        if outcome is not _PASSED and (outcome is _BLOCKED or outcome is _UNKNOWN):
            return asked
    if asked is None:
        raise Broken("no guard was asked", where="verdict.first_stop", fix="An empty registry never passes")
    return None
