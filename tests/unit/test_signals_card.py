"""The card: everything a trader needs to act, in text, Telegram HTML and webhook data."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from quantsentinel.canonical import canonical
from quantsentinel.distribution import WARNING, Distribution, DistributionMode, disclosure
from quantsentinel.market.calendar import IST
from quantsentinel.pipeline import tenant_pass
from quantsentinel.portfolio.book import Book
from quantsentinel.signals.card import card_of, net_price, telegram_html, text_lines, webhook_data
from quantsentinel.signals.decision import TenantDecision
from quantsentinel.signals.signal import SignalEvent
from quantsentinel.units import rupees
from tests.builders import TEN, account, as_of, desk, market, offering, vertical_package


def entered(distribution: Distribution | None = None, **tenant: Any) -> TenantDecision:
    view, house = offering(market()), replace(desk(), distribution=distribution or Distribution())
    return tenant_pass(view, Book(), account(**tenant), house, as_of(view))


@pytest.fixture
def created() -> SignalEvent:
    return entered().entries[0]


@pytest.fixture
def closed() -> SignalEvent:
    later = market(TEN + timedelta(minutes=30), vol=0.05)
    return tenant_pass(later, entered().book_after, account(), desk(), as_of(later)).exits[0]


def test_bought_legs_come_first_on_the_way_in_and_short_legs_on_the_way_out(
    created: SignalEvent, closed: SignalEvent
) -> None:
    assert [order.action for order in card_of(created).orders] == ["BUY", "BUY", "SELL", "SELL"]
    leaving = card_of(closed).orders
    assert [order.action for order in leaving] == ["BUY", "BUY", "SELL", "SELL"]
    assert {order.instrument for order in leaving[:2]} == {order.instrument for order in card_of(created).orders[2:]}


def test_the_text_names_price_units_money_and_deadline_in_ist(created: SignalEvent) -> None:
    text = "\n".join(text_lines(created))
    assert "ENTER · LIVE · NIFTY 28 Aug 2025 iron condor" in text
    assert f"Net limit: receive {-created.terms.limit_price:g}" in text
    assert "Lots: 10 × 75 = 750 units" in text
    assert f"Max loss: ₹{created.terms.max_loss:,.2f}" in text
    assert f"₹{created.terms.margin_now:,.2f} now, ₹{created.terms.margin_expiry_day:,.2f} on expiry day" in text
    assert "Valid until: 21 Aug 2025 10:15:00 IST" in text
    assert "assumed book" in text
    assert created.why in text


def test_an_order_above_the_freeze_quantity_is_sliced() -> None:
    event = entered(max_loss_per_trade=0.9, max_loss_per_day=0.9, capital=rupees(10_000_000)).entries[0]
    (first, *_) = card_of(event).orders
    assert first.units == event.position.units > 1800
    assert sum(first.slices) == first.units
    assert max(first.slices) <= 1800
    assert f"in {len(first.slices)} orders" in "\n".join(text_lines(event))


@pytest.mark.parametrize(
    ("points", "closing", "words"),
    [
        (12.5, False, "pay 12.5"),
        (-45.2, False, "receive 45.2"),
        (-32.65, True, "pay 32.65"),
        (50.0, True, "receive 50"),
    ],
)
def test_a_net_price_is_said_as_what_is_paid_or_received(points: float, closing: bool, words: str) -> None:
    assert net_price(points, closing=closing) == words


def test_every_message_carries_the_disclosure_of_its_mode() -> None:
    registered = entered(Distribution(DistributionMode.REGISTERED, "INH000012345")).entries[0]
    assert "INH000012345" in telegram_html(registered)
    assert WARNING in telegram_html(registered)
    paper = entered(Distribution(DistributionMode.PAPER)).entries[0]
    assert paper.mode.value == "paper"
    assert disclosure(DistributionMode.PAPER) in telegram_html(paper)
    assert "Not SEBI-registered" in telegram_html(entered().entries[0])


@pytest.mark.parametrize("length", [10, 3_000, 9_000])
def test_telegram_html_stays_within_4096_characters_with_balanced_tags(created: SignalEvent, length: int) -> None:
    message = telegram_html(replace(created, why="a < b & c > d " * (length // 14)))
    assert len(message) <= 4096
    assert message.endswith("</i>")
    tags = re.findall(r"</?([bi])>", message)
    assert all(message.count(f"<{tag}>") == message.count(f"</{tag}>") for tag in set(tags))
    assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", message)
    assert html.unescape(message).count("Signal sig-") == 1


def test_webhook_data_is_small_plain_and_says_the_same(created: SignalEvent, closed: SignalEvent) -> None:
    data = canonical(webhook_data(created))
    assert len(json.dumps(data)) < 20_000
    assert data["offer"]["limit_price"] == created.terms.limit_price
    assert data["offer"]["max_loss"] == str(created.terms.max_loss)
    assert (data["sequence"], data["supersedes"], data["state"]) == (1, None, "created")
    assert len(data["guards"]) == len(created.receipts)
    leaving = canonical(webhook_data(closed))
    assert leaving["offer"] is None
    assert leaving["exit"] == {"net_price": closed.exit_price, "pnl": str(closed.pnl)}


def test_a_settlement_asks_for_no_orders() -> None:
    view = offering(market(), vertical_package())
    book = tenant_pass(view, Book(), account(), desk(), as_of(view)).book_after
    held = replace(book.positions[0], time_stop=datetime(2025, 9, 30, tzinfo=IST))
    after = market(datetime(2025, 8, 29, 9, 30, tzinfo=IST), forward_known=False)
    decision = tenant_pass(
        after, replace(book, positions=(held,)), account(), desk(), as_of(after, previous_accepted_at=None)
    )
    assert card_of(decision.exits[0]).orders == ()
    assert "settled at expiry" in telegram_html(decision.exits[0])
