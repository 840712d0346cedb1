"""The report's parts: scales and ticks, payoff arithmetic against a hand count, waterfalls, escaping."""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsentinel.app.book_record import NO_BOOKS
from quantsentinel.cli.report import render_report, svg, words
from quantsentinel.cli.report.payoff import curves, deviations
from quantsentinel.cli.report.signal_cards import payoff_chart
from quantsentinel.cli.report.tenant_section import tenant_card
from quantsentinel.cli.report.waterfall import waterfall
from tests.report_day import FORWARD, condor, record, tenant


@given(st.floats(-1e7, 1e7), st.floats(1e-3, 1e7), st.integers(2, 8))
def test_ticks_are_round_inside_the_range_and_neither_too_few_nor_too_many(low: float, span: float, count: int) -> None:
    found = svg.ticks(low, low + span, count)
    slack = 1e-6 * max(abs(low), span)
    assert all(low - slack <= tick <= low + span + slack for tick in found)
    assert count / 2 - 1 <= len(found) <= 1.5 * count + 1


def test_a_line_breaks_where_a_value_is_unknown() -> None:
    panel = svg.Panel(svg.Scale(0, 3, 0, 300), svg.Scale(0, 1, 100, 0))
    drawn = svg.line(panel, [(0, 0.0), (1, 1.0), (2, None), (3, 0.5)], "s1")
    assert re.findall(r"[ML]", drawn) == ["M", "L", "M"]


def test_nothing_is_drawn_for_a_series_without_a_single_known_value() -> None:
    panel = svg.Panel(svg.Scale(0, 1, 0, 10), svg.Scale(0, 1, 10, 0))
    assert svg.line(panel, [(0, None), (1, math.nan)], "s1") == ""


def test_the_expiry_curve_of_a_condor_is_its_credit_in_the_middle_and_width_less_credit_outside() -> None:
    card = condor()
    made = curves(card)
    middle = made.expiry[np.searchsorted(made.level, FORWARD)]
    assert middle == pytest.approx(31.5 * 225 - 400)
    assert made.expiry[0] == pytest.approx((31.5 - 100) * 225 - 400)
    assert made.expiry[0] == pytest.approx(-float(card.max_loss))


def test_todays_curve_of_a_sold_condor_lies_under_its_expiry_curve_at_the_forward_and_above_it_in_the_wings() -> None:
    made = curves(condor())
    assert made.today is not None
    at = int(np.searchsorted(made.level, FORWARD))
    assert made.today[at] < made.expiry[at]
    assert made.today[0] > made.expiry[0]


def test_without_a_legs_vol_there_is_no_curve_for_today_and_the_chart_says_so() -> None:
    card = condor()
    blind = replace(card, legs=(replace(card.legs[0], iv=None), *card.legs[1:]))
    assert curves(blind).today is None
    assert "no curve for today" in payoff_chart(blind)
    assert "T+0" not in payoff_chart(blind)


def test_an_unbounded_profit_is_said_in_words() -> None:
    assert "unbounded" in payoff_chart(replace(condor(), max_profit=None))


def test_one_sigma_is_the_at_the_money_vol_over_the_time_left() -> None:
    card = replace(condor(), atm_vol=0.10, years=0.01, forward=20_000.0)
    levels = deviations(card)
    assert levels is not None
    assert levels[2] == pytest.approx(20_000 * math.exp(0.01))
    assert deviations(replace(card, atm_vol=None)) is None


def test_a_waterfall_takes_each_gate_from_what_the_gates_before_it_left() -> None:
    page = waterfall("x", 100, {"lag": 30, "age": 50}, ("through", 20))
    assert re.findall(r"--from:([\d.]+)%;--share:([\d.]+)%", page) == [
        ("0.00", "100.00"),
        ("50.00", "50.00"),
        ("20.00", "30.00"),
        ("0.00", "20.00"),
    ]


