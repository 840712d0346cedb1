"""Snapshots survive Parquet, one at a time and as a day file; spoilt files say what is wrong."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.bars import DailyBar
from quantsentinel.market.codec import PAIR_COLUMNS, SNAPSHOT_KEY, decode_snapshot, encode_snapshot
from quantsentinel.market.dayfile import read_day_file, write_day_file
from quantsentinel.market.snapshot import COLUMNS, GREEK_COLUMNS, MASKED_BY, VALUE_COLUMNS, Snapshot
from tests.chains import AT, chain, changed

BARS = (
    DailyBar(date(2025, 8, 26), 24_900.0, 24_920.5, 24_690.0, 24_712.05),
    DailyBar(date(2025, 8, 28), 24_695.8, 24_702.65, 24_481.6, 24_500.9),
)


def test_a_snapshot_keeps_its_digest_through_parquet() -> None:
    snapshot = replace(chain(), spot=24_480.0, notes=("2027-06-29 left out: no holiday list for 2027",))
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest
    assert again.notes == snapshot.notes
    assert again.slices == snapshot.slices


def test_encoding_twice_gives_the_same_bytes() -> None:
    assert encode_snapshot(chain()) == encode_snapshot(chain())


def test_a_snapshot_without_an_exchange_clock_or_a_spot_survives() -> None:
    snapshot = chain(source="upstox", lag=None)
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest
    assert again.spot is None
    assert all(part.exchange_time is None for part in again.slices)


def test_a_truncated_object_is_bad_input() -> None:
    with pytest.raises(BadInput, match="not a Parquet file"):
        decode_snapshot(encode_snapshot(chain())[:-100])


WRONG_HEADERS: dict[str, Any] = {
    "no JSON": "{",
    "nested without end": "[" * 100_000,
    "a list": [],
    "a number": 5,
    "nothing": None,
    "no version": {},
    "an unhashable version": {"schema_version": [2]},
    "a version that only equals ours": {"schema_version": 2.0},
    "true for version one": {"schema_version": True},
    "no slices": {"slices": None},
    "slices that are numbers": {"slices": [1, 2, 3]},
    "a slice whose times are numbers": {"slices": [{"expiry": 1, "exchange_time": 2, "received_at": 3}] * 3},
    "no pairs": {"pairs": []},
    "more pairs than rows": {"pairs": [10**15, 1, 1]},
    "pairs that make up for one another": {"pairs": [-1, 83, 41]},
    "pairs beyond all bounds": {"pairs": [float("inf"), 1, 1]},
    "a spot that is text": {"spot": "24500"},
    "notes that are a number": {"notes": 7},
}


@pytest.mark.parametrize("wrong", WRONG_HEADERS.values(), ids=WRONG_HEADERS.keys())
def test_a_header_that_describes_no_snapshot_is_bad_input_whatever_it_is(wrong: Any) -> None:
    data = encode_snapshot(chain())
    header = json.loads(pl.read_parquet_metadata(io.BytesIO(data))[SNAPSHOT_KEY])
    told = wrong if not isinstance(wrong, dict) or not wrong else {**header, **wrong}
    buffer = io.BytesIO()
    text = told if isinstance(told, str) else json.dumps(told)
    pl.read_parquet(io.BytesIO(data)).write_parquet(buffer, metadata={SNAPSHOT_KEY: text})
    with pytest.raises(BadInput):
        decode_snapshot(buffer.getvalue())


def test_rows_of_another_type_are_bad_input() -> None:
    data = encode_snapshot(chain())
    frame, metadata = pl.read_parquet(io.BytesIO(data)), pl.read_parquet_metadata(io.BytesIO(data))
    for wrong in (pl.lit("much"), pl.lit([1.0])):
        buffer = io.BytesIO()
        frame.with_columns(call_bid=wrong).write_parquet(buffer, metadata={SNAPSHOT_KEY: metadata[SNAPSHOT_KEY]})
        with pytest.raises(BadInput):
            decode_snapshot(buffer.getvalue())


def test_another_parquet_file_is_bad_input(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="metadata"):
        decode_snapshot((tmp_path / "a.parquet").read_bytes())
    with pytest.raises(BadInput, match="not a day file"):
        read_day_file(tmp_path / "a.parquet")


def test_a_day_file_keeps_every_snapshot_and_the_daily_bars(tmp_path: Path) -> None:
    nifty = [chain(at=AT + minute * timedelta(minutes=1)) for minute in range(3)]
    bank = [chain(underlying="BANKNIFTY", expiries=(date(2025, 9, 30),), forward=54_000.0)]
    path = tmp_path / "day.parquet"
    assert write_day_file(path, [*nifty, *bank], {"NIFTY": BARS}) == 4
    day = read_day_file(path)
    assert day.underlyings == ("BANKNIFTY", "NIFTY")
    assert [item.digest for item in day.snapshots("NIFTY")] == [item.digest for item in nifty]
    assert [item.digest for item in day.snapshots("BANKNIFTY")] == [item.digest for item in bank]
    assert day.schedule("NIFTY") == [item.received_at for item in nifty]
    assert day.daily == {"NIFTY": BARS}


def test_a_day_file_reads_as_a_plain_table(tmp_path: Path) -> None:
    snapshot = chain()
    write_day_file(tmp_path / "day.parquet", [snapshot], {})
    frame = pl.read_parquet(tmp_path / "day.parquet")
    assert set(PAIR_COLUMNS) < set(frame.columns)
    row = frame.row(5, named=True)
    assert row["underlying"] == "NIFTY"
    assert row["expiry"] == snapshot.expiries[0]
    assert row["collected_at"] == AT.astimezone(UTC)
    assert row["call_bid"] == snapshot.bid[10]
    assert row["put_ask"] == snapshot.ask[11]


def test_the_same_day_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_day_file(tmp_path / name, [chain()], {"NIFTY": BARS})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_truncated_day_file_and_an_unknown_underlying_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    write_day_file(path, [chain()], {})
    with pytest.raises(BadInput, match="It holds NIFTY"):
        read_day_file(path).schedule("SENSEX")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput, match="not a readable day file"):
        read_day_file(path)


def test_a_day_without_snapshots_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no snapshot"):
        write_day_file(tmp_path / "day.parquet", [], {})
    assert not list(tmp_path.iterdir())


def first_version(path: Path) -> str:
    """A day file as schema version 1 wrote it, and the digest that its snapshot had."""
    old = replace(chain(), schema_version=1)
    write_day_file(path, [old], {"NIFTY": BARS})
    frame = pl.read_parquet(path)
    metadata = {key: text for key, text in pl.read_parquet_metadata(path).items() if key != "ARROW:schema"}
    added = [f"{side}_{name}" for side in ("call", "put") for name in COLUMNS if name not in VALUE_COLUMNS]
    frame.drop(added).write_parquet(path, metadata=metadata)
    return old.digest


def test_a_day_file_of_schema_version_one_reads_under_its_old_digest(tmp_path: Path) -> None:
    digest = first_version(tmp_path / "old.parquet")
    assert digest == "sha256:e9a4e01eb7ed931d1b441a77adccac3a9324d77bcd9d19ea3bb64a2e2ba53939"
    again = read_day_file(tmp_path / "old.parquet").snapshot("NIFTY", 0)
    assert again.digest == digest
    assert again.schema_version == 1
    assert not again.masked.any()
    assert all(np.isnan(again.columns[name]).all() for name in GREEK_COLUMNS)


def test_an_old_snapshot_that_is_judged_takes_the_new_schema() -> None:
    old = replace(chain(), schema_version=1)
    assert old.judged({}) is old
    rows = np.arange(len(old)) == 4
    assert old.judged({"jump": rows}).schema_version == 2


def test_what_the_firewall_masked_is_part_of_the_digest_and_survives() -> None:
    rows = {name: np.arange(len(chain())) % 5 == place for place, name in enumerate(MASKED_BY)}
    rows["jump"] = rows["jump"] | rows["stuck_quote"]
    snapshot = chain().judged(rows)
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest != chain().digest
    assert all(np.array_equal(again.masked_by(name), rows[name]) for name in MASKED_BY)
    assert again.judged({}).digest == chain().digest


def test_vendor_greeks_survive_and_absent_ones_are_no_numbers() -> None:
    snapshot = changed(chain(), vendor_delta={4: 0.5})
    again = decode_snapshot(encode_snapshot(snapshot))
    assert again.digest == snapshot.digest != chain().digest
    assert again.vendor_delta[4] == 0.5
    assert np.isnan(again.vendor_delta[5])


@pytest.mark.parametrize("bits", [-1.0, 0.5, float("nan"), 2.0 ** len(MASKED_BY)])
def test_bits_that_no_guard_has_are_bad_input(bits: float) -> None:
    data = encode_snapshot(changed(chain(), masked={3: bits}))
    with pytest.raises(BadInput, match="no set of guards"):
        decode_snapshot(data)


@pytest.mark.parametrize("spot", [float("nan"), float("inf")])
def test_a_spot_that_is_no_number_makes_no_snapshot(spot: float) -> None:
    pairs = {name: column[0::2] for name, column in chain().columns.items()}
    with pytest.raises(BadInput, match="no number"):
        Snapshot.build(
            underlying="NIFTY",
            source="nse_site",
            capability="quotes",
            slices={part.expiry: part for part in chain().slices},
            expiry=chain().expiry[0::2],
            strike=chain().strike[0::2],
            call=pairs,
            put=pairs,
            spot=spot,
        )
