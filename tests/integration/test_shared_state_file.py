"""Several processes on one state file at once: no commit is lost, no message is handled by two of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.errors import Broken
from quantsentinel.ports import Create, Event
from tests.conftest import ROOT

PROCESSES = 3
STEPS = 40
MESSAGES = 120
PATIENCE_S = 240.0

WORKER = f"""
import sys
from pathlib import Path
from quantsentinel.adapters.embedded.bus import SqliteBus
from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.adapters.embedded.database import Database
from quantsentinel.adapters.embedded.documents import SqliteDocuments
from quantsentinel.adapters.embedded.objects import FolderObjects
from quantsentinel.errors import Conflict
from quantsentinel.ports import Create, Update

folder, me = Path(sys.argv[1]), sys.argv[2]
database = Database(folder / "state.db", sync="normal")
documents, objects = SqliteDocuments(database, SystemClock()), FolderObjects(folder / "objects", sync="normal")
bus = SqliteBus(database, SystemClock())
bus.subscribe("t", "s", lambda delivery: documents.commit([Create("handled/" + delivery.event.id, {{"by": me}})]))
wins, done = 0, 0
while done < {STEPS}:
    found = documents.get("counter/one")
    try:
        documents.commit([Update(found.path, {{"n": found.data["n"] + 1}}, found.version)])
    except Conflict:
        continue
    done += 1
    wins += objects.put_if_absent(f"race/{{done}}", me.encode())
    bus.run_due(1)
while bus.backlog():
    bus.run_due(5)
print(wins)
"""


def test_processes_share_documents_objects_and_bus(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db", sync="normal")
    documents, bus = SqliteDocuments(database, SystemClock()), SqliteBus(database, SystemClock())
    documents.commit([Create("counter/one", {"n": 0})])
    bus.subscribe("t", "s", lambda delivery: None)
    bus.publish_all([Event(f"m{number:03d}", "t", {}) for number in range(MESSAGES)])
    commands = [[sys.executable, "-c", WORKER, str(tmp_path), f"worker-{number}"] for number in range(PROCESSES)]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for command in commands]
    wins = [int(worker.communicate(timeout=PATIENCE_S)[0]) for worker in workers]
    assert documents.get("counter/one").data == {"n": PROCESSES * STEPS}
    assert sum(wins) == STEPS == len(FolderObjects(tmp_path / "objects").list("race/"))
    assert [item.id for item in documents.query("handled")] == [f"m{number:03d}" for number in range(MESSAGES)]
    assert (bus.backlog(), bus.dead_letters()) == ({}, [])


def test_processes_that_open_a_new_file_together_all_find_it_ready(tmp_path: Path) -> None:
    code = "import sys, pathlib; from quantsentinel.adapters.embedded.database import Database"
    code += (
        "; print(Database(pathlib.Path(sys.argv[1])).connection().execute('SELECT last FROM revision').fetchone()[0])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "state.db")]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert [worker.communicate(timeout=PATIENCE_S)[0].strip() for worker in workers] == ["0"] * 6


def test_a_state_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    database.connection().execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Broken, match="schema 99"):
        Database(tmp_path / "state.db")


def test_a_file_that_is_no_database_is_broken(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Broken, match="not a database"):
        Database(tmp_path / "state.db")
