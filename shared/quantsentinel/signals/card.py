"""What a trader can act on: one card for every event, shown as text, as Telegram HTML and as webhook data."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from quantsentinel.costs.charges import order_slices
from quantsentinel.distribution import disclosure, disclosure_version
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.market.instruments import Leg
from quantsentinel.opportunity.broker_margin import margin_source
from quantsentinel.signals.signal import OFFERS, SignalEvent, SignalState
from quantsentinel.units import Rupees
from quantsentinel.verdict import Verdict

TELEGRAM_LIMIT = 4096
BOOK = {
    SignalState.CREATED: "assumed book: counted as filled at the limit price until it ends",
    SignalState.UPDATED: "assumed book: counted as filled at the worse of the limit prices until it ends",
    SignalState.WITHDRAWN: "assumed book: still counted as filled, in case it was entered before",
    SignalState.EXPIRED: "assumed book: released, never counted as filled",
    SignalState.CLOSED: "assumed book: closed at the worse side of the market",
}
HELD = "confirmed book: counted as held until you say that it is closed"
AS_YOU_SAID = "NOTED, AS YOU SAID"
SAID_CLOSED = "confirmed book: closed at the price you gave"
HEADINGS = {
    SignalState.CREATED: "ENTER",
    SignalState.UPDATED: "UPDATED ENTRY",
    SignalState.WITHDRAWN: "DO NOT ENTER",
    SignalState.EXPIRED: "EXPIRED",
    SignalState.CLOSED: "CLOSE",
}


@dataclass(frozen=True, slots=True)
class Order:
    """One leg as it is to be traded, in order; `slices` are units per order, each within the freeze quantity."""

    action: str
    units: int
    instrument: str
    slices: tuple[int, ...]
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """`facts` are (label, text) in the order of reading."""

    heading: str
    orders: tuple[Order, ...]
    facts: tuple[tuple[str, str], ...]
    why: str
    disclosure: str


def card_of(event: SignalEvent) -> Card:
    """The card of an event. Exits buy the short legs back first."""
    position = event.position
    name = f"{event.underlying} {event.expiry:%d %b %Y} {event.family.value.replace('_', ' ')}"
    return Card(
        heading=f"{AS_YOU_SAID if is_answered(event) else HEADINGS[event.state]} · {event.mode.value.upper()} · {name}",
        orders=tuple(_orders(event)),
        facts=tuple(_facts(event)),
        why=event.why,
        disclosure=disclosure(event.distribution_mode, event.registration) + f" Signal {position.signal_id}.",
    )


def _orders(event: SignalEvent) -> Iterator[Order]:
    legs = event.position.package.legs
    if event.state in OFFERS and event.opportunity is not None:
        for leg, quote in zip(legs, event.opportunity.legs, strict=True):
            yield _order(event, leg, leg.action, f"bid {quote.bid:g} ask {quote.ask:g}")
    elif event.state is SignalState.CLOSED and not is_settlement(event) and not is_answered(event):
        for leg in sorted(legs, key=lambda leg: leg.side):  # shorts first: no step raises loss or margin
            yield _order(event, leg, "SELL" if leg.side > 0 else "BUY", "")


def is_settlement(event: SignalEvent) -> bool:
    """The exchange closes it: nothing is to be traded."""
    return any(receipt.guard == "exit_settlement" for receipt in event.receipts)


def is_answered(event: SignalEvent) -> bool:
    """The tenant said so himself: it is acknowledged, and nothing is to be traded again."""
    return any(receipt.guard.startswith("answer_") for receipt in event.receipts)


def _order(event: SignalEvent, leg: Leg, action: str, quote: str) -> Order:
    units = event.position.units * leg.ratio
    slices = order_slices(units, event.position.freeze_units, event.position.lot)
    return Order(action, units, str(leg.instrument), slices, quote)


def _facts(event: SignalEvent) -> Iterator[tuple[str, str]]:
    position = event.position
    yield "Lots", f"{position.lots} × {position.lot} = {position.units} units"
    if event.state in OFFERS:
        yield from _offer_facts(event)
    if event.exit_price is not None and event.pnl is not None:
        entered = net_price(position.entry_price)
        yield "Closing net", f"{net_price(event.exit_price, closing=True)} against entry {entered}"
        yield "P&L after charges", money(event.pnl)
    yield "Valid until", ist(event.valid_until)
    yield "Book", _book(event)


def _book(event: SignalEvent) -> str:
    """Which book the card assumes; the tenant's own word ends the assumption."""
    if event.position.taken_at is None:
        return BOOK[event.state]
    return SAID_CLOSED if is_answered(event) else HELD


