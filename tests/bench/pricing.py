"""Pricing benchmarks: medians of several runs, peers in the same run, on a recorded snapshot where the market data is
at hand, else on a simulated one. `rows()` for `make bench`, or run this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import brentq, least_squares
from vollib.black import black as scalar_black
from vollib.black.greeks import analytical
from vollib.black.implied_volatility import implied_volatility as jaeckel

from quantsentinel.pricing import black76
from quantsentinel.pricing.density import crash_probability, expected_payoff, implied_density
from quantsentinel.pricing.forward import ForwardFit, forward_from_parity, forwards_from_parity
from quantsentinel.pricing.implied_vol import implied_vol
from quantsentinel.pricing.physical import physical_density
from quantsentinel.pricing.smile import Smile, corrected_smile
from quantsentinel.pricing.svi import SviFit, SviParams, fit_arbitrage_free, fit_slices, repaired, total_variance
from quantsentinel.pricing.svi_calendar import floor_under, on_floor
from quantsentinel.pricing.tails import tail_bounds
from tests.figures import MARKETDATA, REAL, Peer, measured_day, row, wall_ms

RATE = 0.055
SNAPSHOT = 100


@dataclass(frozen=True, eq=False)
class RealSlice:
    """One expiry of a recorded NIFTY snapshot; `k`, `w`, `weight` are the quotes that are worth fitting."""

    expiry: str
    years: float
    discount: float
    strike: np.ndarray
    sides: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    forward: ForwardFit
    k: np.ndarray
    w: np.ndarray
    weight: np.ndarray


def real_slices(marketdata: Path, snapshot: int = SNAPSHOT, underlying: str = "NIFTY") -> list[RealSlice]:
    """The slices of one NIFTY snapshot of 2025-08-29, nearest first; calendar time is enough for a benchmark."""
    file = marketdata / f"chains/nse_1min_2025-08/{underlying}_option_chain_1min_20250829.parquet"
    frame = pl.read_parquet(file)
    name = frame["source_file"].unique(maintain_order=True)[snapshot]
    rows = frame.filter(pl.col("source_file") == name).sort("Strike_Price")
    parts = [_real_slice(expiry, part) for (expiry,), part in rows.group_by("Expiry_Date", maintain_order=True)]
    return sorted(parts, key=lambda part: part.years)


def _real_slice(expiry: str, rows: pl.DataFrame) -> RealSlice:
    names = ("Strike_Price", "CALLS_Bid_Price", "CALLS_Ask_Price", "PUTS_Bid_Price", "PUTS_Ask_Price")
    strike, *sides = (rows[name].to_numpy().astype(float) for name in names)
    fetched = datetime.strptime(rows["Fetch_Time"][0], "%d-%b-%Y %H:%M:%S")
    ends = datetime.strptime(expiry, "%d-%b-%Y") + timedelta(hours=15.5)
    return _slice(expiry, (ends - fetched) / timedelta(days=365), strike, sides)


def simulated_slices() -> list[RealSlice]:
    """The same of a simulated snapshot, nearest first."""
    taken = measured_day().snapshots[SNAPSHOT]
    found = []
    for index, part in enumerate(taken.slices):
        call = slice(int(taken.offsets[index]), int(taken.offsets[index + 1]), 2)
        put = slice(call.start + 1, call.stop, 2)
        ends = datetime.combine(part.expiry, datetime.min.time(), UTC) + timedelta(hours=10)
        sides = [taken.bid[call], taken.ask[call], taken.bid[put], taken.ask[put]]
        years = (ends - part.observed_at) / timedelta(days=365)
        found.append(_slice(part.expiry.isoformat(), years, taken.strike[call], sides))
    return found


def _slice(expiry: str, years: float, strike: np.ndarray, sides: Sequence[np.ndarray]) -> RealSlice:
    discount = float(np.exp(-RATE * years))
    fit = forward_from_parity(strike, *sides, discount)
    k, w, weight = _otm(strike, sides, fit.forward, years, discount) if fit.is_fitted else (np.empty(0),) * 3
    return RealSlice(expiry, years, discount, strike, tuple(sides), fit, k, w, weight)


def _otm(
    strike: np.ndarray, sides: Sequence[np.ndarray], forward: float, years: float, discount: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    is_call = strike > forward
    bid, ask = np.where(is_call, sides[0], sides[2]), np.where(is_call, sides[1], sides[3])
    mid = 0.5 * (bid + ask)
    vol = implied_vol(mid, forward, strike, years, discount, is_call)
    good = (bid > 0) & (ask >= bid) & (ask - bid < 0.5 * mid) & np.isfinite(vol)
    greeks = black76.greeks(forward, strike, years, vol, discount, is_call)
    good &= np.abs(np.nan_to_num(greeks.delta)) > 0.005
    error = 2 * vol * years * np.hypot(np.maximum(0.5 * (ask - bid), 0.025) / greeks.vega, 0.002)
    return np.log(strike / forward)[good], (vol**2 * years)[good], error[good] ** -2.0


def _kernel_rows() -> list[dict[str, Any]]:
    """2,000 out-of-the-money options: implied vol and Greeks against loops over vollib and brentq."""
    random = np.random.default_rng(1)
    strike, years = random.uniform(21_000, 29_000, 2_000), random.choice([4 / 365, 11 / 365, 32 / 365, 0.5], 2_000)
    sigma, is_call, discount = random.uniform(0.1, 0.4, 2_000), strike > 25_000, np.exp(-RATE * years)
    price = np.maximum(black76.price(25_000.0, strike, years, sigma, discount, is_call), 1e-7)
    flags = np.where(is_call, "c", "p").tolist()
    cells = list(zip(price.tolist(), strike.tolist(), years.tolist(), sigma.tolist(), flags, strict=True))

    def root(p: float, k: float, t: float, flag: str) -> float:
        return float(brentq(lambda s: scalar_black(flag, 25_000.0, k, t, RATE, s) - p, 1e-4, 5.0))

    def vollib_greeks() -> None:
        for _, k, t, s, flag in cells:
            for greek in (analytical.delta, analytical.gamma, analytical.vega, analytical.theta, analytical.rho):
                greek(flag, 25_000.0, k, t, RATE, s)

    ours = wall_ms(lambda: implied_vol(price, 25_000.0, strike, years, discount, is_call), 21)
    loop = wall_ms(lambda: [jaeckel(p, 25_000.0, k, RATE, t, flag) for p, k, t, _, flag in cells], 3)
    brent = wall_ms(lambda: [root(p, k, t, flag) for p, k, t, _, flag in cells], 1)
    greeks = wall_ms(lambda: black76.greeks(25_000.0, strike, years, sigma, discount, is_call), 21)
    slow = Peer("vollib loop (5 Greeks)", wall_ms(vollib_greeks, 3), 10.0)
    note = "price of 6 arguments in, wrong answers refused; see tests/unit/test_pricing_implied_vol.py"
    return [
        row("implied vol, 2,000 options", ours, "ms", 2.0, peer=Peer("vollib loop", loop, 20.0), note=note),
        row("implied vol, 2,000 options", ours, "ms", 2.0, peer=Peer("scipy brentq loop", brent, 20.0), note=note),
        row("8 Greeks, 2,000 options", greeks, "ms", 0.5, peer=slow),
    ]


def least_squares_slice(k: np.ndarray, w: np.ndarray, weight: np.ndarray) -> SviParams:
    """The peer: scipy's bounded least squares from one start, numeric Jacobian, in our bounds."""
    width, share = float(np.ptp(k)), np.sqrt(weight / weight.sum())
    start = [0.5 * float(w.min()), 0.05, -0.2, 0.0, 0.2 * width]
    bounds = ([-1, 0, -0.999, k.min(), 0.01 * width], [1, 5, 0.999, k.max(), width])
    fit = least_squares(
        lambda theta: share * (total_variance(k, SviParams(*theta)) - w) * 1e4, start, bounds=bounds,
        x_scale=[1e-3, 0.05, 0.3, 0.05, 0.05],
    )  # fmt: skip
    return SviParams(*fit.x)


