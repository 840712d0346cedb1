"""Who signals may be for: the installation's declared mode, each account's declared relation, and the legal basis.

Facts in `india-facts.md` §5: recommendations to others are research-analyst activity, family is self, spouse, dependent
children and parents, and live prices for others' paper trading need a legal agreement. One mode an installation; the
`distribution` switch enforces it at the point of issue, and the line that every message carries follows from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


class DistributionMode(StrEnum):
    OWN_ACCOUNT = "own_account"
    PAPER = "paper"
    REGISTERED = "registered"


class Relation(StrEnum):
    """Of the account's holder to whoever runs the installation, as declared."""

    UNDECLARED = "undeclared"
    SELF = "self"
    SPOUSE = "spouse"
    DEPENDENT_CHILD = "dependent_child"
    DEPENDENT_PARENT = "dependent_parent"
    THIRD_PARTY = "third_party"


FAMILY = frozenset({Relation.SELF, Relation.SPOUSE, Relation.DEPENDENT_CHILD, Relation.DEPENDENT_PARENT})


UNCOUNTED = 100_000
"""A replay's made-up tenants are not counted: nothing of theirs leaves the machine."""


class LegalRow(BaseModel):
    """Why third parties may be served in a mode, from `effective` to `until`; `basis` names law, licence or contract.

    `registration` is the research analyst's number that the basis was given to; needed for `registered`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    mode: DistributionMode
    basis: str
    source: str
    effective: date
    until: date
    registration: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """`own_accounts`: how many declared self or family accounts the installation takes."""

    mode: DistributionMode = DistributionMode.OWN_ACCOUNT
    registration: str = ""
    legal: tuple[LegalRow, ...] = ()
    own_accounts: int = 5

    @property
    def plain(self) -> list[Any]:
        """What decides, as plain JSON; how many accounts are let in is asked at the door only."""
        return [self.mode.value, self.registration, [row.model_dump(mode="json") for row in self.legal]]

    @classmethod
    def of(cls, plain: Sequence[Any]) -> Distribution:
        """The inverse of `plain`. Raises `ValueError` for anything else."""
        mode, registration, legal = plain
        return cls(DistributionMode(mode), registration, tuple(LegalRow.model_validate(row) for row in legal))

    def basis(self, on: date) -> LegalRow | None:
        """The row that lets third parties be served in this mode on a day, or None."""
        return next((row for row in self.legal if self._fits(row, on)), None)

    def _fits(self, row: LegalRow, on: date) -> bool:
        if row.mode is not self.mode or not row.effective <= on <= row.until:
            return False
        return self.mode is not DistributionMode.REGISTERED or (row.registration == self.registration != "")


class _Rows(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    legal: tuple[LegalRow, ...] = ()


def read_legal_rows(path: Path | None) -> tuple[LegalRow, ...]:
    """The `[[legal]]` rows of a TOML file; none without one. Raises `BadInput` naming what does not fit."""
    if path is None:
        return ()
    try:
        rows = _Rows.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).legal
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot read the legal rows: {error}", where=str(path)) from None
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise BadInput("; ".join(lines), where=str(path), fix=f"Fields: {', '.join(LegalRow.model_fields)}") from None
    _require_words(rows, path)
    return rows


def _require_words(rows: Sequence[LegalRow], path: Path) -> None:
    """A row that names no basis is none."""
    empty = [row.id for row in rows if not (row.id.strip() and row.basis.strip() and row.source.strip())]
    turned = [row.id for row in rows if row.until < row.effective]
    if empty or turned:
        what = f"rows without words {empty}, rows that end before they begin {turned}"
        raise BadInput(what, where=str(path), fix="id, basis and source in words; effective <= until")


WARNING = (
    "Investment in securities market are subject to market risks. Read all the related documents carefully before "
    "investing."
)
"""The standard warning, unedited (SEBI's advertisement code of 2023-04-05)."""
MODEL = "Computed by an automated statistical model; margins are estimates and costs are included."
DISCLOSURES = {
    DistributionMode.OWN_ACCOUNT: (
        "own_account/1",
        "For the account holder's own trading only, not a recommendation to others. Not SEBI-registered. {model}",
    ),
    DistributionMode.PAPER: (
        "paper/1",
        "Paper trading for education: not a recommendation, no order is meant. Not SEBI-registered. {model}",
    ),
    DistributionMode.REGISTERED: (
        "registered/1",
        "SEBI-registered research analyst, registration {registration}. {warning} {model}",
    ),
}
"""(version, text) by mode: a changed text is a new version, so that what was sent can be shown later."""


def disclosure(mode: DistributionMode, registration: str = "") -> str:
    """The line every message carries, by declared mode (`conventions.md` §6)."""
    return DISCLOSURES[mode][1].format(registration=registration, warning=WARNING, model=MODEL)


def disclosure_version(mode: DistributionMode) -> str:
    return DISCLOSURES[mode][0]
