"""The lake: content-addressed, idempotent, safe to kill, nothing dropped in silence, and read back as it was."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from quantsentinel.adapters.brokers.recorded import open_recording
from quantsentinel.adapters.lake import FolderLake, chain_entries, daily_bars, is_lake
from quantsentinel.app.import_data import Options, Outcome, import_file
from quantsentinel.errors import BadInput
from quantsentinel.market.importers import IMPORTERS
from quantsentinel.market.importers.datasets import DATASETS, quoted
from quantsentinel.market.importers.document import unpacked
from quantsentinel.market.parsers import parse
from quantsentinel.market.parsers.payload import MAX_BYTES, load_json
from tests.chains import rules
from tests.payloads import OLDER, VIX, documents, nse_rows, parquet, zipped

DAILY = b"date,adj close,close,high,low,open,volume\n2025-08-28,100,100,101,99,100.5,0\n"


@dataclass
class MemoryLake:
    """A lake in memory that fails at the write number `fails_at`."""

    fails_at: int = 10**9
    files: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def has(self, path: str) -> bool:
        return path in self.files

    def put(self, path: str, data: bytes) -> bool:
        self.writes += 1
        if self.writes == self.fails_at:
            raise KeyboardInterrupt
        changed = self.files.get(path) != data
        self.files[path] = data
        return changed

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def under(self, folder: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(folder + "/"))


def import_all(lake: Any, folder: Path) -> list[Outcome]:
    samples = [*documents(folder).values(), ("nifty_daily.csv", DAILY)]
    return [outcome for name, body in samples for outcome in import_file(name, body, lake, rules())]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    assert {item.status for item in import_all(FolderLake(root), tmp_path)} == {"imported"}
    return root


def test_importing_again_changes_nothing(lake: Path, tmp_path: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in lake.rglob("*") if path.is_file()}
    again = import_all(FolderLake(lake), tmp_path)
    assert {item.status for item in again} == {"unchanged"}
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in lake.rglob("*") if path.is_file()}
    assert {item.importer for item in again} == set(IMPORTERS)


def test_a_killed_import_is_completed_by_the_next(tmp_path: Path) -> None:
    whole = MemoryLake()
    import_all(whole, tmp_path)
    for fails_at in range(1, whole.writes + 1, 17):
        broken = MemoryLake(fails_at)
        with pytest.raises(KeyboardInterrupt):
            import_all(broken, tmp_path)
        broken.fails_at = 0
        import_all(broken, tmp_path)
        assert broken.files == whole.files


def test_what_a_dead_import_left_is_removed_and_never_read(tmp_path: Path) -> None:
    left = tmp_path / ".incoming" / "999999999-part.parquet"
    left.parent.mkdir()
    left.write_bytes(b"PAR1 half")
    FolderLake(tmp_path).sweep()
    assert not left.exists()


def test_a_newer_importer_replaces_what_the_older_one_made_and_nothing_else() -> None:
    lake = MemoryLake()
    import_file("vix.csv", VIX.encode(), lake, rules())
    wanted = dict(lake.files)
    (record,) = lake.under("imports")
    older = json.loads(lake.files[record])
    lake.files |= {"vix/underlying=INDIAVIX/year=2012/part-old.parquet": b"", "vix/part-of-another.parquet": b""}
    older |= {"stamp": "an older importer's", "parts": [*older["parts"], *list(lake.files)[-2:]]}
    lake.files[record] = json.dumps(older).encode()
    lake.files["imports/another.json"] = json.dumps({**older, "parts": ["vix/part-of-another.parquet"]}).encode()
    assert import_file("vix.csv", VIX.encode(), lake, rules())[0].status == "imported"
    assert set(lake.files) == {*wanted, "imports/another.json", "vix/part-of-another.parquet"}


def test_reading_the_lake_is_reading_the_file(lake: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.parquet"
    rows.write_bytes(parquet(nse_rows()))
    original = parse(open_recording(rows).raw("NIFTY", 0), rules())
    assert is_lake(lake)
    recording = open_recording(lake)
    found = [parse(recording.raw("NIFTY", n), rules()).digest for n in range(len(recording.schedule("NIFTY")))]
    assert original.digest in found
    assert len(found) == len(set(found)) == 8
    assert set(open_recording(lake, days=[date(2025, 8, 29)]).schedule("NIFTY")) == set(recording.schedule("NIFTY"))
    with pytest.raises(BadInput, match="no BANKNIFTY 2025-08-29 in the lake"):
        open_recording(lake, underlyings=["BANKNIFTY"], days=[date(2025, 8, 29)])


def test_a_snapshot_in_two_files_counts_once(tmp_path: Path) -> None:
    body = parquet(nse_rows())
    lake = FolderLake(tmp_path)
    import_file("a.parquet", body, lake, rules())
    import_file("b.parquet", parquet(nse_rows().with_columns(more=pl.lit(1))), lake, rules())
    assert len(list(tmp_path.rglob("chains/**/*.parquet"))) == 2
    assert len(chain_entries(tmp_path)["NIFTY"]) == 1


def test_rows_that_do_not_give_the_named_snapshot_are_refused(lake: Path) -> None:
    file = next(lake.glob("chains/underlying=NIFTY/*/*.parquet"))
    frame = pl.read_parquet(file, hive_partitioning=False).with_columns(pl.col("call_bid") + 1)
    frame.write_parquet(file, metadata=pl.read_parquet_metadata(file))
    recording = open_recording(lake)
    with pytest.raises(BadInput, match="Import the original file again"):
        [recording.raw("NIFTY", n) for n in range(len(recording.schedule("NIFTY")))]


def test_daily_bars_come_from_one_source_that_which_reaches_furthest(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    header = "date,adj close,close,high,low,open,volume\n"
    rows = [f"2025-08-{day},1,{price},101,99,100,0" for day, price in ((26, 100), (28, 100))]
    import_file("nifty_daily.csv", (header + "\n".join(rows)).encode(), lake, rules())
    import_file("nifty_d.csv", (header + rows[0].replace(",100,101", ",100.5,101")).encode(), lake, rules())
    assert [(bar.day.day, bar.close) for bar in daily_bars(tmp_path, "NIFTY")] == [(26, 100.0), (28, 100.0)]


def test_polars_and_duckdb_read_every_dataset_directly(lake: Path) -> None:
    plain = {"VARCHAR", "DOUBLE", "BIGINT", "DATE", "TIMESTAMP WITH TIME ZONE"}
    assert {path.name for path in lake.iterdir()} == {*DATASETS, "imports", "rejected", ".incoming"}
    for name, dataset in DATASETS.items():
        glob = f"{lake}/{name}/**/*.parquet"
        frame = pl.scan_parquet(glob, hive_partitioning=True).collect()
        table = f"read_parquet('{glob}', hive_partitioning=true)"
        described = duckdb.execute(f"describe select * from {table}").fetchall()
        assert {column[0] for column in described} == set(frame.columns)
        assert {column[0] for column in described} >= {"underlying", dataset.key}
        assert {column[1] for column in described if column[0] != dataset.key} <= plain
        assert duckdb.execute(f"select count(*) from {table}").fetchall() == [(frame.height,)]


def test_rejected_rows_are_kept_with_line_and_reason(lake: Path) -> None:
    frame = pl.read_parquet(f"{lake}/rejected/**/*.parquet")
    said = {(row["importer"], row["row"], row["reason"]) for row in frame.iter_rows(named=True)}
    assert ("market_activity", 3, "a remark, no row") in said
    assert ("participant_oi", 7, "the sum of the other rows") in said
    assert any("open_int as" in text.lower() for text in frame["content"])


def test_each_touched_blemish_says_what_is_done(tmp_path: Path) -> None:
    (outcome,) = import_file("fo14MAY2012bhav.csv.zip", zipped(**{"x.csv": OLDER.encode()}), MemoryLake(), rules())
    done = {name: (met["rows"], met["treatment"]) for name, met in outcome.blemishes.items()}
    assert done == {
        "no_lot_published": (3, "kept"),
        "turnover_in_lakh": (3, "converted"),
        "two_digit_years": (1, "converted"),
        "american_style": (1, "converted"),
    }


def test_only_the_wanted_underlyings_of_a_file_of_many(tmp_path: Path) -> None:
    name, body = documents(tmp_path)["fovolt"]
    (outcome,) = import_file(name, body, MemoryLake(), rules(), Options(underlyings=("NIFTY", "BANKNIFTY")))
    assert outcome.rows == {"daily_volatility": 1}


def test_archives_and_sizes_are_bounded() -> None:
    bomb = zipped(**{"a.csv": b"0" * (MAX_BYTES["csv"] + 1)})
    (outcome,) = import_file("bomb.zip", bomb, MemoryLake(), rules())
    assert (outcome.status, "bytes unpacked" in outcome.reason) == ("refused", True)
    with pytest.raises(BadInput, match="members, at most 64"):
        unpacked("many.zip", zipped(**{f"{n}.csv": b"" for n in range(65)}))
    with pytest.raises(BadInput, match="at most 33554432 of json"):
        load_json(b'{"data": "' + b"x" * 50_000_000 + b'"}', "fifty megabytes")
    with pytest.raises(BadInput, match="nested too deeply"):
        load_json(b"[" * 200_000, "deep")


def test_a_small_table_that_claims_millions_of_rows_is_refused() -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"Fetch_Time": ["x"], "Symbol": ["NIFTY"]}).select(
        pl.all().repeat_by(4_000_001).explode()
    ).write_parquet(buffer)
    assert len(buffer.getvalue()) < 1_000_000
    (outcome,) = import_file("rows.parquet", buffer.getvalue(), MemoryLake(), rules())
    assert "4000001 rows of 2 columns" in outcome.reason


def test_partition_values_are_written_as_hive_does() -> None:
    assert [quoted(name) for name in ("M&M", "BAJAJ-AUTO", "../x", "a=b")] == ["M%26M", "BAJAJ-AUTO", "..%2Fx", "a%3Db"]
