"""`qs restore check`: a whole state passes, and damage of each kind is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from emulators.google_emulators import Google
from emulators.provision import provisioner
from quantsentinel.adapters.google.documents import FirestoreDocuments
from quantsentinel.adapters.google.objects import GcsObjects
from quantsentinel.app import restore_check
from quantsentinel.app.audit import seal_session
from quantsentinel.app.platform import Platform
from quantsentinel.cli.main import run_command
from quantsentinel.errors import Broken
from quantsentinel.ports import Delete, Event, Put
from quantsentinel.settings import Settings
from quantsentinel.wiring.local import STATE_FILE, open_local
from tests.flow import ACME, NIFTY, ZEN, day_file, flow
from tests.integration.test_audit import AFTER_CLOSE

SIGNAL = "sig-of-nobody"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tenants' day, sealed; then its files."""
    folder = tmp_path_factory.mktemp("restored")
    with flow(folder / "state", day_file(folder, NIFTY, range(3)), (ACME, ZEN)) as running:
        running.finish()
        running.clock.advance_to(running.stage.schedule[0][0] + AFTER_CLOSE)
        seal_session(running.platform)
        assert running.signals(), "owners cannot be checked without a signal"
    return folder / "state"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Emulators that stand in the checkout are not what is asked here."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def state(lived: Path, tmp_path: Path) -> Path:
    shutil.copytree(lived, tmp_path / "state")
    return tmp_path / "state"


def opened(state: Path) -> Platform:
    return open_local(Settings(state=state, sync="normal"))


def checks(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> dict[str, dict[str, str]]:
    assert run_command(["restore", "check", "--json", *options]) == code
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def wrong(found: dict[str, dict[str, str]]) -> set[str]:
    return {name for name, check in found.items() if check["status"] == "fail"}


def test_a_copied_state_is_whole(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = checks(capsys, "--state", str(state))
    assert {check["status"] for check in found.values()} == {"ok"}
    assert len(found) == 8
    assert "2 of them under 1 sealed roots" in found["audit chains"]["found"]
    assert "newest 3 cycles" in found["cycles' content"]["found"]


# --- Damage ---
def first(platform: Platform, collection: str) -> Any:
    return platform.documents.query(collection)[0]


def lose_book(platform: Platform) -> None:
    platform.documents.commit([Delete("tenants/acme/book/current")])


def break_book(platform: Platform) -> None:
    platform.documents.commit([Put("tenants/acme/book/current", {"positions": "many"})])


def break_account(platform: Platform) -> None:
    platform.documents.commit([Put("tenants/acme", {"served": ["NIFTY"]})])


def cut_chain(platform: Platform) -> None:
    seq = platform.tenants.store("acme").book()[0].audit_seq
    platform.documents.commit([Delete(f"tenants/acme/audit/{seq:09d}")])


def change_root(platform: Platform) -> None:
    (info,) = platform.objects.list("audit-roots/")
    plain = json.loads(platform.objects.get(info.key) or b"")
    platform.objects.put(info.key, json.dumps({**plain, "heads": []}).encode())


def lose_owner(platform: Platform) -> None:
    platform.documents.commit([Delete(first(platform, "signal_owners").path)])


def change_owner(platform: Platform) -> None:
    platform.documents.commit([Put(first(platform, "signal_owners").path, {"tenant_id": "somebody"})])


def strange_owner(platform: Platform) -> None:
    platform.documents.commit([Put(f"signal_owners/{SIGNAL}", {"tenant_id": "acme"})])


def _object(platform: Platform, key: str) -> Path:
    (found,) = (_folder(platform) / "objects").rglob(f"*@{Path(key).name}")
    return found


def _folder(platform: Platform) -> Path:
    folder: Path = platform.objects._root  # type: ignore[attr-defined]  # the embedded one's folder
    return folder.parent


def lose_rows(platform: Platform) -> None:
    _lose(platform, str(first(platform, "cycles").data["rows_key"]))


def lose_decisions(platform: Platform) -> None:
    batch = next(item for item in platform.documents.query("batches") if item.data["objects"])
    _lose(platform, str(batch.data["objects"][0]))


def lose_newest_snapshot(platform: Platform) -> None:
    _lose(platform, str(first(platform, "market").data["snapshot_key"]))


def change_history(platform: Platform) -> None:
    platform.objects.put(str(first(platform, "cycles").data["history_key"]), b"{}")


def change_snapshot(platform: Platform) -> None:
    platform.objects.put(str(first(platform, "cycles").data["snapshot_key"]), b"PAR1 no more")


def lose_part(platform: Platform) -> None:
    """It was promoted after the minute that the artefacts were restored to."""
    body = {"stack": ["sha256:" + "a" * 64], "changes": 1}
    platform.documents.commit([Put("registry/volatility/parts/clock", body)])


def change_part(platform: Platform) -> None:
    body = {"part": "clock", "artefact": "{}", "offered_at": "2025-08-29", "promoted_at": None}
    platform.documents.commit([Put(f"registry/volatility/artefacts/{'a' * 64}", body)])


def _lose(platform: Platform, key: str) -> None:
    _object(platform, key).unlink()


DAMAGE: dict[Callable[[Platform], None], tuple[set[str], str, str]] = {
    lose_book: ({"tenants", "audit chains"}, "tenants", "acme"),
    break_book: ({"tenants", "audit chains"}, "tenants", "acme"),
    break_account: ({"tenants"}, "tenants", "acme"),
    cut_chain: ({"audit chains"}, "audit chains", "acme, record"),
    change_root: ({"audit chains"}, "audit chains", "root"),
    lose_owner: ({"signal owners"}, "signal owners", "has no owner"),
    change_owner: ({"signal owners"}, "signal owners", "is owned by somebody"),
    strange_owner: ({"signal owners"}, "signal owners", f"{SIGNAL} is owned by acme, who does not hold it"),
    lose_rows: ({"cycles' objects"}, "cycles' objects", "views/NIFTY/"),
    lose_decisions: ({"cycles' objects"}, "cycles' objects", "decisions/"),
    lose_newest_snapshot: ({"cycles' objects", "cycles' content", "market pointers"}, "market pointers", "is missing"),
    change_history: ({"cycles' content"}, "cycles' content", "history/NIFTY/"),
    lose_part: ({"fitted parts"}, "fitted parts", "is gone"),
    change_part: ({"fitted parts"}, "fitted parts", "the content's digest is"),
    change_snapshot: ({"cycles' content"}, "cycles' content", "not a Parquet file"),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_of_each_kind_is_named(
    state: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Platform], None]
) -> None:
    damage(opened(state))
    failing, name, said = DAMAGE[damage]
    found = checks(capsys, "--state", str(state), code=1)
    assert wrong(found) == failing
    assert said in found[name]["found"]
    assert found[name]["fix"]


def test_only_what_was_decided_from_a_day_on_is_asked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lose_rows(opened(state))
    assert checks(capsys, "--state", str(state), "--since", "2025-08-29", code=1)
    found = checks(capsys, "--state", str(state), "--since", "2025-08-30")
    assert found["cycles' objects"]["found"] == "0 objects have a live generation"
    assert "2 of them under 1 sealed roots" in found["audit chains"]["found"]
    assert checks(capsys, "--state", str(state), "--days", "1")["signal owners"]["status"] == "ok"


@pytest.mark.parametrize("damage", [cut_chain, lose_book], ids=lambda damage: damage.__name__)
def test_a_chain_that_was_sealed_before_is_still_held_against_its_root(
    state: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Platform], None]
) -> None:
    damage(opened(state))
    found = checks(capsys, "--state", str(state), "--since", "2025-08-30", code=1)
    assert "audit chains" in wrong(found)


