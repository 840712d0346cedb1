"""The tenants' side of a day: signals as cards, refusals, equity, book, and what was delivered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from quantsentinel.app.book_record import books_of
from quantsentinel.app.day_record import (
    CardLeg,
    CostLine,
    DeliveryLine,
    EquityPoint,
    SignalCard,
    SignalStep,
    TenantDay,
    VerdictLine,
)
from quantsentinel.app.platform import Platform
from quantsentinel.ports import Json
from quantsentinel.stores.snapshots import parse_time

EQUITY_POINTS = 400


def tenant_days(platform: Platform, rows: Sequence[Json]) -> tuple[TenantDay, ...]:
    """One per tenant, by id; `rows` are the decision rows of all cycles in order."""
    by_tenant: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        by_tenant[row["tenant"]].append(row)
    return tuple(
        _tenant_day(platform, account.tenant_id, by_tenant[account.tenant_id])
        for account in platform.tenants.accounts()
    )


def _tenant_day(platform: Platform, tenant_id: str, rows: Sequence[Json]) -> TenantDay:
    store = platform.tenants.store(tenant_id)
    account, (book, _) = store.account(), store.book()
    refusals = Counter(refusal["first"]["guard"] for row in rows for refusal in row["refusals"])
    created = sum(signal["state"] == "created" for row in rows for signal in row["signals"])
    now = platform.clock.now()
    return TenantDay(
        tenant_id=tenant_id,
        name=account.name,
        mode="live" if now >= account.live_from and account.mode == "live" else "paper",
        status=account.status.value,
        age_days=(now - account.created_at).days,
        capital=account.capital,
        signals=_cards(platform, store.signals()),
        refusals_by=dict(refusals),
        opportunities=refusals.total() + created,
        equity=_equity(rows),
        books=books_of(book),
    )


def _equity(rows: Sequence[Json]) -> tuple[EquityPoint, ...]:
    """At most `EQUITY_POINTS` points, the last one always among them."""
    step = max(1, len(rows) // EQUITY_POINTS)
    kept = [*rows[::step], *(rows[-1:] if rows and (len(rows) - 1) % step else ())]
    return tuple(EquityPoint(parse_time(row["decided_at"]), Decimal(row["equity"])) for row in kept)


def _cards(platform: Platform, stored: Sequence[Json]) -> tuple[SignalCard, ...]:
    """One card per signal, by the time of its entry."""
    by_signal: dict[str, list[Json]] = defaultdict(list)
    for data in stored:
        by_signal[data["signal_id"]].append(data)
    cards = [_card(platform, sorted(steps, key=lambda item: int(item["sequence"]))) for steps in by_signal.values()]
    return tuple(sorted(cards, key=lambda card: (card.decided_at, card.signal_id)))


def _card(platform: Platform, steps: Sequence[Json]) -> SignalCard:
    created, last = steps[0]["event"], steps[-1]["event"]
    offered = next(step["event"] for step in reversed(steps) if step["event"]["opportunity"])
    return SignalCard(
        signal_id=created["signal_id"],
        tenant_id=created["tenant_id"],
        underlying=steps[0]["underlying"],
        family=steps[0]["family"],
        expiry=date.fromisoformat(steps[0]["expiry"]),
        mode=last["mode"],
        state=last["state"],
        decided_at=parse_time(created["decided_at"]),
        valid_until=parse_time(offered["valid_until"]),
        steps=tuple(_step(step["event"]) for step in steps),
        verdicts=tuple(_verdict(item) for item in created["receipts"]),
        exit_price=last["exit_price"],
        pnl=Decimal(last["pnl"]) if last["pnl"] is not None else None,
        snapshot=created["snapshot_digest"],
        **_terms(offered["terms"]),
        **_offer(offered["opportunity"]),
        **_surface(platform, steps[0]),
    )


def _terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    money = {name: _money(terms[name]) for name in ("max_loss", "margin_now", "margin_expiry_day", "charges", "net_ev")}
    plain = {name: terms[name] for name in ("lots", "lot", "limit_price", "slices")}
    return {**plain, **money, "max_profit": None if terms["max_profit"] is None else _money(terms["max_profit"])}


def _offer(opportunity: Mapping[str, Any]) -> dict[str, Any]:
    legs = zip(opportunity["package"]["legs"], opportunity["legs"], strict=True)
    economics = opportunity["economics"]
    return {
        "legs": tuple(_leg(leg, price) for leg, price in legs),
        "time_stop": parse_time(opportunity["time_stop"]),
        "entry_zone": tuple(opportunity["entry_zone"]),
        "target": opportunity["target"],
        "stop": opportunity["stop"],
        "win_probability": economics["win_probability"],
        "breakevens": tuple(opportunity["breakevens"]),
        "cost_lines": tuple(CostLine(line["name"], _money(line["amount"])) for line in economics["cost_lines"]),
        "rule_rows": tuple(opportunity["rule_rows"]),
        "margin_source": f"broker {opportunity['margin_broker']}" if "margin_broker" in opportunity else "estimate",
    }


def _surface(platform: Platform, created: Json) -> dict[str, Any]:
    """Forward, vol, years and discount of the decision, for the T+0 curve."""
    cycle = platform.documents.get(f"cycles/{created['event']['cycle_id']}")
    assert cycle is not None, "a signal's cycle is stored before the signal"
    view = platform.view_of(cycle.data)
    part = view.analytics.slice(date.fromisoformat(created["expiry"]))
    assert part is not None, "the snapshot holds the expiry that was offered"
    return {
        "forward": float(part.forward or 0.0),
        "atm_vol": part.atm_vol,
        "years": part.times.variance_years,
        "discount": part.times.discount,
    }


def _money(value: Any) -> Decimal:
    return Decimal(str(value))


def _leg(leg: Mapping[str, Any], price: Mapping[str, Any]) -> CardLeg:
    contract = leg["instrument"]
    return CardLeg(
        leg["side"], leg["ratio"], contract["strike"], contract["right"], price["bid"], price["ask"], price["iv"]
    )


def _step(event: Mapping[str, Any]) -> SignalStep:
    return SignalStep(event["state"], event["sequence"], parse_time(event["decided_at"]), event["why"])


def _verdict(item: Mapping[str, Any]) -> VerdictLine:
    return VerdictLine(
        item["guard"], item["outcome"], item["measured"], item["limit"], item["unit"], item.get("detail", "")
    )


def deliveries(platform: Platform) -> tuple[DeliveryLine, ...]:
    """Every delivery of every tenant, by time."""
    registry = platform.tenants
    lines = [_delivery(data) for tenant in registry.ids() for data in registry.store(tenant).deliveries()]
    return tuple(sorted(lines, key=lambda line: (line.at, line.tenant_id, line.signal_id, line.channel)))


def _delivery(data: Json) -> DeliveryLine:
    return DeliveryLine(
        at=datetime.fromisoformat(data["at"]),
        tenant_id=data["tenant_id"],
        channel=data["channel"],
        signal_id=data["signal_id"],
        state=data["signal_state"],
        sequence=data["sequence"],
        status=data["state"],
        attempts=data["attempts"],
        detail=data["detail"],
    )
