"""Add, change and list tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from quantsentinel.accounts.account import Account, Limits, Mode, Status
from quantsentinel.app.platform import Platform
from quantsentinel.distribution import FAMILY, UNCOUNTED, Relation
from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.stores.tenants import Endpoint
from quantsentinel.units import rupees

MOST_CAPITAL = Decimal(10) ** 12
"""Rupees: more is a slip of the keyboard."""
_WHOLE = "A whole number, zero or more"
_RELATIONS = f"--relation, one of {', '.join(item for item in Relation if item is not Relation.UNDECLARED)}"
_LIMITS = {item.name for item in fields(Limits)}


@dataclass(frozen=True, slots=True)
class TenantRequest:
    """What a person may set. None keeps what is there (or the default when adding)."""

    tenant_id: str
    name: str | None = None
    capital: Decimal | None = None
    mode: str | None = None
    status: str | None = None
    underlyings: tuple[str, ...] | None = None
    limits: Mapping[str, float] | None = None
    expiry_day_premium: bool | None = None
    endpoints: tuple[Endpoint, ...] | None = None
    relation: str | None = None


def add_tenant(platform: Platform, request: TenantRequest) -> Account:
    """Creates a tenant. Raises `BadInput` for a bad value or a tenant that exists."""
    store = platform.tenants.store(request.tenant_id)
    if request.capital is None:
        raise BadInput("capital is missing", where=request.tenant_id, fix="Declare the capital in rupees")
    if platform.documents.get(store.root) is not None:
        raise BadInput("the tenant exists", where=request.tenant_id, fix="Use `qs tenants set` to change it")
    if request.relation is None:
        raise BadInput("the holder's relation is missing", where=request.tenant_id, fix=_RELATIONS)
    now = platform.clock.now()
    blank = Account(
        tenant_id=request.tenant_id,
        name=request.tenant_id,
        created_at=now,
        status=Status.ACTIVE,
        mode=Mode.LIVE,
        capital=rupees(0),
        capital_declared_on=now.astimezone(IST).date(),
        underlyings=platform.desk.rules.underlyings(),
    )
    store.save(_changed(platform, blank, request), request.endpoints or ())
    return store.account()


def set_tenant(platform: Platform, request: TenantRequest) -> Account:
    """Changes what the request names. Raises `BadInput` for a bad value or no such tenant."""
    store = platform.tenants.store(request.tenant_id)
    account = store.account()
    endpoints = _merged(store.endpoints(), request.endpoints or ())
    store.save(_changed(platform, account, request), endpoints)
    return store.account()


@dataclass(frozen=True, slots=True)
class Listed:
    """Every tenant with its endpoints, by id; of those that cannot be read, what is wrong with them."""

    tenants: tuple[tuple[Account, tuple[Endpoint, ...]], ...]
    unreadable: Mapping[str, str]


def list_tenants(platform: Platform) -> Listed:
    """One that cannot be read hides no other."""
    found, unreadable = [], {}
    for tenant_id, read in platform.tenants.each():
        try:
            found.append(read())
        except BadInput as error:
            unreadable[tenant_id] = str(error)
    return Listed(tuple(found), unreadable)


def _merged(before: Sequence[Endpoint], after: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    by_channel = {item.channel: item for item in (*before, *after)}
    return tuple(by_channel[name] for name in sorted(by_channel) if by_channel[name].address)


def _changed(platform: Platform, account: Account, request: TenantRequest) -> Account:
    changes: dict[str, Any] = {}
    if request.name is not None:
        changes["name"] = request.name
    if request.capital is not None:
        changes["capital"] = _capital(request)
        changes["capital_declared_on"] = platform.clock.now().astimezone(IST).date()
    if request.mode is not None:
        changes["mode"] = _member(Mode, request.mode, "mode")
    if request.status is not None:
        changes["status"] = _member(Status, request.status, "status")
    if request.relation is not None:
        changes["relation"] = _declared(platform, account, request.relation)
    if request.underlyings is not None:
        for name in request.underlyings:
            platform.desk.rules.require_underlying(name)
        changes["underlyings"] = tuple(sorted(set(request.underlyings)))
    if request.expiry_day_premium is not None:
        changes["expiry_day_premium"] = request.expiry_day_premium
    if request.limits:
        changes["limits"] = _limits(account.limits, request.limits)
    return replace(account, **changes)


def _declared(platform: Platform, account: Account, word: str) -> Relation:
    """The relation, when the installation still takes an account of its kind. Raises `BadInput` otherwise."""
    relation = Relation(_member(Relation, word, "relation"))
    if relation is Relation.UNDECLARED:
        raise BadInput("a relation has to be declared", where=account.tenant_id, fix=_RELATIONS)
    allowed = platform.desk.distribution.own_accounts
    if relation in FAMILY and allowed < UNCOUNTED and _family_beside(platform, account) >= allowed:
        fix = "`own_accounts` in the settings says how many self and family accounts you declared"
        raise BadInput(f"{allowed} self or family accounts exist already", where=account.tenant_id, fix=fix)
    return relation


def _family_beside(platform: Platform, account: Account) -> int:
    others = (other for other in platform.tenants.accounts() if other.tenant_id != account.tenant_id)
    return sum(other.relation in FAMILY for other in others)


def _capital(request: TenantRequest) -> Any:
    assert request.capital is not None
    if not request.capital.is_finite() or not 0 < request.capital <= MOST_CAPITAL:
        fix = f"A positive amount in rupees, at most {MOST_CAPITAL}"
        raise BadInput(f"capital {request.capital}", where=request.tenant_id, fix=fix)
    return rupees(request.capital)


def _limits(before: Limits, wanted: Mapping[str, float]) -> Limits:
    unknown = sorted(set(wanted) - _LIMITS)
    if unknown:
        raise BadInput(f"unknown limits {unknown}", where="limits", fix=f"Known: {', '.join(sorted(_LIMITS))}")
    typed: dict[str, Any] = {}
    for name, value in wanted.items():
        kind = type(getattr(before, name))
        if not 0 <= value <= MOST_CAPITAL or (kind is int and value != int(value)):
            raise BadInput(f"{name} = {value}", where="limits", fix=_WHOLE if kind is int else "Zero or more")
        typed[name] = rupees(value) if kind is Decimal else kind(value)
    if typed.get("knob", 0) > 100:
        raise BadInput(f"knob = {typed['knob']}", where="limits", fix="A percentage from 0 to 100")
    return replace(before, **typed)


def _member(kind: Any, value: str, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise BadInput(f"{name} {value!r}", where=name, fix=f"One of {', '.join(kind)}") from None
