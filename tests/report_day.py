"""A made-up session day for the report's tests: every number follows from a forward path, a skew and Black-76."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from quantsentinel.app.book_record import NO_BOOKS, BookLine, Books
from quantsentinel.app.day_record import (
    CardLeg,
    CostLine,
    DayRecord,
    DeliveryLine,
    Density,
    EquityPoint,
    MarketDay,
    MarketPoint,
    MaskLine,
    SignalCard,
    SignalStep,
    SliceLine,
    Smile,
    SmilePoint,
    StrikeInterest,
    TenantDay,
    VerdictLine,
    ViewLine,
)
from quantsentinel.market.calendar import IST

DAY = date(2025, 8, 29)
EXPIRY = date(2025, 9, 2)
OPEN = datetime(2025, 8, 29, 9, 15, 30, tzinfo=IST)
FORWARD = 24_500.0
YEARS = 0.0085
ATM = 0.112


def vol(strike: float) -> float:
    """A skewed smile around the forward."""
    k = math.log(strike / FORWARD) / (ATM * math.sqrt(YEARS))
    return ATM * (1 - 0.06 * k + 0.035 * k * k)


def path() -> tuple[MarketPoint, ...]:
    """One point a minute, with a gap of 19 minutes and one unknown vol."""
    points = []
    for minute in range(375):
        if 120 <= minute < 139:
            continue
        forward = FORWARD + 60 * math.sin(minute / 40) + 0.1 * minute
        atm = None if minute == 200 else ATM + 0.008 * math.cos(minute / 55)
        points.append(MarketPoint(OPEN + timedelta(minutes=minute), round(forward, 2), atm, 0.098))
    return tuple(points)


def smile() -> Smile:
    strikes = [FORWARD + 50.0 * step for step in range(-16, 17)]
    points = tuple(
        SmilePoint(strike, vol(strike) - 0.002, vol(strike), vol(strike) + 0.002 + 0.0001 * abs(number - 16))
        for number, strike in enumerate(strikes)
    )
    fit = tuple((strike, vol(strike)) for strike in strikes)
    return Smile(EXPIRY, OPEN, FORWARD, ATM, YEARS, points, fit)


def density() -> Density:
    prices = tuple(FORWARD + 10.0 * step for step in range(-120, 121))

    def bell(price: float, sigma: float) -> float:
        deviation = sigma * math.sqrt(YEARS) * FORWARD
        return math.exp(-(((price - FORWARD) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))

    implied, forecast = ([bell(price, sigma) for price in prices] for sigma in (ATM, 0.098))
    return Density(EXPIRY, prices, tuple(implied), tuple(forecast), FORWARD)


def market() -> MarketDay:
    interest = tuple(
        StrikeInterest(
            FORWARD + 50.0 * step,
            4e6 * math.exp(-(((step - 6) / 8) ** 2)) * (2 if step % 10 == 0 else 1),
            3e6 * math.exp(-(((step + 6) / 8) ** 2)) * (2 if step % 10 == 0 else 1),
            dealer_gamma=2e7 * math.sin(step / 5) * math.exp(-((step / 9) ** 2)),
        )
        for step in range(-16, 17)
    )
    views = (
        ViewLine("volatility_ensemble", "intraday", "volatility", -0.42, 0.7),
        ViewLine("oi_flow", "intraday", "direction", 0.18, 0.4),
        ViewLine("dealer_gamma", "intraday", "volatility", None, 0.0, "no participant file of the evening before"),
    )
    reasons = {"cost_ratio": 41_200, "net_ev": 60_310, "win_probability": 3_020, "outranked": 900, "offered": 412}
    return MarketDay(
        "NIFTY", 358, 351, {"repeated_snapshot": 5, "lag": 2}, 351, 412, reasons, path(), (smile(),), (density(),),
        interest, EXPIRY, "US convention: dealers long calls, short puts", views,
        masks=(MaskLine("parity", 812, 140), MaskLine("stale_slice", 96, 2)),
        slices=(
            SliceLine(EXPIRY, FORWARD, 0.12, ATM, 171, 2, ("butterfly", "outliers")),
            SliceLine(date(2025, 9, 9), None, None, None, 0, 0, (), "no_forward"),
        ),
    )  # fmt: skip


def condor(tenant_id: str = "asha-capital", mode: str = "live") -> SignalCard:
    """An iron condor of 3 lots of 75: 24200/24300 puts, 24700/24800 calls, sold for 31.50 points."""
    strikes = ((1, 24_200.0, "PE"), (1, 24_800.0, "CE"), (-1, 24_300.0, "PE"), (-1, 24_700.0, "CE"))
    legs = tuple(CardLeg(side, 1, strike, right, 20.0, 20.4, vol(strike)) for side, strike, right in strikes)
    decided = OPEN + timedelta(minutes=42)
    return SignalCard(
        signal_id=f"sig-{tenant_id}", tenant_id=tenant_id, underlying="NIFTY", family="iron_condor", expiry=EXPIRY,
        mode=mode, state="closed", decided_at=decided, valid_until=decided + timedelta(minutes=15),
        time_stop=datetime(2025, 9, 1, 15, 15, tzinfo=IST), legs=legs, lots=3, lot=75, limit_price=-31.5,
        entry_zone=(-33.0, -31.5), target=-15.0, stop=-65.0, max_loss=Decimal("15812.50"),
        max_profit=Decimal("6687.50"),
        margin_now=Decimal("104000"), margin_expiry_day=Decimal("131000"), charges=Decimal("400.00"),
        net_ev=Decimal("812.40"), win_probability=0.71, breakevens=(24_270.28, 24_729.72), forward=FORWARD,
        atm_vol=ATM, years=YEARS, discount=0.9994,
        steps=(
            SignalStep("created", 1, decided, "implied 11.2 % against a forecast of 9.8 %"),
            SignalStep("updated", 2, decided + timedelta(minutes=31), "the zone moved"),
            SignalStep("closed", 3, decided + timedelta(minutes=190), "target reached"),
        ),
        cost_lines=(CostLine("stt_sale", Decimal("3.15")), CostLine("brokerage", Decimal("80.00"))),
        verdicts=(
            VerdictLine("cost_ratio", "passed", 0.31, 0.40, "ratio"),
            VerdictLine("dry_run_lock", "passed", 30.0, 14.0, "days"),
        ),
        rule_rows=("lot.nifty.75.2025",), exit_price=-15.0, pnl=Decimal("3312.50"), snapshot="sha256:" + "ab" * 32,
    )  # fmt: skip


def tenant(tenant_id: str = "asha-capital") -> TenantDay:
    equity = tuple(
        EquityPoint(point.at, Decimal(2_500_000) + Decimal(round(1500 * math.sin(number / 60), 2)))
        for number, point in enumerate(path())
    )
    line = BookLine(
        "sig-2",
        "NIFTY 02 Sep SELL 24000 PE",
        2,
        150,
        -12.0,
        -9.5,
        Decimal("375.10"),
        Decimal(90_000),
        Decimal(9_000),
        "live",
    )
    said = replace(line, lots=1, units=75, entry_price=-12.5, pnl=Decimal("225.05"))
    books = Books((line,), (said,), Decimal("3687.60"), Decimal("3537.55"), {"sig-2": OPEN + timedelta(hours=2)})
    refusals = {"max_positions": 120, "cool_down": 31, "loss_budget": 8}
    return TenantDay(
        tenant_id, "Asha Capital", "live", "active", 30, Decimal(2_500_000), (condor(tenant_id),), refusals, 160,
        equity, books,
    )  # fmt: skip


def record() -> DayRecord:
    """A day of one underlying and two tenants, one of them paused."""
    paused = replace(
        tenant("chitra-fund"),
        name="Chitra <Fund>",
        status="paused",
        signals=(),
        books=NO_BOOKS,
        refusals_by={"tenant_paused": 160},
    )
    steps = condor().steps
    deliveries = tuple(
        DeliveryLine(
            step.at, "asha-capital", "webhook", "sig-asha-capital", step.state, step.sequence, "sent", 1, "204"
        )
        for step in steps
    )
    return DayRecord(
        DAY, "simulator, seed 7", "embedded", "own_account", "For the account holder's own use. Not advice.", "0.1.0",
        OPEN + timedelta(hours=9), (market(),), (tenant(), paused), deliveries, "sha256:" + "cd" * 32,
    )  # fmt: skip
