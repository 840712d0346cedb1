"""Data contracts: what each source promises about its clock, its delay and its units (`definitions.md` §1-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from quantsentinel.errors import BadInput
from quantsentinel.market.snapshot import Capability

Unit = Literal["lots", "units"]
MIN_LAG_S = -5.0
"""Clocks of two machines differ: an exchange time up to 5 s after the receipt is still believed."""


@dataclass(frozen=True, slots=True)
class DataContract:
    """`clock` is "exchange" where the payload carries the exchange's time, "receipt" where only we know when it came.

    `oi` is the unit of open interest and its change, `volume` and `sizes` of those fields, as the source prints them.
    """

    source: str
    version: int
    clock: Literal["exchange", "receipt"]
    max_lag_s: float
    nominal_interval_s: float
    oi: Unit
    volume: Unit
    sizes: Unit
    capability: Capability

    @property
    def max_gap_s(self) -> float:
        """Session seconds without an accepted snapshot after which the stale-data switch trips."""
        return max(60.0, 3 * self.nominal_interval_s)


def _contract(source: str, clock: Literal["exchange", "receipt"], interval_s: float, units: str) -> DataContract:
    oi: Unit = "lots" if units == "lots" else "units"
    capability: Capability = "ltp_only" if source.endswith("_ltp") else "quotes"
    return DataContract(
        source=source,
        version=1,
        clock=clock,
        max_lag_s=120.0,
        nominal_interval_s=interval_s,
        oi=oi,
        volume=oi,
        sizes="units",
        capability=capability,
    )


CONTRACTS: Mapping[str, DataContract] = {
    contract.source: contract
    for contract in (
        _contract("nse_site", "exchange", 65.0, "lots"),
        # The same site read by a tool that kept no exchange time.
        _contract("nse_site_untimed", "receipt", 65.0, "lots"),
        _contract("nse_site_ltp", "receipt", 900.0, "lots"),
        _contract("nse_units_ltp", "receipt", 900.0, "units"),
        _contract("upstox", "receipt", 10.0, "units"),
        _contract("simulator", "exchange", 60.0, "units"),
    )
}
"""By source. `nse_site`: bid and ask sizes are units already while open interest and volume are lots (measured)."""


def contract_for(source: str) -> DataContract:
    """Raises `BadInput` for a source nobody has described."""
    try:
        return CONTRACTS[source]
    except KeyError:
        raise BadInput(f"no data contract for source {source!r}", fix=f"Known: {', '.join(CONTRACTS)}") from None
