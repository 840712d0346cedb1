"""Dated rule rows: how they are read from TOML, and how one is chosen for a date (their fields: `rule_schema`).

A row says from when to when it holds, where it comes from, and how sure we are. From the tags of its evidence follows
the status (`definitions.md` §2): C, D, measured, or two of P/K/lib -> confirmed; one of P/K/lib -> single_source; X ->
provisional; BG alone -> unverified. A stated `status` wins. After `confirmed_until` a confirmed row serves as
provisional, after `verified_until` it is refused. `adverse` holds what is used while a row is not confirmed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

from quantsentinel.canonical import digest
from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.frozen import dataclass
from quantsentinel.market.rule_schema import KINDS, Status, problems_of, status_from

T_co = TypeVar("T_co", covariant=True)
OVERLAY_FIX = "Add a dated row with its source to a rules overlay file"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What a receipt keeps of a row: `status` is the one on the date asked about."""

    id: str
    source: str
    status: Status
    verified_until: date | None
    effective: date


@dataclass(frozen=True, slots=True)
class Ruled(Generic[T_co]):
    """A value and the row it comes from; `adverse`: the row is not confirmed, the worse candidate was taken."""

    value: T_co
    row: RuleRow
    adverse: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read. `values` are the fields of its kind."""

    kind: str
    id: str
    source: str
    status: Status
    effective: date
    until: date | None
    confirmed_until: date | None
    verified_until: date | None
    values: Mapping[str, Any]
    adverse: Mapping[str, Any]

    def holds(self, on: date) -> bool:
        return self.effective <= on and (self.until is None or on <= self.until)

    def status_on(self, on: date) -> Status:
        if self.status == "confirmed" and self.confirmed_until is not None and on > self.confirmed_until:
            return "provisional"
        return self.status

    def is_usable(self, on: date) -> bool:
        return self.status != "unverified" and (self.verified_until is None or on <= self.verified_until)

    def is_adverse(self, on: date) -> bool:
        return self.status_on(on) != "confirmed"

    def get(self, name: str, on: date) -> Any:
        """The value of a field on a date: the adverse candidate while the row is not confirmed."""
        return self.adverse.get(name, self.values[name]) if self.is_adverse(on) else self.values[name]

    def cite(self, on: date) -> RuleRow:
        return RuleRow(self.id, self.source, self.status_on(on), self.verified_until, self.effective)

    @property
    def end(self) -> date:
        """The last day this row serves."""
        return min(day for day in (self.until, self.verified_until) if day is not None)


@dataclass(frozen=True, slots=True)
class RuleRows:
    """All rows by kind, in the order of reading (an overlay last), and the digest of them all."""

    by_kind: Mapping[str, tuple[Row, ...]]
    digest: str = field(default="")

    def of(self, kind: str) -> tuple[Row, ...]:
        return self.by_kind.get(kind, ())

    def pick(self, kind: str, on: date, where: Callable[[Row], bool] | None = None, **keys: Any) -> Row:
        """The row of a kind that holds on a date and has these field values: the latest effective one.

        Raises `RuleGap` when there is none, or when it is unverified or past its `verified_until`.
        """
        found = [
            row
            for row in self.of(kind)
            if row.holds(on) and all(row.values[name] == value for name, value in keys.items())
        ]
        if where is not None:
            found = [row for row in found if where(row)]
        if not found:
            asked = ", ".join(f"{name} {value}" for name, value in keys.items())
            raise RuleGap(f"no {kind} row for {asked or 'any'} on {on}", where="rule book", fix=OVERLAY_FIX)
        return self.usable(max(enumerate(found), key=lambda item: (item[1].effective, item[0]))[1], on)

    def usable(self, row: Row, on: date) -> Row:
        """The row itself. Raises `RuleGap` when it may not be used on a date."""
        if row.is_usable(on):
            return row
        why = "is unverified" if row.status == "unverified" else f"is verified only until {row.verified_until}"
        raise RuleGap(f"row {row.id} {why}, asked for {on}", where="rule book", fix=OVERLAY_FIX)


def read_rows(overlay: Path | None = None) -> RuleRows:
    """The package's rows and those of an overlay file, which replaces rows of the same id.

    Raises `BadInput` that lists every schema error of every file at once.
    """
    texts = [
        (item.name, item.read_text(encoding="utf-8"))
        for item in sorted(resources.files("quantsentinel.market").joinpath("rules").iterdir(), key=lambda f: f.name)
        if item.name.endswith(".toml")
    ]
    if overlay is not None:
        if not overlay.is_file():
            raise BadInput(f"no such file: {overlay}", where="rules overlay", fix="Name an existing TOML file")
        texts.append((overlay.name, overlay.read_text(encoding="utf-8")))
    return rows_from(texts)


def rows_from(texts: Iterable[tuple[str, str]]) -> RuleRows:
    """Rows from (file name, TOML text) pairs; a later file replaces rows of the same id, one file repeats none."""
    errors: list[str] = []
    rows: dict[str, Row] = {}
    for name, text in texts:
        fresh: dict[str, Row] = {}
        for kind, raw in _raw_rows(name, text, errors):
            where = f"{name}: [[{kind}]] {raw.get('id', '(no id)')}"
            problems = problems_of(kind, raw)
            if raw.get("id") in fresh:
                problems.append("id is repeated in this file")
            errors.extend(f"{where}: {problem}" for problem in problems)
            if not problems:
                fresh[raw["id"]] = _row(kind, raw)
        rows |= fresh
    if errors:
        raise BadInput("; ".join(errors), where="rule book", fix="Correct the rows named above")
    return RuleRows({kind: tuple(row for row in rows.values() if row.kind == kind) for kind in KINDS}, _digest(rows))


def _raw_rows(name: str, text: str, errors: list[str]) -> list[tuple[str, dict[str, Any]]]:
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        errors.append(f"{name}: {error}")
        return []
    errors.extend(f"{name}: unknown table {kind!r}" for kind in tables if kind not in KINDS)
    errors.extend(f"{name}: {kind} must be [[{kind}]]" for kind in tables if not isinstance(tables[kind], list))
    return [
        (kind, raw)
        for kind, items in tables.items()
        if kind in KINDS and isinstance(items, list)
        for raw in items
        if isinstance(raw, dict)
    ]


def _row(kind: str, raw: Mapping[str, Any]) -> Row:
    return Row(
        kind=kind,
        id=raw["id"],
        source=raw["source"],
        status=raw.get("status") or status_from(raw["tags"]),
        effective=raw["effective"],
        until=raw.get("until"),
        confirmed_until=raw.get("confirmed_until"),
        verified_until=raw.get("verified_until"),
        values={name.rstrip("?"): raw.get(name.rstrip("?")) for name in KINDS[kind]},
        adverse=raw.get("adverse", {}),
    )


def _digest(rows: Mapping[str, Row]) -> str:
    return digest({row_id: _plain(row) for row_id, row in rows.items()})


def _plain(row: Row) -> list[str]:
    """Every field as text: TOML has local times, which canonical JSON does not."""
    return [str(part) for part in (row.kind, row.source, row.status, row.effective, row.until, row.confirmed_until)] + [
        str(row.verified_until),
        str(sorted(row.values.items())),
        str(sorted(row.adverse.items())),
    ]