def test_pages_hold_everything_once_whatever_shares_a_moment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = opened(state).documents
    times = [*("2025-08-30T04:00:00+00:00",) * 3, *(f"2025-08-30T05:00:{second:02d}+00:00" for second in range(9))]
    documents.commit([Put(f"paged/{number}", {"decided_at": at}) for number, at in enumerate(times)])
    monkeypatch.setattr(restore_check, "PAGE", 4)
    found = [document.path for document in restore_check.decided(documents, "paged", date(2025, 8, 30))]
    assert (len(found), len(set(found))) == (12, 12)
    monkeypatch.setattr(restore_check, "PAGE", 3)
    with pytest.raises(Broken, match="more than 3 of one moment"):
        list(restore_check.decided(documents, "paged", date(2025, 8, 30)))


def test_events_that_will_be_published_again_are_announced(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform = opened(state)
    platform.documents.commit(platform.outbox.writes([Event("old:1", "cycle.decided", {})]))
    assert checks(capsys, "--state", str(state))["outbox"]["status"] == "warn"


def test_what_is_no_state_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (
        ["--state", str(tmp_path)],
        ["--database", "restored"],
        ["--bucket", "shoes=x"],
        ["--bucket", "raw"],
    ):
        assert run_command(["restore", "check", *options]) == 2
    assert "no state in this folder" in capsys.readouterr().err


# --- The other profile ---
def _copied(state: Path, google: Google, bucket: str) -> None:
    """Every document into another database of the project, every object into one bucket."""
    platform = opened(state)
    with sqlite3.connect(state / STATE_FILE) as connection:
        paths = [row[0] for row in connection.execute("SELECT path FROM documents")]
    target = FirestoreDocuments(google.project, "restored", emulator_host=google.firestore)
    for start in range(0, len(paths), 100):
        found = platform.documents.get_many(paths[start : start + 100])
        target.commit([Put(path, document.data) for path, document in found.items()])
    objects = GcsObjects(google.project, bucket, emulator_url=google.storage)
    for info in platform.objects.list():
        objects.put_if_absent(info.key, platform.objects.get(info.key) or b"")


@pytest.mark.emulators
def test_a_restored_database_and_renamed_buckets_are_whole(
    state: Path, google_emulators: Google, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with provisioner(google_emulators) as here:
        here.bucket("restored-drill")
    _copied(state, google_emulators, "restored-drill")
    named = {**google_emulators.environ, "QS_PROFILE": "google", "QS_PROJECT": google_emulators.project}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    buckets = [
        part for kind in ("raw", "snapshots", "decisions", "audit") for part in ("--bucket", f"{kind}=restored-drill")
    ]
    found = checks(capsys, "--database", "restored", *buckets)
    assert {check["status"] for check in found.values()} == {"ok"}
    empty = checks(capsys, "--database", "another", *buckets, code=1)
    assert (empty["tenants"]["status"], wrong(empty)) == ("warn", {"audit chains"})
