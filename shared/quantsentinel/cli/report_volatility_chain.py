"""The chain's own model-free vol beside India VIX, on the recorded day that has both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from quantsentinel.desk import Desk, load_policy
from quantsentinel.features.analyse import analyse
from quantsentinel.features.analytics import MarketAnalytics, SliceAnalytics
from quantsentinel.features.implied_month import slice_model_free
from quantsentinel.integrity.firewall import IntegrityContext, check
from quantsentinel.market.calendar import IST
from quantsentinel.market.contracts import contract_for
from quantsentinel.market.history import History
from quantsentinel.market.parsers import parse
from quantsentinel.market.rulebook import load_rules
from quantsentinel.volatility.model_free import YEAR_MINUTES, thirty_day_vol

DAY = date(2025, 8, 29)
CHAIN = "chains/nse_1min_2025-08/NIFTY_option_chain_1min_20250829.parquet"
MONTHLIES = (date(2025, 9, 30), date(2025, 10, 28))
EVERY = 45


def own_vix_rows(folder: Path, vix: Mapping[date, float]) -> Iterator[tuple[Any, ...]]:
    """(time, per cent without and with tails, India VIX at the close, at-the-money vol at 30 days)."""
    from quantsentinel.adapters.brokers.recorded import open_recording

    desk = Desk(rules=load_rules(), policy=load_policy(), code_version="report")
    recording = open_recording(folder / CHAIN)
    for index in range(EVERY // 2, len(recording.schedule("NIFTY")), EVERY):
        raw = recording.raw("NIFTY", index)
        taken = parse(raw, desk.rules)
        context = IntegrityContext("NIFTY", contract_for(taken.source), desk.rules, raw.collected_at, None)
        found = analyse(taken, History("NIFTY", DAY), desk, check(taken, context).quotes)
        time = taken.observed_at.astimezone(IST).strftime("%H:%M:%S")
        if (row := _row(found)) is not None:
            yield time, row[0], row[1], 100 * vix[DAY], row[2]


def _row(found: MarketAnalytics) -> tuple[float, float, float] | None:
    parts = [part for part in map(found.slice, MONTHLIES) if part is not None]
    strips = [slice_model_free(part) for part in parts]
    if len(parts) < len(MONTHLIES) or any(part.atm_vol is None for part in parts):
        return None
    if any(strip is None or not strip.is_known for strip in strips):
        return None
    minutes = [part.times.calendar_years * YEAR_MINUTES for part in parts]
    totals = [
        [strip.quoted for strip in strips if strip is not None],
        [strip.total_variance for strip in strips if strip is not None],
        [_at_money(part) for part in parts],
    ]
    found_vols = [thirty_day_vol(*zip(minutes, total, strict=True)) for total in totals]
    return found_vols[0] * 100, found_vols[1] * 100, found_vols[2] * 100


def _at_money(part: SliceAnalytics) -> float:
    return (part.atm_vol or 0.0) ** 2 * part.times.variance_years
