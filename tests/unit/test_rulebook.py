"""The rule book answers by date, names its row, and refuses what it does not know."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest

from quantsentinel.errors import BadInput, RuleGap
from quantsentinel.market.rule_check import LINES
from quantsentinel.market.rule_rows import rows_from
from quantsentinel.market.rule_schema import COVERAGE_KEYS, KINDS, status_from
from quantsentinel.market.rulebook import load_rules

RULES = load_rules()
TODAY = date(2026, 11, 20)


def overlay(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "overlay.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("underlying", "expiry", "on", "lot"),
    [
        ("NIFTY", date(2024, 4, 25), date(2024, 4, 2), 50),
        ("NIFTY", date(2024, 5, 2), date(2024, 4, 26), 25),
        ("NIFTY", date(2025, 1, 2), date(2024, 12, 20), 75),
        ("NIFTY", date(2025, 1, 30), date(2025, 1, 15), 25),
        ("NIFTY", date(2025, 3, 27), date(2024, 12, 26), 25),
        ("NIFTY", date(2025, 3, 27), date(2024, 12, 27), 75),
        ("NIFTY", date(2026, 3, 31), date(2025, 8, 29), 75),
        ("NIFTY", date(2026, 3, 31), date(2025, 12, 30), 75),
        ("NIFTY", date(2026, 3, 30), date(2025, 12, 31), 65),
        ("NIFTY", date(2026, 1, 27), date(2025, 11, 14), 65),
        ("BANKNIFTY", date(2025, 9, 30), date(2025, 8, 29), 35),
        ("BANKNIFTY", date(2026, 1, 27), date(2026, 1, 2), 30),
    ],
)
def test_a_lot_depends_on_the_contract_and_on_the_trade_date(underlying: str, expiry: date, on: date, lot: int) -> None:
    assert RULES.lot(underlying, expiry, on).value == lot


def test_the_lots_of_the_main_input_are_confirmed() -> None:
    for underlying in ("NIFTY", "BANKNIFTY"):
        for expiry in RULES.expiries(underlying, date(2025, 8, 29)):
            ruled = RULES.lot(underlying, expiry, date(2025, 8, 29))
            assert (ruled.row.status, ruled.adverse) == ("confirmed", False)


def test_sensex_has_no_lot_until_it_is_confirmed() -> None:
    with pytest.raises(RuleGap, match=r"lot\.sensex\.20 is unverified"):
        RULES.lot("SENSEX", date(2026, 11, 26), TODAY)


def test_an_unknown_underlying_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"unknown underlying 'NIFTY50'.*Known: NIFTY, BANKNIFTY"):
        RULES.tick("NIFTY50", TODAY)


def test_a_date_before_the_first_row_is_refused() -> None:
    with pytest.raises(RuleGap, match="no underlying row for underlying NIFTY on 2023-03-31"):
        RULES.charges("NIFTY", date(2023, 3, 31))


def test_a_date_past_the_last_verified_day_is_refused() -> None:
    after = RULES.coverage_end() + timedelta(days=1)
    assert after == date(2027, 1, 1)
    for ask in (RULES.charges, RULES.scan, RULES.tick, RULES.freeze_quantity, RULES.expiries):
        with pytest.raises(RuleGap):
            ask("NIFTY", after)


def test_coverage_names_its_lines_and_leaves_out_what_is_not_traded() -> None:
    coverage = RULES.coverage()
    assert coverage["lot NIFTY"] == coverage["charge NSE options stt_sale"] == date(2026, 12, 31)
    assert not [line for line in coverage if "SENSEX" in line or "BSE" in line]
    assert len(coverage) > 40


def test_the_weeklies_of_banknifty_are_not_listed_by_guess() -> None:
    with pytest.raises(RuleGap, match=r"listing\.banknifty\.with-weeklies is unverified"):
        RULES.expiries("BANKNIFTY", date(2024, 6, 3))


def test_a_circular_serves_as_provisional_after_the_day_it_was_last_checked() -> None:
    before, after = RULES.charges("NIFTY", date(2026, 8, 21)).stt_sale, RULES.charges("NIFTY", TODAY).stt_sale
    assert before.value == after.value == Decimal("0.0015")
    assert (before.row.status, before.adverse) == ("confirmed", False)
    assert (after.row.status, after.adverse) == ("provisional", True)


def test_a_rate_that_is_not_read_uses_the_higher_candidate_and_says_so() -> None:
    scan = RULES.scan("NIFTY", date(2025, 8, 29))
    assert (scan.exposure_deep_otm.value, scan.exposure_deep_otm.adverse) == (0.03, True)
    assert (scan.exposure.value, scan.exposure.adverse) == (0.02, False)


def test_the_scan_floor_of_banknifty_fell_on_the_day_nse_cut_it() -> None:
    floors = [RULES.scan("BANKNIFTY", day).price_scan_floor.value for day in (date(2026, 2, 26), date(2026, 2, 27))]
    assert floors == [0.113, 0.093]


@pytest.mark.parametrize(
    ("on", "rate", "status"),
    [
        (date(2025, 2, 6), 0.065, "confirmed"),
        (date(2025, 8, 29), 0.055, "confirmed"),
        (date(2026, 8, 20), 0.0525, "single_source"),
        (TODAY, 0.0525, "provisional"),
    ],
)
def test_the_repo_rate_is_dated(on: date, rate: float, status: str) -> None:
    ruled = RULES.repo_rate(on)
    assert (ruled.value, ruled.row.status) == (rate, status)


def test_no_two_rows_of_the_package_claim_the_same_day() -> None:
    checked = 0
    for kind in COVERAGE_KEYS:
        names = LINES[kind]
        rows = [row for row in RULES.rows.of(kind) if kind not in {"lot", "holidays"}]
        for one, other in combinations(rows, 2):
            if all(one.values[name] == other.values[name] for name in names):
                checked += 1
                assert one.end < other.effective or other.end < one.effective, (one.id, other.id)
    assert checked > 100


def test_every_listed_contract_has_exactly_one_lot_on_every_session() -> None:
    rows = RULES.rows.of("lot")
    asked = 0
    for session in RULES.sessions(date(2024, 12, 2), date(2026, 12, 31))[::5]:
        for underlying in ("NIFTY", "BANKNIFTY"):
            for expiry in RULES.expiries(underlying, session.day):
                covers = [
                    row.id
                    for row in rows
                    if row.values["underlying"] == underlying and row.holds(session.day)
                    if row.values["expiry_from"] <= expiry <= (row.values["expiry_until"] or date.max)
                ]
                asked += 1
                assert len(covers) == 1, (underlying, expiry, session.day, covers)
    assert asked > 1000


def test_an_overlay_replaces_a_row_by_its_id_and_changes_the_digest(tmp_path: Path) -> None:
    text = """
    [[special_session]]
    id = "special.2026-11-08"
    effective = 2026-11-08
    until = 2026-11-08
    session = "muhurat"
    windows = [[18:15:00, 19:15:00]]
    tags = ["C"]
    source = "a circular"
    """
    ours = load_rules(overlay(tmp_path, text))
    session = ours.session(date(2026, 11, 8))
    assert session is not None
    assert (session.kind, session.minutes) == ("muhurat", 60.0)
    assert ours.digest != RULES.digest == load_rules().digest


def test_every_error_of_an_overlay_is_reported_at_once(tmp_path: Path) -> None:
    text = """
    [[lot]]
    id = "one"
    effective = 2027-01-01
    underlying = "NIFTY"
    units = "65"
    [[tick]]
    id = "two"
    effective = 2027-01-01
    exchange = "NSE"
    points = 0.05
    tags = ["rumour"]
    source = "somebody"
    [[weather]]
    id = "three"
    """
    with pytest.raises(BadInput) as caught:
        load_rules(overlay(tmp_path, text))
    for part in ("unknown table 'weather'", "units has the wrong type", "source is missing", "unknown tag 'rumour'"):
        assert part in str(caught.value)
    assert "needs until or verified_until" in str(caught.value)


def test_an_overlay_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        load_rules(tmp_path / "absent.toml")
    with pytest.raises(BadInput, match=r"overlay\.toml"):
        load_rules(overlay(tmp_path, "[[lot"))


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        (["C"], "confirmed"),
        (["measured", "BG"], "confirmed"),
        (["P", "K"], "confirmed"),
        (["lib", "lib"], "confirmed"),
        (["P"], "single_source"),
        (["K", "BG"], "single_source"),
        (["X", "P", "K"], "provisional"),
        (["X", "C"], "confirmed"),
        (["BG"], "unverified"),
        (["C", "P", "CALC"], "single_source"),
    ],
)
def test_the_status_follows_from_the_evidence(tags: list[str], status: str) -> None:
    assert status_from(tags) == status


def test_every_kind_of_row_is_in_the_package() -> None:
    assert {kind for kind in KINDS if RULES.rows.of(kind)} == set(KINDS)
    assert sum(len(RULES.rows.of(kind)) for kind in KINDS) > 150


def test_one_file_may_not_repeat_an_id() -> None:
    row = (
        '[[repo]]\nid = "r"\nsource = "s"\ntags = ["C"]\neffective = 2027-01-01\nuntil = 2027-02-01\nfraction = 0.05\n'
    )
    with pytest.raises(BadInput, match="id is repeated"):
        rows_from([("a.toml", row + row)])