def _offer_facts(event: SignalEvent) -> Iterator[tuple[str, str]]:
    terms, opportunity = event.terms, event.opportunity
    if terms is None or opportunity is None:
        return
    best, worst = opportunity.entry_zone
    yield "Net limit", net_price(terms.limit_price)
    yield "Entry zone", f"{net_price(best)} to {net_price(worst)}, now {net_price(opportunity.executable)}"
    yield "Max loss", money(terms.max_loss)
    yield "Max profit", money(terms.max_profit)
    yield (
        f"Margin ({margin_source(opportunity)})",
        f"{money(terms.margin_now)} now, {money(terms.margin_expiry_day)} on expiry day",
    )
    yield "Breakevens", ", ".join(f"{level:,.2f}" for level in opportunity.breakevens) or "none"
    yield "Target", f"close when that nets: {net_price(opportunity.target, closing=True)}"
    yield "Stop", f"close when that nets: {net_price(opportunity.stop, closing=True)}"
    yield "Time stop", ist(opportunity.time_stop)
    yield "Net EV", f"{money(terms.net_ev)} after {money(terms.charges)} of charges"
    yield "Win probability", f"{terms.win_probability:.1%}"


def net_price(points: float, *, closing: bool = False) -> str:
    """`pay 12.5` or `receive 45.2`, points per unit, from a net price that is positive when paid to enter."""
    pays = points < 0 if closing else points > 0
    return f"{'pay' if pays else 'receive'} {abs(points):g}"


def money(amount: Rupees | None) -> str:
    """None is an unbounded amount."""
    return "unbounded" if amount is None else f"₹{amount:,.2f}"


def ist(at: datetime) -> str:
    return f"{at.astimezone(IST):%d %b %Y %H:%M:%S} IST"


# --- Renderings -------------------------------------------------------------------------------------------------------
def text_lines(event: SignalEvent) -> tuple[str, ...]:
    card = card_of(event)
    orders = tuple(f"{number}. {_order_text(order)}" for number, order in enumerate(card.orders, 1))
    facts = tuple(f"{label}: {value}" for label, value in card.facts)
    return (card.heading, *orders, *facts, f"Why: {card.why}", card.disclosure)


def _order_text(order: Order) -> str:
    sliced = f", in {len(order.slices)} orders of {_sizes(order.slices)}" if len(order.slices) > 1 else ""
    quote = f" ({order.quote})" if order.quote else ""
    return f"{order.action} {order.units} {order.instrument}{quote}{sliced}"


def _sizes(slices: tuple[int, ...]) -> str:
    return " + ".join(str(size) for size in slices) if len(slices) <= 4 else f"at most {slices[0]}"


def telegram_html(event: SignalEvent) -> str:
    """Telegram's HTML, at most 4,096 characters: the reason is shortened first, the disclosure never."""
    card = card_of(event)
    orders = [f"{number}. {html.escape(_order_text(order))}" for number, order in enumerate(card.orders, 1)]
    facts = [f"<b>{html.escape(label)}</b>: {html.escape(value)}" for label, value in card.facts]
    top = "\n".join([f"<b>{html.escape(card.heading)}</b>", *orders, *facts])
    bottom = f"<i>{html.escape(card.disclosure)}</i>"
    room = TELEGRAM_LIMIT - len(top) - len(bottom) - len("\n<b>Why</b>: \n")
    return f"{top}\n<b>Why</b>: {_shortened(card.why, room)}\n{bottom}"


def _shortened(text: str, room: int) -> str:
    """Escaped, cut before escaping so that no entity is broken."""
    escaped = html.escape(text)
    while len(escaped) > room and text:
        text = text[: max(len(text) - (len(escaped) - room) - 1, 0)]
        escaped = html.escape(text) + "…" if text else ""
    return escaped


def webhook_data(event: SignalEvent) -> dict[str, Any]:
    """The `data` of a webhook, well below 20 kB: plain values, money as exact text, times with offset."""
    card = card_of(event)
    return {
        "signal_id": event.signal_id,
        "sequence": event.sequence,
        "supersedes": event.supersedes,
        "state": event.state,
        "mode": event.mode,
        "underlying": event.underlying,
        "family": event.family,
        "expiry": event.expiry,
        "decided_at": event.decided_at,
        "valid_until": event.valid_until,
        "orders": card.orders,
        "lots": event.position.lots,
        "lot": event.position.lot,
        "units": event.position.units,
        "offer": _offer_data(event),
        "exit": None if event.exit_price is None else {"net_price": event.exit_price, "pnl": event.pnl},
        "why": event.why,
        "book": "assumed" if event.position.taken_at is None else "confirmed",
        "guards": [_guard_data(verdict) for verdict in event.receipts],
        "snapshot": event.snapshot_digest,
        "disclosure": card.disclosure,
        "disclosure_version": disclosure_version(event.distribution_mode),
    }


def _guard_data(verdict: Verdict) -> list[Any]:
    return [verdict.guard, verdict.outcome, verdict.measured, verdict.limit, verdict.unit]


def _offer_data(event: SignalEvent) -> dict[str, Any] | None:
    terms, opportunity = event.terms, event.opportunity
    if terms is None or opportunity is None:
        return None
    return {
        "limit_price": terms.limit_price,
        "entry_zone": opportunity.entry_zone,
        "executable": opportunity.executable,
        "target": opportunity.target,
        "stop": opportunity.stop,
        "time_stop": opportunity.time_stop,
        "max_loss": terms.max_loss,
        "max_profit": terms.max_profit,
        "margin_now": terms.margin_now,
        "margin_expiry_day": terms.margin_expiry_day,
        "charges": terms.charges,
        "net_ev": terms.net_ev,
        "win_probability": terms.win_probability,
        "breakevens": opportunity.breakevens,
    }
