"""`qs tenants add|set|list|pause|resume`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantsentinel.cli.options import Config, Json, State, open_live, settings_of
from quantsentinel.cli.output import Answer, Table, ist, rupees_text, show
from quantsentinel.errors import BadInput

if TYPE_CHECKING:
    from quantsentinel.accounts.account import Account
    from quantsentinel.app.tenants import TenantRequest
    from quantsentinel.settings import Settings
    from quantsentinel.stores.tenants import Endpoint

app = typer.Typer(help="Tenants: capital, limits, channels.", no_args_is_help=True)
TenantId = Annotated[str, typer.Argument(help="3 to 40 of a-z, 0-9 and -.")]
Name = Annotated[str | None, typer.Option("--name")]
Capital = Annotated[str | None, typer.Option("--capital", help="Declared capital in rupees.")]
Mode = Annotated[str | None, typer.Option("--mode", help="live or paper (a new tenant is on paper for 14 days).")]
Underlying = Annotated[list[str] | None, typer.Option("--underlying", help="Repeat for several.")]
Limit = Annotated[list[str] | None, typer.Option("--limit", help="NAME=VALUE, e.g. max_positions=3. Repeat.")]
Webhook = Annotated[str | None, typer.Option("--webhook", help="HTTPS address; empty removes it.")]
Secret = Annotated[str | None, typer.Option("--webhook-secret", help="whsec_…; made when absent.")]
Telegram = Annotated[str | None, typer.Option("--telegram", help="Private chat id; empty removes it.")]
RELATION_HELP = "Holder's relation to you: self, spouse, dependent_child, dependent_parent or third_party."
Declared = Annotated[str, typer.Option("--relation", help=RELATION_HELP)]
Relation = Annotated[str | None, typer.Option("--relation", help=RELATION_HELP)]
Premium = Annotated[bool | None, typer.Option("--expiry-day-premium/--no-expiry-day-premium")]


@app.command()
def add(
    tenant_id: TenantId,
    capital: Annotated[str, typer.Option("--capital", help="Declared capital in rupees.")],
    relation: Declared,
    name: Name = None,
    mode: Mode = None,
    underlying: Underlying = None,
    limit: Limit = None,
    webhook: Webhook = None,
    webhook_secret: Secret = None,
    telegram: Telegram = None,
    expiry_day_premium: Premium = None,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Adds a tenant. A new webhook secret is printed once, here."""
    from quantsentinel.app.tenants import add_tenant

    fields = {
        "name": name,
        "capital": _amount(capital),
        "mode": mode,
        "expiry_day_premium": expiry_day_premium,
        "relation": relation,
    }
    channels, made = _channels(webhook, webhook_secret, telegram, settings_of(config, state))
    request = _request(tenant_id, underlying, limit, endpoints=channels, **fields)
    _told(add_tenant(open_live(config, state), request), made, json)


