"""Refusals that came again within their minute write nothing, and are told, counted and named with the next record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from quantsentinel.adapters.embedded.faults import Faults
from quantsentinel.app.listing import batches
from quantsentinel.app.waiting import NOTHING, Waiting
from quantsentinel.canonical import digest
from quantsentinel.portfolio.book import Book, RefusalTally
from quantsentinel.wiring.replay import TenantPlan
from tests.builders import TEN
from tests.flow import ACME, NIFTY, Flow, day_file, flow

PAUSED = TenantPlan("paused", "Refused everything", 1_000_000, paused=True)
SHUFFLED = Faults(duplicate=0.7, delay_s=3.0, reorder=1.0, drop_ack=0.3, seed=4)


@pytest.fixture(scope="module", params=[Faults(), SHUFFLED], ids=["peaceful", "faulty"])
def over(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Flow]:
    """Two and a half minutes with a snapshot every ten seconds."""
    folder = tmp_path_factory.mktemp("waiting")
    data = day_file(folder, NIFTY, range(15), interval_s=10.0)
    with flow(folder / "state", data, (ACME, PAUSED), request.param) as running:
        yield running.finish()


def told(running: Flow) -> tuple[Counter[str], list[str]]:
    """Counts by refusal key, and the cycles that the paused tenant's chain names; then what still waits."""
    store = running.platform.tenants.store("paused")
    counted: Counter[str] = Counter()
    for data in store.refused.all():
        for line in data["refusals"]:
            counted[f"{line['guard']}|{line['family']}"] += line["count"]
    named = [item for record in list(store.audit_records())[1:] for item in _cycles(record.body)]
    waiting = batches(running.platform)[-1]["waiting"].get("paused", NOTHING.plain())
    for key, count in waiting["tallies"].items():
        guard, _, family = key.split("|")
        counted[f"{guard}|{family}"] += count
    return counted, [*named, *(row[0] for row in waiting["rows"])]


def _cycles(body: dict[str, object]) -> list[str]:
    before = body["before"]
    assert isinstance(before, list)
    return [*(row[0] for row in before), str(body["cycle_id"])]


def test_every_refusal_is_counted_once_however_seldom_it_is_written(over: Flow) -> None:
    rows = over.rows("paused")
    refused = Counter(f"{item['first']['guard']}|{item['family']}" for row in rows for item in row["refusals"])
    counted, _ = told(over)
    assert counted == refused
    assert len(list(over.platform.tenants.store("paused").audit_records())) < len(rows), "most cycles wrote nothing"
    assert refused.total() > 50


def test_every_cycle_that_refused_is_named_once_in_the_chain_with_its_rows_digest(over: Flow) -> None:
    refusing = [row["cycle"] for row in over.rows("paused") if row["refusals"]]
    assert told(over)[1] == refusing
    digests = {row["cycle"]: digest(row) for row in over.rows("paused")}
    records = list(over.platform.tenants.store("paused").audit_records())[1:]
    before = [row for record in records for row in record.body["before"]]
    assert before
    assert all(digests[cycle] == row_digest for cycle, _, row_digest in before)
    assert all(over.platform.objects.get(key) for _, key, _ in before)


def test_what_waits_is_counted_in_the_book_that_the_next_pass_reads() -> None:
    book = Book(refusals={"a|NIFTY|iron_condor": RefusalTally(1, TEN), "b|NIFTY|iron_condor": RefusalTally(2, TEN)})
    found = Waiting((("cyc", "key", "sha256:0"),), {"a|NIFTY|iron_condor": 4}).in_book(book)
    assert [tally.count for tally in found.refusals.values()] == [4, 2]
    assert NOTHING.in_book(book) is book
