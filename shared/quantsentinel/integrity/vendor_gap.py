"""The vendor's implied vol and Greeks against ours, for one snapshot. Never used to decide: a monitored series.

Ours are Black-76 on the parity forward in calendar years (ACT/365), which is what vendors use; each is brought to the
unit that the source's data contract declares, so a ratio of one is agreement.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quantsentinel.errors import Broken
from quantsentinel.frozen import dataclass
from quantsentinel.integrity.quotes import QuoteMask
from quantsentinel.market.contracts import DataContract, Unit, contract_for
from quantsentinel.market.snapshot import Bools, Floats, Snapshot
from quantsentinel.pricing import black76
from quantsentinel.pricing.implied_vol import implied_vol

NEAREST_YEARS, FARTHEST_YEARS = 5 / 365, 0.3
"""Nearer expiries hang on the clock to the minute, farther ones are barely quoted."""
LEAST_ROWS = 6
NAMES = ("vendor_iv", "vendor_delta", "vendor_gamma", "vendor_theta", "vendor_vega")
_PER_DECLARED: Mapping[Unit, float] = {
    Unit.POINTS_PER_POINT: 1.0,
    Unit.PER_POINT: 1.0,
    Unit.POINTS_PER_YEAR: 1.0,
    Unit.POINTS_PER_DAY: 1 / black76.DAYS_PER_YEAR,
    Unit.POINTS_PER_UNIT_VOL: 1.0,
    Unit.POINTS_PER_VOL_POINT: 0.01,
}


@dataclass(frozen=True, slots=True)
class VendorGap:
    """`log_ratio` by name: the median over rows of log(vendor / ours); absent where fewer than 6 rows have both."""

    rows: int
    log_ratio: Mapping[str, float]


def vendor_gap(snapshot: Snapshot, quotes: QuoteMask) -> VendorGap:
    """Near-the-money rows of the expiries between 5 and 110 days that have a price, an implied vol and a forward."""
    counts = np.diff(snapshot.offsets)
    years, discount = np.repeat(quotes.years, counts), np.repeat(quotes.discounts, counts)
    forward = np.repeat(quotes.forward, counts)
    price = _price(snapshot)
    with np.errstate(invalid="ignore"):
        rows = quotes.near & (price > 0) & (years >= NEAREST_YEARS) & (years <= FARTHEST_YEARS)
    rows &= np.isfinite(forward)
    if snapshot.capability == "quotes":
        rows &= quotes.usable
    market = (forward[rows], snapshot.strike[rows], years[rows])
    vol = implied_vol(price[rows], *market, discount[rows], snapshot.is_call[rows])
    contract = contract_for(snapshot.source)
    ours = {"vendor_iv": vol}
    if any(name in contract.fields for name in NAMES[1:]):
        ours = _ours(black76.greeks(*market, vol, discount[rows], snapshot.is_call[rows]), vol)
    found: dict[str, float] = {}
    for name in NAMES:
        column = snapshot.columns.get(name)
        if column is not None and name in contract.fields:
            ratio = _median_log(column[rows], ours[name] * _unit_of(contract, name))
            found |= {} if ratio is None else {name: ratio}
    return VendorGap(int(np.count_nonzero(rows)), found)


def _price(snapshot: Snapshot) -> Floats:
    """Mid of two-sided quotes; the last price where the source has none."""
    if snapshot.capability == "ltp_only":
        return snapshot.ltp
    both: Bools = (snapshot.bid > 0) & (snapshot.ask > 0)
    return np.where(both, 0.5 * (snapshot.bid + snapshot.ask), 0.0)


def _ours(greeks: black76.Greeks, vol: Floats) -> dict[str, Floats]:
    values = (vol, greeks.delta, greeks.gamma, greeks.theta_per_year, greeks.vega)
    return dict(zip(NAMES, values, strict=True))


def _unit_of(contract: DataContract, name: str) -> float:
    """What brings ours to the declared unit. Vendor vols are fractions already: the parsers convert them."""
    if name == "vendor_iv":
        return 1.0
    unit = contract.field(name).unit
    if unit not in _PER_DECLARED:
        raise Broken(f"{name} is declared in {unit}", where=f"contract of {contract.source}", fix="Declare its unit")
    return _PER_DECLARED[unit]


def _median_log(vendor: Floats, ours: Floats) -> float | None:
    """Signs must agree where both have one: a delta of the wrong sign is left out, not folded."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = vendor / ours
    good = np.isfinite(ratio) & (ratio > 0)
    return float(np.median(np.log(ratio[good]))) if np.count_nonzero(good) >= LEAST_ROWS else None