@app.command("set")
def set_(
    tenant_id: TenantId,
    capital: Capital = None,
    relation: Relation = None,
    name: Name = None,
    mode: Mode = None,
    underlying: Underlying = None,
    limit: Limit = None,
    webhook: Webhook = None,
    webhook_secret: Secret = None,
    telegram: Telegram = None,
    expiry_day_premium: Premium = None,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Changes what is named and keeps the rest."""
    from quantsentinel.app.tenants import set_tenant

    amount = None if capital is None else _amount(capital)
    fields = {
        "name": name,
        "capital": amount,
        "mode": mode,
        "expiry_day_premium": expiry_day_premium,
        "relation": relation,
    }
    channels, made = _channels(webhook, webhook_secret, telegram, settings_of(config, state))
    request = _request(tenant_id, underlying, limit, endpoints=channels, **fields)
    _told(set_tenant(open_live(config, state), request), made, json)


@app.command()
def pause(tenant_id: TenantId, config: Config = None, state: State = None, json: Json = False) -> None:
    """No new entries for this tenant; exits go on."""
    _set_status(tenant_id, "paused", config, state, json)


@app.command()
def resume(tenant_id: TenantId, config: Config = None, state: State = None, json: Json = False) -> None:
    """Entries again."""
    _set_status(tenant_id, "active", config, state, json)


@app.command("list")
def list_(config: Config = None, state: State = None, json: Json = False) -> None:
    """Every tenant with its limits and channels (secrets never print). Exits 1 when one of them cannot be read."""
    from quantsentinel.app.tenants import list_tenants

    found = list_tenants(open_live(config, state))
    rows = [
        (
            account.tenant_id,
            account.name,
            account.status.value,
            account.mode.value,
            account.capital,
            ", ".join(account.underlyings),
            ", ".join(endpoint.channel for endpoint in endpoints) or "none",
            account.live_from,
        )
        for account, endpoints in found.tenants
    ]
    columns = ("tenant", "name", "status", "mode", "capital", "underlyings", "channels", "live from")
    plain = [_plain(account, endpoints) for account, endpoints in found.tenants]
    plain += [{"tenant_id": tenant_id, "unreadable": why} for tenant_id, why in found.unreadable.items()]
    table = Table("Tenants", columns, rows, "none: `qs tenants add ID --capital 500000 --relation self`")
    lines = [f"UNREADABLE: {tenant_id}: {why}" for tenant_id, why in found.unreadable.items()]
    show(Answer(plain, [table], lines, failed=bool(lines)), json)


def _set_status(tenant_id: str, status: str, config: Config, state: State, json: bool) -> None:
    from quantsentinel.app.tenants import TenantRequest, set_tenant

    _told(set_tenant(open_live(config, state), TenantRequest(tenant_id, status=status)), "", json)


def _request(tenant_id: str, underlying: list[str] | None, limit: list[str] | None, **fields: Any) -> TenantRequest:
    from quantsentinel.app.tenants import TenantRequest

    names = tuple(name.upper() for name in underlying) if underlying else None
    return TenantRequest(tenant_id, underlyings=names, limits=_limits(limit), **fields)


def _channels(
    webhook: str | None, secret: str | None, telegram: str | None, settings: Settings
) -> tuple[tuple[Endpoint, ...] | None, str]:
    """The endpoints that were named, and the webhook secret that had to be made. Raises `BadInput` for a bad one."""
    from quantsentinel.adapters.channels.telegram import check_chat
    from quantsentinel.adapters.channels.webhook import check_secret, check_url, new_secret
    from quantsentinel.stores.tenants import Endpoint
    from quantsentinel.wiring.emulators import is_hosted

    made = new_secret() if webhook and not secret else ""
    named = []
    if webhook:
        check_url(webhook, local_profile=not is_hosted(settings))
        check_secret(secret or made)
    if telegram:
        check_chat(telegram)
    if webhook is not None:
        named.append(Endpoint("webhook", webhook, secret or made))
    if telegram is not None:
        named.append(Endpoint("telegram", telegram))
    return tuple(named) or None, made


def _limits(pairs: list[str] | None) -> dict[str, float] | None:
    limits = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        try:
            limits[name.strip()] = float(value)
        except ValueError:
            raise BadInput(f"{pair!r} is no limit", where="--limit", fix="Write NAME=NUMBER") from None
        if not separator:
            raise BadInput(f"{pair!r} is no limit", where="--limit", fix="Write NAME=NUMBER")
    return limits or None


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "").removeprefix("₹"))
    except InvalidOperation:
        raise BadInput(f"{text!r} is no amount", where="--capital", fix="Rupees, e.g. 500000") from None


def _plain(account: Account, endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
    channels = [
        {"channel": endpoint.channel, "address": endpoint.address, "secret": "****" if endpoint.secret else ""}
        for endpoint in endpoints
    ]
    return {"account": account, "live_from": account.live_from, "channels": channels}


def _told(account: Account, made_secret: str, json: bool) -> None:
    lines = [
        f"{account.tenant_id} ({account.name}): {account.status.value}, {account.mode.value}, "
        f"{rupees_text(account.capital, paise=False)}, {', '.join(account.underlyings)}"
    ]
    if account.mode.value == "live":
        lines.append(f"Its signals are paper until {ist(account.live_from)} IST, and live from then on.")
    if made_secret:
        lines.append(f"Webhook secret, shown this once: {made_secret}")
    answer = {"account": account, "live_from": account.live_from}
    show(Answer(answer | ({"webhook_secret": made_secret} if made_secret else {}), lines=lines), json)