def _surface_rows(parts: list[RealSlice], label: str) -> list[dict[str, Any]]:
    """One snapshot: forwards, slices with their guards, smiles, densities and tail bounds."""
    worth = [part for part in parts if part.k.size >= 10][:8]
    quotes = [(part.k, part.w, part.weight) for part in worth]
    slices = f"{label}, {len(worth)} slices, {round(np.mean([part.k.size for part in worth]))} quotes each"
    peer = Peer("scipy least_squares, one start", wall_ms(lambda: [least_squares_slice(*part) for part in quotes], 3))
    fits = wall_ms(lambda: fit_slices(quotes), 21)
    free = wall_ms(lambda: repaired(fit_slices(quotes), quotes), 21)
    guarded = wall_ms(lambda: guarded_surface(quotes), 11)
    strikes, sides = _side_by_side(parts)
    discounts = np.array([part.discount for part in parts])
    forwards = wall_ms(lambda: forwards_from_parity(strikes, sides, discounts), 21)
    return [
        row(f"forwards of {len(parts)} expiries", forwards, "ms", 2.0, note=label),
        row("SVI fits of a snapshot", fits, "ms", 6.0, peer=peer, note=slices),
        row("SVI fits of a snapshot, free of arbitrage", free, "ms", 10.0, note=slices),
        row("SVI fits, butterfly and calendar repair, smiles", guarded, "ms", 25.0, note=slices),
        *_density_rows(worth[0], label),
    ]


