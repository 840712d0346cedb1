"""Every fault, and the rows of `conventions.md` §1 and `marketdata/README.md` they come from."""

from __future__ import annotations

from collections.abc import Mapping

from quantsentinel.errors import BadInput
from quantsentinel.simulator.faults import absent, foreign, labels, mixed, payloads, scales, shapes, sides, stale, times
from quantsentinel.simulator.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *foreign.FAULTS,
    *stale.FAULTS,
    *absent.FAULTS,
    *scales.FAULTS,
    *sides.FAULTS,
    *times.FAULTS,
    *labels.FAULTS,
    *shapes.FAULTS,
    *payloads.FAULTS,
    *mixed.FAULTS,
)
"""A test holds their number."""

SOURCES: Mapping[str, str] = {
    # `conventions.md` §1, the rows that concern market data
    "openalgo_foreign_price": "OpenAlgo #1732, #1761, #1813, PR #1904: an option's price is another instrument's",
    "openalgo_stale_price": "OpenAlgo #1638: filled at a price five to six weeks old",
    "openalgo_zeros": "OpenAlgo #670, #2055, #2045: zeros with success, spot 0 and a wrong ladder, quantities 0",
    "freqtrade_lookahead": "freqtrade #11346: values from after the decision",
    "nautilus_two_prices": "nautilus #4966: two legs of one vertical at two prices of the index",
    "lean_lot": "Lean's symbol table: tick and lot transposed, today's lots in the past",
    # `marketdata/README.md`, chains
    "nse_repeats": "nse_1min_2025-08: 14-19 repeated fetch times",
    "nse_hole": "nse_1min_2025-08: one 19-minute gap",
    "nse_vol_zero": "nse_1min_2025-08: vendor vol 0 on 22-38 % of the nearest expiry",
    "nse_last_outside": "nse_1min_2025-08: last price outside bid and ask on 22-38 %",
    "nse_far_zero": "nse_1min_2025-08: bid and ask 0 in far expiries",
    "nse_lots": "nse_1min_2025-08: open interest and volume in lots",
    "nse_fractions": "nse_1min_2025-08: some open interest is a fraction of a lot",
    "nse_sizes_units": "nse_1min_2025-08: sizes are units while counts are lots",
    "nse_lag": "nse_1min_2025-08: exchange time 139 s behind to 51 s ahead of the receipt",
    "nse_holiday": "nse_1min_2025-08: seven snapshots of a holiday",
    "ltp_spot_zero": "ltp_only_2026-01: spot 0",
    "ltp_no_quotes": "ltp_only_2026-01: no bid, no ask",
    "ltp_no_vol": "ltp_only_2026-01: no vendor vol",
    "ltp_lots": "ltp_only_2026-01: lots 65 and 30 throughout",
    "greeks_floor": "greeks_2026-08: vendor vol at a floor of 0.1, vendor Greeks",
    "daily_layouts": "daily_2025-07: two layouts",
    "fno_footnote": "fno_eod_2025-11-14: footnote row, padded headers",
    "rules_expiry_late": "calendar/nse_rules: the sample's expiry is one cycle late",
    # `marketdata/README.md`, payloads and what else ends up in a chain
    "upstox_vol": "payloads/upstox_option_chain: vendor vol above 100 or 0",
    "upstox_zero_bids": "payloads/upstox_option_chain: zero bids",
    "upstox_no_time": "payloads/upstox_option_chain: no timestamp",
    "kite_rupees": "payloads/kite: illustrative values",
    "bars_mislabelled": "bars/index_1min_2024: BANKNIFTY labelled NIFTY",
}


def fault(name: str) -> Fault:
    """Raises `BadInput` for a name that no fault has."""
    found = next((item for item in FAULTS if item.name == name), None)
    if found is None:
        raise BadInput(f"no fault {name!r}", fix=f"Known: {', '.join(item.name for item in FAULTS)}")
    return found
