"""What an importer declares and what it hands back: blemishes as data, parts of datasets, rejected rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from quantsentinel.frozen import dataclass
from quantsentinel.market.importers.document import Document
from quantsentinel.market.rulebook import RuleBook

if TYPE_CHECKING:
    import polars as pl

Treatment = Literal["kept", "flagged", "converted", "refused"]


@dataclass(frozen=True, slots=True)
class Blemish:
    """A known fault of a source. `kept`: stored as it came, `flagged`: also named on its row, `converted`: changed as
    `note` says, `refused`: not stored but kept under `rejected/` with the reason."""

    name: str
    treatment: Treatment
    note: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """`row` is the first input row (1 is the first line of a text), `rows` how many; `content` as the input has it."""

    row: int
    rows: int
    reason: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one partition of one dataset; `partition` is the path below the dataset."""

    dataset: str
    underlying: str
    partition: str
    frame: pl.DataFrame
    digest: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    parts: tuple[Part, ...]
    rejected: tuple[Rejection, ...]
    touched: Mapping[str, int]
    """Rows by the name of the blemish, only those that were met."""


@dataclass(frozen=True, slots=True)
class Request:
    """A document to import; `underlying` is what the user says it is, empty when the document is to say."""

    document: Document
    rules: RuleBook
    underlying: str = ""
    wanted: frozenset[str] = frozenset()
    """Only these underlyings of a document that holds many; empty for all."""


@dataclass(frozen=True, slots=True)
class Importer:
    """`matches` looks at a document's layout only; `read` raises `BadInput` when nothing in it can be used."""

    name: str
    version: int
    holds: str
    """In words, for people."""
    blemishes: tuple[Blemish, ...]
    matches: Callable[[Document], bool]
    read: Callable[[Request], Imported]
    needs_rules: bool = False
    """Its result depends on the rule book: other rules mean another import."""


class Tally:
    """Counts blemishes and collects rejected rows while a document is read."""

    def __init__(self, blemishes: tuple[Blemish, ...]) -> None:
        self._known = {item.name for item in blemishes}
        self.touched: Counter[str] = Counter()
        self.rejected: list[Rejection] = []

    def met(self, name: str, rows: int = 1) -> str:
        """Counts `rows` under a declared name and returns it."""
        if name not in self._known:
            raise KeyError(f"{name} is not a declared blemish")
        if rows:
            self.touched[name] += rows
        return name

    def refuse(self, name: str, rejection: Rejection) -> None:
        self.met(name, rejection.rows)
        self.rejected.append(rejection)
