"""The real chains of `marketdata`: what is accepted, what is refused and by which guard, as `definitions.md` measured.

Expected counts come from `definitions.md` §1 (NIFTY 2025-08-29: 306 snapshots, 304 within 120 s of lag, 292 of them not
repeats; one BANKNIFTY snapshot 51 s in the future) and from the folder's README (7 snapshots of a holiday).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quantsentinel.adapters.brokers.recorded import Recording, open_recording
from quantsentinel.integrity.firewall import Firewall
from quantsentinel.market.codec import decode_snapshot, encode_snapshot
from quantsentinel.market.parsers import parse
from quantsentinel.market.snapshot import Snapshot
from tests.chains import judged, refusal, rules

pytestmark = pytest.mark.marketdata
CHAINS = "chains/nse_1min_2025-08"


@dataclass
class Day:
    """What a played recording came to."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    firewalls: list[Firewall] = field(default_factory=list)


@cache
def played(folder: Path, underlying: str, name: str) -> Day:
    """Every snapshot judged at its collection time after the accepted one before it."""
    recording = open_recording(folder / name)
    day, previous, seen = Day(), None, None
    for index, at in enumerate(recording.schedule(underlying)):
        snapshot = parse(recording.raw(underlying, index), rules())
        firewall = judged(snapshot, previous=previous, last_seen=seen, decided_at=at)
        day.firewalls.append(firewall)
        seen = snapshot
        if firewall.accepted:
            day.accepted, previous = day.accepted + 1, snapshot
        else:
            day.refused[refusal(firewall)] += 1
    return day


def nifty(marketdata: Path) -> Day:
    return played(marketdata / CHAINS, "NIFTY", "NIFTY_option_chain_1min_20250829.parquet")


def banknifty(marketdata: Path) -> Day:
    return played(marketdata / CHAINS, "BANKNIFTY", "BANKNIFTY_option_chain_1min_20250829.parquet")


def first(recording: Recording, underlying: str) -> Snapshot:
    return parse(recording.raw(underlying, 0), rules())


def test_nifty_accepts_292_of_306_and_refuses_lag_and_repeats(marketdata: Path) -> None:
    day = nifty(marketdata)
    assert (day.accepted, len(day.firewalls)) == (292, 306)
    assert day.refused == {"lag": 2, "repeated_snapshot": 12}


def test_banknifty_accepts_285_of_305_and_refuses_the_one_from_the_future(marketdata: Path) -> None:
    day = banknifty(marketdata)
    assert (day.accepted, len(day.firewalls)) == (285, 305)
    assert day.refused == {"lag": 1, "repeated_snapshot": 19}
    future = next(item.first_stop for item in day.firewalls if refusal(item) == "lag")
    assert future is not None
    assert (future.measured, future.limit) == (-51, -5)


@pytest.mark.parametrize("underlying", ["NIFTY", "BANKNIFTY"])
def test_all_seven_snapshots_of_the_holiday_fail_at_session_open_first(marketdata: Path, underlying: str) -> None:
    day = played(marketdata / CHAINS, underlying, f"{underlying}_option_chain_1min_20250827.parquet")
    assert (day.accepted, day.refused) == (0, {"session_open": 7})


def test_uncovered_years_are_left_out_and_eleven_nifty_expiries_stand(marketdata: Path) -> None:
    snapshot = nifty(marketdata).firewalls[0].snapshot
    assert len(snapshot.expiries) == 11
    assert len(snapshot.notes) == 7
    assert max(snapshot.expiries).year == 2026


def test_every_count_of_the_real_day_is_a_whole_unit_and_sizes_are_lots_of_75(marketdata: Path) -> None:
    for firewall in nifty(marketdata).firewalls[::25]:
        snapshot = firewall.snapshot
        for name in ("oi", "oi_change", "volume"):
            assert np.array_equal(snapshot.columns[name], np.floor(snapshot.columns[name]))
        assert not np.any(snapshot.bid_size % 75)
        assert not np.any(snapshot.ask_size % 75)


