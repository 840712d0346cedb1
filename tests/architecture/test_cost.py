"""The cost page and the table of functions are what the map and the prices say today."""

from __future__ import annotations

import pytest

from emulators.function_map import load_map
from quantsentinel.app.fan_out import BATCH
from quantsentinel.desk import load_policy
from quantsentinel.settings import Settings
from quantsentinel.volatility.parameters import PARTS as PARTS_FITTED
from terraform.cost import COST, PARTS, Scene, beats, money, requests, scenes, used
from terraform.cost_page import page
from terraform.functions_table import BEGIN, END, PAGE, table
from terraform.functions_table import page as functions_page
from terraform.prices import load_prices
from tests.architecture.sources import ROOT

KNOWN, PRICES = load_map(), load_prices()
SESSION_CYCLES = 375 * 60 / 15 * 2


def scene(tenants: int) -> Scene:
    return Scene(KNOWN, PRICES, tenants)


def test_the_committed_cost_page_is_what_the_map_and_the_prices_say() -> None:
    again = "run `python -m terraform.cost` and read what changed"
    assert COST.read_text(encoding="utf-8") == page(scenes(KNOWN, PRICES)), again


def test_the_committed_table_of_functions_is_the_map() -> None:
    assert PAGE.read_text(encoding="utf-8") == functions_page(KNOWN), "run `python -m terraform.functions_table`"
    assert [name for name in (*KNOWN.functions, *KNOWN.jobs) if f"`{name}`" not in table(KNOWN)] == []


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_a_page_with_the_table_s_marks_shows_the_table(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) <= 1
    if BEGIN in text:
        assert text.split(BEGIN)[1].split(END)[0].strip() == table(KNOWN)


def test_the_assumptions_are_the_defaults_of_the_code() -> None:
    settings = Settings()
    assert scene(1)["assume.poll_interval_s"] == settings.poll_interval_s
    assert scene(1)["assume.underlyings"] == len(settings.underlyings)
    assert scene(1)["assume.tenants_a_batch"] == BATCH


@pytest.mark.parametrize(
    ("cron", "a_day"),
    [
        ("* * * * *", 1440),
        ("* 8-20 * * *", 780),
        ("30 7 * * 1-5", 5 / 7),
        ("0 6 1,15 * *", 2 / 30.4),
        ("0 6 * * 0", 1 / 7),
        ("*/15 9,10 * * *", 8),
    ],
)
def test_a_schedule_s_beats_are_counted(cron: str, a_day: float) -> None:
    assert beats(cron) == pytest.approx(a_day * 30.4)


@pytest.mark.parametrize("cron", ["0 6 1 * 1", "0 6 31 * *", "0 6 1 1 *", "0 6 1-3 * *"])
def test_a_schedule_that_a_month_of_30_days_does_not_tell_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="not reckoned with"):
        beats(cron)


def test_the_fitted_parts_are_asked_for_more_often_than_they_fall_due() -> None:
    a_year = 12 * beats(KNOWN.jobs["retrain"].schedule)
    cadences = load_policy().switches.cadence_days
    assert {name.removeprefix("volatility.") for name in cadences} == set(PARTS_FITTED)
    assert a_year * min(cadences.values()) / 365 >= 2


def test_a_month_s_requests_follow_from_cycles_batches_and_tenants() -> None:
    cycles = SESSION_CYCLES * 20.7
    assert requests(scene(1), "decide") == pytest.approx(cycles)
    assert [requests(scene(count), "serve_tenants") / cycles for count in (1, 100, 101)] == pytest.approx([1, 1, 2])
    assert requests(scene(100), "deliver") == pytest.approx(100 * 20.7 * 6)
    assert all(requests(scene(1), name) > 0 for name in KNOWN.functions)


def test_what_a_cycle_reads_and_writes_is_what_was_counted() -> None:
    """Twenty tenants in one quiet cycle read 121 documents: 21 and 5 each."""
    assert PRICES.number("cycle.reads") + 20 * PRICES.number("cycle.reads_a_tenant") == 121
    assert PRICES.number("cycle.writes") + 20 * PRICES.number("cycle.writes_a_flush") == 73
    assert PRICES.number("cycle.writes") + 20 * PRICES.number("cycle.writes_a_signal") == 173


def test_every_price_is_used_and_nothing_is_used_that_has_no_price() -> None:
    found = {use.price for part in PARTS.values() for use in part(scene(100))}
    assert found == {price.id for price in PRICES.price} == set(used(scene(1)))


def test_more_tenants_never_cost_less_and_each_costs_less() -> None:
    totals = [sum(money(scene(count)).values()) for count in (1, 100, 10_000)]
    assert totals == sorted(totals)
    assert totals[0] > totals[1] / 100 > totals[2] / 10_000


def test_what_is_free_is_taken_off_and_nothing_becomes_negative() -> None:
    paid, quantities = money(scene(1)), used(scene(1))
    assert min(paid.values()) >= 0
    pubsub = PRICES.of("pubsub")
    assert quantities["pubsub"] < pubsub.free
    assert paid["pubsub"] == 0
