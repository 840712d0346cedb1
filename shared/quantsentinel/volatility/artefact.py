"""A fitted part as it is kept: its table and a card that says where it comes from, named by its bytes' digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from quantsentinel.canonical import canonical_bytes, sha256
from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass
from quantsentinel.market.windows import Break, training_window
from quantsentinel.volatility.parameters import PARTS, with_parts

FORM = 1


@dataclass(frozen=True)
class Artefact:
    """`table` replaces the part's own in `parameters.toml`; `card` is plain JSON."""

    part: str
    table: Mapping[str, Any]
    card: Mapping[str, Any]

    @cached_property
    def encoded(self) -> bytes:
        return canonical_bytes({"form": FORM, "part": self.part, "table": self.table, "card": self.card})

    @cached_property
    def digest(self) -> str:
        return sha256(self.encoded)

    @property
    def trained_to(self) -> date:
        return trained_to(str(self.table["trained"]))

    @property
    def beats_rule(self) -> bool:
        return bool(self.card["beats_rule"])

    def require_one_definition(self, alarms: Sequence[Break] = ()) -> None:
        """By the data contracts of today and by `alarms` that nobody has explained: what was found after the fit counts
        too. Raises `BadInput`."""
        for source, row in self.card["sources"].items():
            training_window(source, row["fields"], date.fromisoformat(row["first"]), self.trained_to, None, alarms)


def trained_to(span: str) -> date:
    """`2011-01-03..2026-05-27` ends on the second day. Raises `BadInput` for anything else."""
    try:
        return date.fromisoformat(span.rpartition("..")[2])
    except ValueError:
        raise BadInput(f"{span!r} is no span of days", where="trained") from None


def decode_artefact(data: bytes, digest: str, where: str) -> Artefact:
    """Raises `Broken` for bytes that the digest does not name, or a table that cannot serve."""
    if sha256(data) != digest:
        raise Broken(f"the content's digest is {sha256(data)}", where=where, fix="It was changed after it was written")
    try:
        raw = json.loads(data)
        if raw["form"] != FORM or raw["part"] not in PARTS:
            raise ValueError(f"form {raw['form']}, part {raw['part']}")
        found = Artefact(raw["part"], raw["table"], raw["card"])
        with_parts({found.part: found.table})
    except (BadInput, ValueError, KeyError, TypeError) as error:
        raise Broken(f"no fitted part: {error}", where=where, fix="Name another artefact: `qs models list`") from None
    return found