def test_every_text_from_outside_is_escaped() -> None:
    day = record()
    hostile = replace(tenant(), name="<script>alert(1)</script>", tenant_id="x'\"onload=1")
    page = render_report(replace(day, tenants=(hostile,), source="<img src=x>", disclosure="a & b"))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "x'\"onload" not in page
    assert "a &amp; b" in page


def test_the_page_needs_nothing_from_outside() -> None:
    page = render_report(record())
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert not re.findall(r"https?://(?!www\.w3\.org)", page)


def test_hover_data_has_one_value_of_every_series_at_every_position() -> None:
    page = render_report(record())
    found = [json.loads(html.unescape(text)) for text in re.findall(r"data-hover='([^']*)'", page)]
    assert len(found) >= 6
    for data in found:
        assert data["x"] == sorted(data["x"])
        assert {len(data["l"]), *(len(series["t"]) for series in data["s"])} == {len(data["x"])}
        assert {len(series["y"]) for series in data["s"]} <= {0, len(data["x"])}


@pytest.mark.parametrize("emptied", ["path", "smiles", "densities", "interest", "views"])
def test_a_day_without_one_kind_of_data_still_has_a_page(emptied: str) -> None:
    day = record()
    market = replace(day.markets[0], **{emptied: ()})
    assert "</html>" in render_report(replace(day, markets=(market,)))


def test_both_books_are_shown_with_their_results_and_what_they_disagree_about() -> None:
    page = tenant_card(tenant())
    for said in ("Open positions at the end (assumed book)", "Open positions at the end (confirmed book)",
                  "The books disagree about", "P&amp;L, assumed book", "+₹3,688", "+₹3,538", "the worse of both",
                  "+₹225", "11:15"):  # fmt: skip
        assert said in page
    empty = tenant_card(replace(tenant(), books=NO_BOOKS))
    assert "none is open" in empty
    assert "nothing was said to be taken" in empty
    assert "disagree" not in empty


def test_a_day_without_signals_says_so_and_points_to_the_waterfalls() -> None:
    day = record()
    silent = tuple(replace(item, signals=(), books=NO_BOOKS, equity=()) for item in day.tenants)
    page = render_report(replace(day, tenants=silent, deliveries=()))
    assert "No signal was issued" in page
    assert "nothing was sent" in page


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.money(Decimal("1234567.5"), paise=True), "₹12,34,567.50"),
        (words.money(Decimal("-999")), "−₹999"),
        (words.signed_money(Decimal("100000")), "+₹1,00,000"),
        (words.compact_money(-250_000), "−₹2.5L"),
        (words.compact_money(12_340_000_000), "₹1,234Cr"),
        (words.entry_price(-31.5), "receive 31.50"),
        (words.closing_price(-15.0), "pay 15.00"),
        (words.money(None), "–"),
    ],
)
def test_money_is_said_the_indian_way_and_from_the_traders_side(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.signed(-0.004), "+0.00"),
        (words.signed(-0.006), "−0.01"),
        (words.signed(0.254), "+0.25"),
        (words.points(-0.004), "0.00"),
        (words.level(-0.4), "0"),
        (words.percent(-0.0004), "0.0\u00a0%"),
        (words.percent(-0.25, 0), "−25\u00a0%"),
    ],
)
def test_nothing_is_said_to_be_less_than_a_zero_that_it_rounds_to(said: str, expected: str) -> None:
    assert said == expected


def test_masked_quotes_are_counted_by_guard_and_an_unsound_expiry_says_why() -> None:
    page = html.unescape(render_report(record()))
    quality = page[page.index('<section id="quality">') : page.index('<section id="signals">')]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", quality)
    assert cells[:6] == ["parity", "812", "140", words.guard("stale_slice"), "96", "2"]
    assert "butterfly arbitrage in the bare fit; outliers left out" in cells
    assert cells[-7:] == ["09 Sep 2025", "–", "–", "–", "0", "–", "no forward"]