def test_open_interest_in_units_equals_the_file_s_lots_times_75(marketdata: Path) -> None:
    frame = pl.read_parquet(marketdata / CHAINS / "NIFTY_option_chain_1min_20250829.parquet")
    first_rows = frame.filter(pl.col("collection_timestamp") == "20250829_092416")
    expected = first_rows.filter(pl.col("Expiry_Date") == "02-Sep-2025")["CALLS_OI"].sum() * 75
    chain = nifty(marketdata).firewalls[0].snapshot.chain(0)
    assert chain.call["oi"].sum() == pytest.approx(expected, abs=0.01)


def test_forwards_rise_with_expiry_and_fit_within_a_point_near_the_money(marketdata: Path) -> None:
    for firewall in nifty(marketdata).firewalls[::25]:
        near = [fit.forward for fit in firewall.forwards[:5]]
        assert near == sorted(near)
        assert firewall.forwards[0].stderr < 1.0


def test_near_the_money_quotes_of_the_nearest_expiry_stay_usable(marketdata: Path) -> None:
    for day in (nifty(marketdata), banknifty(marketdata)):
        for firewall in day.firewalls:
            if firewall.accepted:
                rows = np.flatnonzero(firewall.quotes.near)
                assert firewall.mask[rows[rows < firewall.snapshot.offsets[1]]].mean() >= 0.9


def test_real_snapshots_keep_their_digest_through_parquet(marketdata: Path) -> None:
    for day in (nifty(marketdata), banknifty(marketdata)):
        for firewall in day.firewalls[::60]:
            assert decode_snapshot(encode_snapshot(firewall.snapshot)).digest == firewall.snapshot.digest


def test_last_price_recordings_are_accepted_inside_the_session_for_analytics(marketdata: Path) -> None:
    name = "index_rows_of_fno_chain_2025-12-31_on.parquet"
    day = played(marketdata / "chains/ltp_only_2026-01", "NIFTY", name)
    assert (day.accepted, day.refused) == (403, {"session_open": 6})
    assert not any(item.entries_allowed for item in day.firewalls)
    assert all(fit.is_fitted for item in day.firewalls for fit in item.forwards[:1])


def test_vendor_greeks_are_analytics_only_with_lots_of_65(marketdata: Path) -> None:
    snapshot = first(open_recording(marketdata / "chains/greeks_2026-08"), "NIFTY")
    assert snapshot.capability == "ltp_only"
    assert snapshot.spot == 24_216.75
    assert not np.any(snapshot.oi % 65)
    assert 0 < snapshot.vendor_iv.max() < 5


def test_both_daily_layouts_are_read_by_what_they_carry(marketdata: Path) -> None:
    recording = open_recording(marketdata / "chains/daily_2025-07")
    assert {name: len(recording.schedule(name)) for name in recording.underlyings} == {"BANKNIFTY": 12, "NIFTY": 11}
    assert len(recording.skipped) == 2
    kinds = [parse(recording.raw("NIFTY", index), rules()).capability for index in range(11)]
    assert kinds == ["quotes"] + ["ltp_only"] * 10
    assert first(recording, "NIFTY").spot == 25_095.65


def test_real_upstox_payloads_are_read_in_units_with_their_wild_vols(marketdata: Path) -> None:
    recording = open_recording(marketdata / "payloads/upstox_option_chain")
    snapshot = parse(recording.raw("NIFTY", 1), rules())
    assert snapshot.oi[0] == 133_025
    assert snapshot.vendor_iv[0] == pytest.approx(3.6768)
    assert not np.any(snapshot.oi % 25)
    assert refusal(judged(snapshot)) == "identity", "committed on a Saturday, after its expiry"


def test_the_saved_nse_json_is_read_but_the_expiries_and_the_session_of_its_year_are_not_covered(
    marketdata: Path,
) -> None:
    recording = open_recording(marketdata / "payloads/nse_option_chain/option_chain.json.gz")
    assert recording.underlyings == ("BANKNIFTY",)
    snapshot = first(recording, "BANKNIFTY")
    assert snapshot.expiries == (date(2024, 3, 28),)
    assert "2023-05-04 left out: no holiday list for 2023" in snapshot.notes
    assert refusal(judged(snapshot)) == "session_open"
