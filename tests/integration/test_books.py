"""Answers and settlements through the stores, the flow and the command line, on a simulated day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from quantsentinel.app import book as books
from quantsentinel.app.replay_decision import replay_decision
from quantsentinel.app.risk_book import risk_book
from quantsentinel.cli.main import run_command
from quantsentinel.errors import BadInput, Conflict
from quantsentinel.market.calendar import IST
from quantsentinel.portfolio.book import Book, Settled
from quantsentinel.portfolio.codec import encode_book
from quantsentinel.portfolio.settlement import SettlementValue, settlement_pnl
from quantsentinel.ports import Put
from quantsentinel.stores.settlements import SettlementStore
from quantsentinel.units import rupees
from tests.flow import ACME, NIFTY, ZEN, Flow, day_file, flow


def book_of(running: Flow, tenant: str = "acme") -> Book:
    return running.platform.tenants.store(tenant).book()[0]


def first_signal(running: Flow) -> str:
    running.play(1)
    return book_of(running).positions[0].signal_id


def test_an_answer_counts_from_the_next_cycle_on_and_again_changes_nothing(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4))) as running:
        signal = first_signal(running)
        price = book_of(running).positions[0].entry_price
        said = books.taken(running.platform, signal, (price, 1), "asha")
        assert (said.tenant_id, said.repeated, book_of(running).confirmed) == ("acme", False, ())
        assert books.taken(running.platform, signal, (price, 1), "asha").repeated
        assert len(books.show_book(running.platform, "acme").waiting) == 1
        running.play(1)
        (held,) = book_of(running).confirmed
        assert (held.signal_id, held.lots, held.entry_price) == (signal, 1, price)
        assert books.show_book(running.platform, "acme").waiting == ()
        answered = dict(book_of(running).answered)
        running.finish()
        assert book_of(running).answered == answered


def test_what_is_closed_is_closed_for_good_after_a_restart(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(5))) as running:
        signal = first_signal(running)
        price = book_of(running).positions[0].entry_price
        books.taken(running.platform, signal, (price, 2), "asha")
        books.closed(running.platform, signal, (price, 1), "asha")
        with pytest.raises(BadInput, match="2 lots; at most 1"):
            books.closed(running.platform, signal, (price, 2), "asha")
        books.closed(running.platform, signal, (price, 1), "asha", ref="second order")
        again = running.restarted()
        again.play(2)
        book = book_of(again)
        assert (book.confirmed, book.assumed_of(signal)) == ((), None)
        assert book.confirmed_realised < 0, "in and out at one price costs its charges"
        closed = [item["event"]["why"] for item in again.signals("closed") if item["signal_id"] == signal]
        assert closed == [f"closed at {price:g}, said asha"]


def test_a_tenant_answers_for_its_own_signals_only_and_its_neighbours_book_stands(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3)), (ACME, ZEN)) as running:
        signal = first_signal(running)
        before = book_of(running, "zen-capital").positions
        assert books.skipped(running.platform, signal, "asha").tenant_id == "acme"
        running.play(1)
        assert book_of(running).assumed_of(signal) is None
        after = book_of(running, "zen-capital").positions
        assert {item.signal_id for item in before} <= {item.signal_id for item in after}
        with pytest.raises(BadInput, match="no such signal"):
            books.skipped(running.platform, "sig-nobody", "asha")


def test_a_decision_with_answers_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3))) as running:
        signal = first_signal(running)
        books.taken(running.platform, signal, (book_of(running).positions[0].entry_price, 1), "asha")
        running.play(1)
        books.closed(running.platform, signal, (book_of(running).confirmed[0].mark.price, 1), "asha")
        running.play(1)
        assert book_of(running).confirmed_realised != 0
        replayed = [one for row in running.rows("acme") for one in replay_decision(running.platform, row["cycle"])]
        assert [one.difference for one in replayed] == [None] * 3


def test_an_answer_and_an_undelivered_offer_share_a_document_and_lose_nothing(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2))) as running:
        signal = first_signal(running)
        store = running.platform.tenants.store("acme")
        store.note_undelivered("sig-other.1")
        said = books.skipped(running.platform, signal, "asha").answer
        store.note_undelivered("sig-other.2")
        loaded = running.platform.tenants.load(["acme"])["acme"]()
        assert (loaded.answers, loaded.undelivered) == ((said,), ("sig-other.1", "sig-other.2"))
        stale = store.answers()[1]
        store.note_undelivered("sig-other.3")
        with pytest.raises(Conflict):
            store.add_answer(replace(said, signal_id="sig-another"), (said,), stale, "")


def test_a_settlement_value_is_entered_once_after_the_fact_and_near_the_forward(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2))) as running:
        first_signal(running)
        position = book_of(running).positions[0]
        expiry, forward = position.package.expiry, position.mark.forward
        settled = running.platform.desk.rules.settlement("NIFTY", expiry).observed_at
        value = SettlementValue("NIFTY", expiry, round(forward), settled.astimezone(IST), "asha")
        for wrong, word in [
            ({"known_at": settled - timedelta(seconds=1)}, "not settled before"),
            ({"value": forward / 10}, "from the last accepted forward"),
            ({"expiry": expiry + timedelta(days=1)}, "no contract expires"),
        ]:
            with pytest.raises(BadInput, match=word):
                books.settle(running.platform, replace(value, **wrong))
        assert books.settle(running.platform, value)
        assert not books.settle(running.platform, value)
        with pytest.raises(BadInput, match="already settled at"):
            books.settle(running.platform, replace(value, value=value.value + 1))


def test_a_settlement_value_reaches_the_books_with_the_next_cycle_once(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(4))) as running:
        first_signal(running)
        store, book = running.platform.tenants.store("acme"), book_of(running)
        waiting = Settled(book.positions[0], rupees(-500), in_assumed=True, in_confirmed=False)
        spoilt = replace(book, provisional=(waiting,), realised=rupees(-500))
        running.platform.documents.commit([Put(store.book_path, encode_book(spoilt))])
        running.play(1)
        assert (len(book_of(running).provisional), book_of(running).realised) == (1, rupees(-500))
        package, now = waiting.position.package, running.clock.now()
        SettlementStore(running.platform.documents).record(
            SettlementValue("NIFTY", package.expiry, waiting.position.mark.forward, now, "asha")
        )
        running.play(1)
        corrected = book_of(running)
        exact = settlement_pnl(waiting.position, waiting.position.mark.forward, running.platform.desk)[2]
        assert (corrected.provisional, corrected.realised) == ((), exact)
        running.finish()
        assert book_of(running).realised == exact


def test_a_damaged_book_halts_its_tenant_by_name_and_is_in_no_sum(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(3)), (ACME, ZEN)) as running:
        running.play(1)
        store = running.platform.tenants.store("acme")
        data = encode_book(book_of(running))
        data["positions"][0]["lots"] = -1
        running.platform.documents.commit([Put(store.book_path, data)])
        running.play(1)
        (halt,) = [state for state in running.platform.kills.all() if state.scope == "tenant:acme"]
        assert "partially written position: -1 lots" in halt.why
        found = risk_book(running.platform)
        assert list(found.unreadable) == ["acme"]
        assert [item.tenant_id for item in found.tenants] == ["zen-capital"]
        document = running.platform.documents.get(store.book_path)
        assert document.data["positions"] == data["positions"], "nothing of it is lost"


def test_the_risk_book_sums_what_the_tenants_hold(tmp_path: Path) -> None:
    with flow(tmp_path / "state", day_file(tmp_path, NIFTY, range(2)), (ACME, ZEN)) as running:
        running.finish()
        both = risk_book(running.platform)
        alone = [risk_book(running.platform, tenant) for tenant in ("acme", "zen-capital")]
        delta = sum(one.greeks.by_underlying["NIFTY"].delta for one in alone)
        assert both.greeks.by_underlying["NIFTY"].delta == pytest.approx(delta)
        cells = [sum(one.stress.pnl[0][0] for one in alone), both.stress.pnl[0][0]]
        assert float(cells[0]) == pytest.approx(float(cells[1]), abs=0.02)
        assert sum(item.positions for item in both.tenants) > 0
        uses = {use.name: use for use in both.tenants[0].limits}
        assert uses["max_positions"].used == both.tenants[0].positions
        used = [use for use in uses.values() if use.share]
        assert [use.share for use in used] == pytest.approx([use.used / use.limit for use in used], abs=1e-6)
        assert len(used) > 5


def test_the_commands_answer_show_and_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    with flow(state, day_file(tmp_path, NIFTY, range(2))) as running:
        signal = first_signal(running)
        price = book_of(running).positions[0].entry_price
    where = ["--state", str(state), "--json"]
    assert run_command(["book", "taken", signal, "--price", str(price), "--lots", "1", *where]) == 0
    assert json.loads(capsys.readouterr().out)["answer"]["kind"] == "taken"
    assert run_command(["book", "taken", signal, "--price", "1e6", "--lots", "1", *where]) == 2
    assert "is worth" in capsys.readouterr().err
    assert run_command(["book", "show", "--tenant", "acme", *where]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"][0]["signal_id"] == signal
    assert run_command(["book", "show", "--tenant", "acme", "--state", str(state)]) == 0
    assert "the worse counts" in capsys.readouterr().out
    assert run_command(["risk", "book", *where]) == 0
    assert json.loads(capsys.readouterr().out)["greeks"]["by_underlying"]["NIFTY"]
    assert run_command(["risk", "book", "--state", str(state)]) == 0
    assert "Vega by expiry" in capsys.readouterr().out
