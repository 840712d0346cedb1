"""`qs audit`: an export leaves the machine and is verified without it; exit codes say what was found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quantsentinel.app.audit import root_of, seal_session
from quantsentinel.cli.main import run_command
from quantsentinel.ports import Delete
from tests.flow import ACME, DAY, NIFTY, ZEN, day_file, flow
from tests.integration.test_audit import AFTER_CLOSE

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tenants' day, over and sealed."""
    folder = tmp_path_factory.mktemp("audit")
    with flow(folder / "state", day_file(folder, NIFTY, range(2)), (ACME, ZEN)) as running:
        running.finish()
        running.clock.advance_to(running.stage.schedule[0][0] + AFTER_CLOSE)
        seal_session(running.platform)
        (folder / "root").write_text(root_of(running.platform, DAY).header.root)
    return folder / "state"


@pytest.fixture
def exported(state: Path, tmp_path: Path, capsys: Captured) -> Path:
    out = tmp_path / "acme.jsonl"
    assert run_command(["audit", "export", "--tenant", "acme", "--out", str(out), "--state", str(state)]) == 0
    capsys.readouterr()
    return out


def verified(capsys: Captured, *arguments: str) -> tuple[int, str]:
    code = run_command(["audit", "verify", *arguments])
    found = capsys.readouterr()
    return code, " ".join((found.out + found.err).split())


def test_an_export_is_verified_without_any_state(
    exported: Path, state: Path, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = verified(capsys, str(exported))
    root = (state.parent / "root").read_text()
    assert code == 0
    assert "acme: 3 records" in said
    assert said.endswith("whole")
    assert root in said
    assert list(tmp_path.iterdir()) == [exported], "nothing was opened or made"
    assert verified(capsys, str(exported), "--root", root)[0] == 0
    code, said = verified(capsys, str(exported), "--root", "00" * 32)
    assert (code, "BROKEN: no root in it is 0000" in said) == (1, True)


def test_a_packed_export_is_verified_as_it_is(state: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "acme.jsonl.gz"
    assert run_command(["audit", "export", "--tenant", "acme", "--out", str(out), "--state", str(state)]) == 0
    capsys.readouterr()
    assert verified(capsys, str(out))[0] == 0
    out.write_bytes(out.read_bytes()[:-200])
    code, said = verified(capsys, str(out))
    assert (code, "the file is cut off" in said) == (2, True)


def test_a_changed_export_exits_1_and_names_the_record(exported: Path, capsys: Captured) -> None:
    exported.write_bytes(exported.read_bytes().replace(b'"code_version":"', b'"code_version":"9', 1))
    code, said = verified(capsys, str(exported))
    assert (code, "BROKEN at record 1 of acme: its content is not what was hashed" in said) == (1, True)
    run_command(["audit", "verify", str(exported), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["problem"] == {"seq": 1, "what": "its content is not what was hashed"}


def test_a_cut_export_names_the_tenant_and_the_sealed_records_that_it_lacks(exported: Path, capsys: Captured) -> None:
    whole = exported.read_bytes()
    lines = whole.splitlines(keepends=True)
    second = next(at for at, line in enumerate(lines) if b'"seq":2}' in line and line.startswith(b'{"body"'))
    for cut, records, said in [
        (b"".join(lines[:second]), "2 records", "MISSING: 1 sealed record of acme, record 2"),
        (b"".join(lines[:2]), "0 records", "MISSING: 3 sealed records of acme, records 0 to 2"),
        (whole[:-5], "3 records", f"the file ends within line {len(lines)}"),
    ]:
        exported.write_bytes(cut)
        code, found = verified(capsys, str(exported))
        assert (code, records in found, said in found) == (1, True, True)
        assert "cut off" in found
        assert "not sealed yet" not in found


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"kind":"other"}\n', b"\xff\xfe\n", b"\x1f\x8b not gzip"])
def test_a_file_that_is_no_export_exits_2(tmp_path: Path, capsys: Captured, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert verified(capsys, str(path))[0] == 2


def test_what_cannot_be_asked_is_refused_with_a_fix(exported: Path, state: Path, capsys: Captured) -> None:
    for arguments, said in [
        (["verify", str(exported), "--state", str(state)], "name one of them"),
        (["verify", "--state", str(state), "--root", "00"], "Name the file"),
        (["verify", str(exported.parent / "missing")], "no such file"),
        (["verify", str(exported.parent)], "cannot be read"),
        (["export", "--tenant", "acme", "--out", str(exported), "--state", str(state)], "never written over"),
        (["export", "--tenant", "nobody", "--out", str(exported) + "2", "--state", str(state)], "no tenant"),
        (["root", "--on", "2025-01-01", "--state", str(state)], "no root of 2025-01-01"),
    ]:
        assert run_command(["audit", *arguments]) == 2
        assert said in " ".join(capsys.readouterr().err.split())
    assert list(exported.parent.iterdir()) == [exported], "a refused export leaves no file"


def test_the_state_is_verified_chain_by_chain_and_the_root_is_shown(state: Path, capsys: Captured) -> None:
    code, said = verified(capsys, "--state", str(state), "--json")
    found = json.loads(said)
    assert code == 0
    assert {one["tenant"]: one["problem"] for one in found["chains"]} == {"acme": None, "zen-capital": None}
    assert run_command(["audit", "root", "--on", DAY.isoformat(), "--state", str(state), "--json"]) == 0
    root = json.loads(capsys.readouterr().out)
    assert root["header"]["root"] == (state.parent / "root").read_text()


def test_a_broken_chain_in_the_state_exits_1(tmp_path: Path, capsys: Captured) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(1)), (ACME,)) as running:
        running.finish()
        running.platform.documents.commit([Delete("tenants/acme/audit/000000001")])
    code, said = verified(capsys, "--state", str(tmp_path / "state"))
    assert (code, "BROKEN at record 1: the book ends with record 1, the chain with 0" in said) == (1, True)
    assert "no day is sealed yet" in said
