"""Participant open interest: NSE's daily file and stacked evenings."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.history import decode_participants, encode_participants
from quantsentinel.market.participants import read_participants

HEADER = "Option Index Call Long,Option Index Put Long,Option Index Call Short,Option Index Put Short"
ROWS = "Client,1,2,3,4\nDII,5,6,7,8\nFII,9,10,11,12\nPro,13,14,15,16\nTOTAL,28,32,36,40\n"


def test_nses_own_file_names_its_day_in_the_title_row(tmp_path: Path) -> None:
    file = tmp_path / "oi.csv"
    file.write_text(f'""Participant wise Open Interest as on Nov 14, 2025"",,,\nClient Type,{HEADER}\n{ROWS}')
    (evening,) = read_participants(file)
    assert evening.day == date(2025, 11, 14)
    assert (evening.call_long["pro"], evening.put_long["pro"], evening.call_short["pro"]) == (13.0, 14.0, 15.0)
    assert decode_participants(encode_participants([evening])) == (evening,)


def test_an_evening_is_known_only_after_the_session_it_belongs_to(tmp_path: Path) -> None:
    file = tmp_path / "fao_participant_oi_14112025.csv"
    file.write_text(f"Client Type,{HEADER}\n{ROWS}")
    (evening,) = read_participants(file)
    assert evening.available_at.isoformat() == "2025-11-14T20:00:00+05:30"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,b\n1,2\n", "Client Type"),
        (f"Client Type,{HEADER}\n{ROWS}", "which day"),
        (f"date,client_type,{HEADER}\n2025-11-14,Pro,1,2,3,4\n", "no evening with all of"),
        (f"date,client_type,{HEADER}\n2025-11-14,Pro,x,2,3,4\n", "no plain number"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_its_name(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=what) as refused:
        read_participants(file)
    assert "odd.csv" in str(refused.value)


@pytest.mark.marketdata
def test_the_real_files_agree_on_the_evening_that_both_hold(marketdata: Path) -> None:
    stacked = read_participants(marketdata / "daily" / "india_vix_span_oi_2012_2026" / "data__participant_oi.csv.gz")
    (single,) = read_participants(
        marketdata / "chains" / "fno_eod_2025-11-14" / "nse_data__fao_participant_oi_14112025.csv"
    )
    assert len(stacked) > 3_000
    assert next(evening for evening in stacked if evening.day == single.day) == single
