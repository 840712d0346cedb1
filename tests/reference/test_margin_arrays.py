"""Margin against what NSE Clearing and a broker published: SPAN risk arrays of three years, and Kite's basket."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest

from quantsentinel.adapters.brokers.kite_margin import KiteMargin
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.costs.margin import MarginLegs, MarginMarket, margin, risk_arrays, span_volatility
from quantsentinel.costs.margin_book import HeldLeg, MarginTable, book_margin
from quantsentinel.costs.margin_scan import Floats, composite_delta
from quantsentinel.market.instruments import Instrument
from quantsentinel.market.rulebook import load_rules
from quantsentinel.market.schedules import ScanRule
from quantsentinel.ports import MarginOrder

pytestmark = pytest.mark.marketdata

RULES = load_rules()
SAMPLE = "calendar/nse_rules/samples__nifty_gold_sample.parquet"
DAILY = "daily/india_vix_span_oi_2012_2026"
SCENARIOS = [f"span_s{number}" for number in range(1, 17)]
FILES = {
    # file date: (spot close of the day before, repo rate then, first year the rule book covers)
    date(2021, 1, 4): (14018.5, 0.0400),
    date(2025, 9, 2): (24625.05, 0.0550),
    date(2026, 7, 14): (24211.0, 0.0525),
}
KEYS = ["trade_date", "actual_expiry_date", "strike", "option_type", "span_price"]


def contracts(marketdata: Path, day: date) -> pl.DataFrame:
    frame = pl.read_parquet(marketdata / SAMPLE).filter(pl.col("trade_date") == day)
    return frame.unique(subset=KEYS).sort(KEYS).with_columns(pl.col("strike").cast(pl.Float64))


def legs_of(frame: pl.DataFrame, day: date) -> MarginLegs:
    """One unit of each contract; the forward is the spot close carried at the repo rate."""
    spot, repo = FILES[day]
    days = (frame["actual_expiry_date"] - day).dt.total_days().cast(pl.Float64).to_numpy()
    return MarginLegs(
        strike=frame["strike"].to_numpy(),
        is_call=(frame["option_type"] == "CALL").to_numpy(),
        signed_units=np.ones(len(frame)),
        mark=frame["span_price"].to_numpy(),
        forward=spot * (1.0 + repo * days / 365.0),
        expiry_days=days,
    )


def arrays(frame: pl.DataFrame, day: date) -> tuple[MarginLegs, Floats, Floats]:
    """(legs, our arrays, NSE's arrays), both (16, n_contracts)."""
    legs = legs_of(frame, day)
    market = MarginMarket(FILES[day][0], FILES[day][0], float(frame["span_implied_vol"][0]), (day,))
    ours = risk_arrays(legs, market, scan_of(day), legs.expiry_days)
    return legs, ours, frame.select(SCENARIOS).to_numpy().T


def scan_of(day: date) -> ScanRule:
    """The 2021 parameters follow from the same formulas as those of the first year that the rule book covers."""
    return RULES.scan("NIFTY", max(day, date(2023, 4, 3)))


@pytest.mark.parametrize("day", list(FILES))
def test_risk_arrays_agree_with_those_that_nse_published(marketdata: Path, day: date) -> None:
    frame = contracts(marketdata, day)
    assert len(frame) >= 90
    _, ours, theirs = arrays(frame, day)
    sold = np.abs(ours.min(axis=0) / theirs.min(axis=0) - 1.0)
    bought = np.abs(ours.max(axis=0) / theirs.max(axis=0) - 1.0)
    assert sold.max() < 0.01
    assert bought.max() < 0.03
    assert np.abs(ours - theirs).max() < 0.0015 * FILES[day][0]


@pytest.mark.parametrize("day", list(FILES))
@pytest.mark.parametrize("n_legs", [2, 4, 8])
def test_margins_of_hedged_books_agree_with_those_of_nses_arrays(marketdata: Path, day: date, n_legs: int) -> None:
    """Bought and sold legs of both expiries. The scan loss of a tight spread is a small difference of large numbers, so
    it is held in points. What is beyond 3 % of margin is a sold near against a bought far call: the file's future is
    not in the sample, and the far one that fits its arrays in 2026 lies 32 points above spot carried at the repo rate.
    """
    frame = contracts(marketdata, day)
    legs, ours, theirs = arrays(frame, day)
    generator = np.random.default_rng(n_legs)
    signs = np.tile([1.0, -1.0], n_legs // 2)
    exposure = n_legs / 2 * 0.02 * FILES[day][0]
    errors = []
    for _ in range(1000):
        chosen = generator.choice(len(frame), n_legs, replace=False)
        value = legs.mark[chosen] @ signs
        scan, published = ((array[:, chosen] @ signs).max() for array in (ours, theirs))
        assert abs(scan - published) < 0.0015 * FILES[day][0] * n_legs / 2
        errors.append((max(scan - value, 0.0) + exposure) / (max(published - value, 0.0) + exposure) - 1.0)
    assert np.abs(errors).max() < 0.04
    assert np.mean(np.abs(errors) < 0.03) > 0.99


@pytest.mark.parametrize("day", list(FILES))
def test_deltas_for_calendar_spreads_are_nses_composite_deltas(marketdata: Path, day: date) -> None:
    frame = contracts(marketdata, day)
    legs = legs_of(frame, day)
    market = MarginMarket(FILES[day][0], FILES[day][0], float(frame["span_implied_vol"][0]), (day,))
    ours = composite_delta(legs, market, scan_of(day), legs.expiry_days)
    assert np.abs(ours - frame["span_composite_delta"].to_numpy()).max() < 0.01


@pytest.mark.parametrize("day", list(FILES))
def test_scan_ranges_agree_with_those_in_the_span_file(marketdata: Path, day: date) -> None:
    frame = contracts(marketdata, day)
    vol = float(frame["span_implied_vol"][0])
    scan = RULES.scan("NIFTY", max(day, date(2023, 4, 3)))
    assert scan.price_scan(vol) * FILES[day][0] == pytest.approx(frame["span_price_scan_range"][0], rel=2e-4)
    assert scan.vol_scan(vol) == frame["span_vol_scan_range"][0]


@pytest.mark.parametrize(
    ("underlying", "days"),
    [("NIFTY", 816), ("BANKNIFTY", 816), ("FINNIFTY", 816), ("MIDCPNIFTY", 816), ("NIFTYNXT50", 557)],
)
def test_scan_ranges_agree_with_every_daily_file_since_april_2023(marketdata: Path, underlying: str, days: int) -> None:
    psr = pl.read_csv(marketdata / DAILY / "data__span_psr.csv.gz", infer_schema_length=9000, try_parse_dates=True)
    vol = pl.read_csv(marketdata / DAILY / "data__volatility.csv.gz", infer_schema_length=9000, try_parse_dates=True)
    vol = vol.filter(pl.col("symbol") == underlying).sort("date").with_columns(before=pl.col("ann_applicable").shift(1))
    near = psr.filter(pl.col("symbol") == underlying).sort("date", "expiry").group_by("date").first()
    rows = near.join(vol, on="date").filter(pl.col("date") >= date(2023, 4, 3)).drop_nulls("before").sort("date")
    assert len(rows) == days
    wrong = [
        row["date"]
        for row in rows.iter_rows(named=True)
        if RULES.scan(underlying, row["date"]).price_scan(row["before"]) * row["spot_prev"]
        != pytest.approx(row["price_scan"], rel=2e-3)
        or RULES.scan(underlying, row["date"]).vol_scan(row["before"]) != row["vol_scan"]
    ]
    assert len(wrong) <= 0.01 * len(rows), wrong


def test_volatility_from_closes_is_what_nse_prints(marketdata: Path) -> None:
    rows = pl.read_csv(marketdata / DAILY / "data__volatility.csv.gz", infer_schema_length=9000, try_parse_dates=True)
    rows = rows.filter((pl.col("symbol") == "NIFTY") & (pl.col("date") <= date(2025, 8, 28))).sort("date")
    ours = span_volatility(rows["spot_close"].to_list()[-750:], RULES.scan("NIFTY", date(2025, 8, 29)))
    assert ours == pytest.approx(rows["ann_applicable"][-1], rel=0.03)


def kite_legs(units: float, strikes: list[float], marks: list[float], signs: list[float]) -> MarginLegs:
    return MarginLegs(
        strike=np.array(strikes),
        is_call=np.full(len(strikes), True),
        signed_units=units * np.array(signs),
        mark=np.array(marks),
        forward=np.full(len(strikes), 19434.15 * (1.0 + 0.065 * 21 / 365)),
        expiry_days=np.full(len(strikes), 21.0),
    )


def test_kites_basket_asks_for_the_margin_that_we_estimate(marketdata: Path) -> None:
    """Kite nets the premium received against the margin; we do not, so it is added back."""
    data = json.loads((marketdata / "payloads/kite/basket_margins.json").read_text())["data"]
    day = date(2023, 7, 6)
    market = MarginMarket(19398.5, 19434.15, 0.174, (day,))
    scan = RULES.scan("NIFTY", day)
    spread = margin(kite_legs(75, [20600.0, 20700.0], [35.65, 6.95], [-1.0, 1.0]), market, scan)
    assert spread.exposure == pytest.approx(data["final"]["exposure"])
    assert spread.now == pytest.approx(data["final"]["total"] - data["final"]["option_premium"], rel=0.03)
    naked = margin(kite_legs(75, [20600.0], [35.65], [-1.0]), market, scan)
    assert naked.now == pytest.approx(data["orders"][0]["total"], rel=0.03)
    assert spread.now > 5 * (100 - 28.7) * 75  # margin, never the maximum loss


@pytest.mark.parametrize("day", list(FILES))
def test_a_book_of_two_expiries_is_nses_worst_scenario_and_the_charge_on_its_spread_delta(
    marketdata: Path, day: date
) -> None:
    """The whole path to rupees, with NSE's scenario losses and NSE's composite deltas on the other side."""
    frame = contracts(marketdata, day)
    legs, _, theirs = arrays(frame, day)
    near, far = (
        int(np.flatnonzero((legs.expiry_days == days) & legs.is_call & (legs.strike == frame["strike"].median()))[0])
        for days in np.unique(legs.expiry_days)
    )
    held = [
        HeldLeg(contract(frame, at), units, float(legs.mark[at]), float(legs.forward[at]))
        for at, units in ((near, -75), (far, 75))
    ]
    market = MarginMarket(FILES[day][0], FILES[day][0], float(frame["span_implied_vol"][0]), (day,))
    estimate = book_margin(held, {"NIFTY": MarginTable(market, scan_of(day))})
    delta = min(frame["span_composite_delta"][near], frame["span_composite_delta"][far])
    charge = 0.0175 * float(legs.forward[far]) * delta * 75
    worst = 75 * float((theirs[:, far] - theirs[:, near]).max())
    assert estimate.calendar_charge == pytest.approx(charge, rel=0.02)
    assert estimate.span - estimate.calendar_charge == pytest.approx(worst, abs=75 * 0.0015 * FILES[day][0])


def contract(frame: pl.DataFrame, at: int) -> Instrument:
    row = frame.row(at, named=True)
    return Instrument("NIFTY", row["actual_expiry_date"], row["strike"], "CE" if row["option_type"] == "CALL" else "PE")


def test_kites_own_basket_is_read_to_the_rupee(marketdata: Path) -> None:
    basket = json.loads((marketdata / "payloads/kite/basket_margins.json").read_text())
    expiry = date(2023, 7, 27)
    rows = "".join(f"NIFTY23JUL{strike}CE,NIFTY,{expiry},{strike},CE\n" for strike in (20600, 20700))
    listed = "tradingsymbol,name,expiry,strike,instrument_type\n" + rows

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/instruments/NFO":
            return httpx.Response(200, text=listed)
        names = [order["tradingsymbol"] for order in json.loads(request.content)]
        assert names == [order["tradingsymbol"] for order in basket["data"]["orders"]]
        return httpx.Response(200, json=basket)

    http = httpx.Client(base_url="http://kite.test", transport=httpx.MockTransport(answer))
    orders = [
        MarginOrder(Instrument("NIFTY", expiry, strike, "CE"), units, price)
        for strike, units, price in ((20600.0, -75, 35.65), (20700.0, 75, 6.95))
    ]
    figure = KiteMargin(http, "key", "token", SystemClock()).figure(orders)
    assert figure.total == pytest.approx(34786.725)
    assert figure.premium == -2152.5
    assert figure.margin == pytest.approx(7788.0 + 29151.225)