def _side_by_side(parts: Sequence[RealSlice]) -> tuple[np.ndarray, np.ndarray]:
    """Strikes (S, n) and quotes (4, S, n), short expiries filled up with quotes of 0."""
    table = np.zeros((5, len(parts), max(len(part.strike) for part in parts)))
    for place, part in enumerate(parts):
        table[:, place, : len(part.strike)] = part.strike, *part.sides
    return table[0], table[1:]


def guarded_surface(quotes: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> list[Smile]:
    """Fits, free of butterfly arbitrage, each on the floor of the one before it, brought back to its quotes."""
    smiles: list[Smile] = []
    before: SviFit | None = None
    for fit, taken in zip(repaired(fit_slices(quotes), quotes), quotes, strict=True):
        floor = floor_under(fit, before, smiles[-1]) if before is not None else None
        sound = on_floor(fit, taken, floor) if floor is not None else fit
        smiles.append(corrected_smile(sound.params, *taken, floor))
        before = sound
    return smiles


def _density_rows(part: RealSlice, label: str) -> list[dict[str, Any]]:
    """One expiry: its density, re-scaled and bounded by what quotes alone say."""
    quotes = (part.k, part.w, part.weight)
    params, forward, strikes = fit_arbitrage_free(*quotes).params, part.forward.forward, part.strike[:400]
    smile = corrected_smile(params, *quotes)
    physical = physical_density(implied_density(forward, smile), 0.9)

    def density_and_bounds() -> None:
        density = implied_density(forward, corrected_smile(params, *quotes))
        _ = density.variance, density.skewness, density.kurtosis
        crash_probability(density, [0.02, 0.05, 0.1])
        tail_bounds(part.strike, *part.sides, part.discount)

    work: tuple[tuple[str, Callable[[], object], float], ...] = (
        ("corrected smile", lambda: corrected_smile(params, *quotes), 1.0),
        ("implied density", lambda: implied_density(forward, smile), 1.0),
        ("tail bounds of all strike pairs", lambda: tail_bounds(part.strike, *part.sides, part.discount), 1.0),
        ("smile, density, moments, crash probabilities and tail bounds", density_and_bounds, 5.0),
        ("physical density", lambda: physical_density(implied_density(forward, smile), 0.9), 1.5),
        (f"expected payoff at {len(strikes)} strikes", lambda: expected_payoff(physical, strikes, True), 0.5),
    )
    return [row(name, wall_ms(run, 21), "ms", budget, note=label) for name, run, budget in work]


def rows() -> list[dict[str, Any]]:
    """The kernels against their peers, then one snapshot's surface."""
    recorded = REAL.is_file()
    parts = real_slices(MARKETDATA) if recorded else simulated_slices()
    return _kernel_rows() + _surface_rows(parts, measured_day().label)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
