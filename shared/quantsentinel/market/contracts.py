"""Data contracts: what each source promises about its clock, its delay, its units and the methods behind its numbers.

`definitions.md` §1-2. The contracts are data (`contracts.toml` beside this file): a field says in which unit the source
prints it and which dated methods its values hang on. What a method's change means for a window is in `windows.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quantsentinel.errors import BadInput, Broken
from quantsentinel.frozen import dataclass
from quantsentinel.market.snapshot import Capability

MIN_LAG_S = -5.0
"""Clocks of two machines differ: an exchange time up to 5 s after the receipt is still believed."""
Clock = Literal["exchange", "receipt", "session"]
Kind = Literal["chain", "bars", "end_of_day", "positions"]


class Unit(StrEnum):
    """The unit in which a source prints a field."""

    POINTS = "points"
    RUPEES = "rupees"
    RUPEES_LAKH = "rupees_lakh"
    LOTS = "lots"
    UNITS = "units"
    PERCENT_ANNUAL = "percent_annual"
    FRACTION_ANNUAL = "fraction_annual"
    FRACTION_DAILY = "fraction_daily"
    POINTS_PER_POINT = "points_per_point"
    PER_POINT = "per_point"
    POINTS_PER_DAY = "points_per_day"
    POINTS_PER_YEAR = "points_per_year"
    POINTS_PER_VOL_POINT = "points_per_vol_point"
    POINTS_PER_UNIT_VOL = "points_per_unit_vol"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class FieldContract:
    """`methods` name the dated methods on which the values hang."""

    unit: Unit
    note: str = ""
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodVersion:
    """From `effective` on (and for `underlying` only, when it names one) the method means `what`."""

    name: str
    version: int
    effective: date
    what: str
    evidence: str
    underlying: str = ""


@dataclass(frozen=True, slots=True)
class DataContract:
    """`clock`: "exchange" the payload carries the exchange's time, "receipt" only we know when it came, "session" it
    belongs to a session and is known `max_lag_s` after its close. `method_versions` are those of its fields' methods.
    """

    source: str
    version: int
    kind: Kind
    clock: Clock
    max_lag_s: float
    nominal_interval_s: float
    capability: Capability
    fields: Mapping[str, FieldContract]
    method_versions: tuple[MethodVersion, ...]

    @property
    def max_gap_s(self) -> float:
        """Session seconds without an accepted snapshot after which the stale-data switch trips."""
        return max(60.0, 3 * self.nominal_interval_s)

    def field(self, name: str) -> FieldContract:
        """Raises `BadInput` for a field that the source does not print."""
        try:
            return self.fields[name]
        except KeyError:
            known = ", ".join(self.fields)
            raise BadInput(f"no field {name!r}", where=f"contract of {self.source}", fix=f"Known: {known}") from None

    @property
    def oi(self) -> Unit:
        """The unit of open interest and its change."""
        return self.field("oi").unit

    @property
    def volume(self) -> Unit:
        return self.field("volume").unit

    @property
    def sizes(self) -> Unit:
        return self.field("bid_size").unit

    def methods_of(self, names: Iterable[str], underlying: str) -> tuple[MethodVersion, ...]:
        """The versions behind these fields for one underlying, by method, then date."""
        wanted = {method for name in names for method in self.field(name).methods}
        return tuple(
            version
            for version in self.method_versions
            if version.name in wanted and version.underlying in ("", underlying)
        )


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Field(_Row):
    unit: Unit
    note: str = ""
    methods: tuple[str, ...] = ()


class _Method(_Row):
    name: str = Field(min_length=1)
    version: int = Field(ge=1)
    effective: date
    what: str = Field(min_length=1)
    evidence: str = Field(min_length=1)
    underlying: str = ""


class _Source(_Row):
    source: str = Field(min_length=1)
    version: int = Field(ge=1)
    kind: Kind
    clock: Clock
    max_lag_s: float = Field(gt=0)
    nominal_interval_s: float = Field(gt=0)
    capability: Capability
    fieldset: str


class _File(_Row):
    method: tuple[_Method, ...]
    fieldset: Mapping[str, Mapping[str, _Field]]
    source: tuple[_Source, ...] = Field(min_length=1)


def read_contracts(text: str) -> Mapping[str, DataContract]:
    """Contracts by source from TOML. Raises `BadInput` that lists everything that is wrong."""
    try:
        file = _File.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadInput(str(error), where="data contracts", fix="Correct the rows named above") from None
    methods = sorted((_version(row) for row in file.method), key=lambda m: (m.name, m.underlying, m.version))
    problems = [*_method_problems(methods), *_source_problems(file, {method.name for method in methods})]
    if problems:
        raise BadInput("; ".join(problems), where="data contracts", fix="Correct the rows named above")
    return {row.source: _contract(row, file, methods) for row in file.source}


def _version(row: _Method) -> MethodVersion:
    return MethodVersion(row.name, row.version, row.effective, row.what, row.evidence, row.underlying)


def _method_problems(methods: list[MethodVersion]) -> list[str]:
    """Versions of one method count 1, 2, 3… and their dates ascend."""
    problems = [
        f"method {later.name} {later.underlying}: version {later.version} does not follow {before.version} by date"
        for before, later in pairwise(methods)
        if (before.name, before.underlying) == (later.name, later.underlying)
        and (later.version != before.version + 1 or later.effective <= before.effective)
    ]
    first = {(method.name, method.underlying): method for method in reversed(methods)}
    return problems + [
        f"method {name}: its first version is {m.version}" for (name, _), m in first.items() if m.version != 1
    ]


def _source_problems(file: _File, methods: set[str]) -> list[str]:
    names = [row.source for row in file.source]
    problems = [f"source {name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [
        f"source {row.source}: no fieldset {row.fieldset}" for row in file.source if row.fieldset not in file.fieldset
    ]
    problems += [
        f"fieldset {group}: field {name} names an unknown method {method}"
        for group, fields in file.fieldset.items()
        for name, field in fields.items()
        for method in field.methods
        if method not in methods
    ]
    return problems


def _contract(row: _Source, file: _File, methods: Iterable[MethodVersion]) -> DataContract:
    fields = {
        name: FieldContract(field.unit, field.note, field.methods)
        for name, field in file.fieldset[row.fieldset].items()
    }
    used = {method for field in fields.values() for method in field.methods}
    return DataContract(
        source=row.source,
        version=row.version,
        kind=row.kind,
        clock=row.clock,
        max_lag_s=row.max_lag_s,
        nominal_interval_s=row.nominal_interval_s,
        capability=row.capability,
        fields=fields,
        method_versions=tuple(method for method in methods if method.name in used),
    )


def _packaged() -> Mapping[str, DataContract]:
    text = resources.files("quantsentinel.market").joinpath("contracts.toml").read_text(encoding="utf-8")
    try:
        return read_contracts(text)
    except BadInput as error:
        raise Broken(error.what, where="contracts.toml", fix=error.fix) from None


CONTRACTS: Mapping[str, DataContract] = _packaged()
"""By source: the chains that are polled and the series that are imported."""


def contract_for(source: str) -> DataContract:
    """Raises `BadInput` for a source nobody has described."""
    try:
        return CONTRACTS[source]
    except KeyError:
        raise BadInput(f"no data contract for source {source!r}", fix=f"Known: {', '.join(CONTRACTS)}") from None
