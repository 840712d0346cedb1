"""An export proves itself: whatever is changed, left out or cut off in it is named with its record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from quantsentinel.audit.chain import Record, append, genesis
from quantsentinel.audit.export import first_line, last_line, record_line, root_line, row_line, verify_export
from quantsentinel.audit.roots import Head, Root, inclusion, seal
from quantsentinel.canonical import plain_bytes, sha256
from quantsentinel.errors import BadInput
from tests.unit.test_audit_chain import AT
from tests.unit.test_audit_merkle import CLOSE, DAY

LENGTH = 6
CARRIED = 3
"""The record that carries its row itself."""


def row(number: int) -> dict[str, object]:
    return {"cycle": f"cyc-{number}", "refusals": [number]}


def records(length: int = LENGTH) -> list[Record]:
    found = [genesis("acme", AT)]
    for number in range(1, length + 1):
        body = {"kind": "decision", "row_digest": sha256(plain_bytes(row(number)))}
        found.append(append({**body, "row": row(number)} if number == CARRIED else body, found[-1]))
    return found


def roots(chain: Sequence[Record], *sealed: int) -> list[Root]:
    """A root a day, over the named records of this chain and two other tenants."""
    found: list[Root] = []
    for number, seq in enumerate(sealed):
        own = Head("acme", seq, chain[seq].hash)
        day, at = DAY + timedelta(days=number), CLOSE + timedelta(days=number)
        others = [Head("zen", 5 * number, "sha256:z"), Head("abc", number, "sha256:a")]
        found.append(seal(day, at, [own, *others], found[-1].header if found else None))
    return found


def export(chain: Sequence[Record] | None = None, sealed: Sequence[int] = (2, 4)) -> list[bytes]:
    chain = chain or records()
    lines = [first_line("acme", chain[-1], True)]
    lines += [root_line(root.header, inclusion(root, "acme")) for root in roots(records(), *sealed)]
    for record in chain:
        lines.append(record_line(record))
        if record.seq and "row" not in record.body:
            lines.append(row_line(plain_bytes(row(record.seq))))
    return [*lines, last_line(len(chain), len(chain) - 2, len(sealed))]


def place(lines: Sequence[bytes], seq: int) -> int:
    return next(at for at, line in enumerate(lines) if line.startswith(b'{"body"') and json.loads(line)["seq"] == seq)


def problem(lines: Sequence[bytes]) -> tuple[int, str]:
    found = verify_export(lines).problem
    assert found is not None
    return found.seq, found.what


def test_a_whole_export_verifies_and_says_how_far_it_is_sealed() -> None:
    found = verify_export(export())
    assert found.problem is None
    assert (found.tenant, found.records, found.rows, len(found.roots)) == ("acme", LENGTH + 1, LENGTH - 1, 2)
    assert (found.sealed_seq, found.unsealed) == (4, 2)
    assert found.sealed == roots(records(), 2, 4)[1].header


def test_lines_may_end_as_a_mail_program_likes_them() -> None:
    assert verify_export([line + b"\r\n" for line in export()]).problem is None


def test_an_export_that_no_root_covers_says_so() -> None:
    found = verify_export(export(sealed=()))
    assert (found.problem, found.sealed, found.unsealed) == (None, None, LENGTH + 1)


def test_nobody_elses_head_stands_in_an_export() -> None:
    assert b"zen" not in b"".join(export())


def forged(chain: list[Record]) -> list[Record]:
    """Written anew from record 2 on, every hash right."""
    found = [*chain[:2], append({"kind": "decision", "row_digest": sha256(plain_bytes(row(2))), "x": 1}, chain[1])]
    for number in range(3, LENGTH + 1):
        found.append(append(chain[number].body, found[-1]))
    return found


def test_a_chain_that_was_written_anew_does_not_fit_the_roots() -> None:
    assert problem(export(forged(records()))) == (2, f"the root of {DAY} was made over another record 2")
    assert verify_export(export(forged(records()), sealed=())).problem is None


def test_a_chain_cut_off_below_a_root_is_named_by_the_first_record_that_is_gone() -> None:
    assert problem(export(records(3))) == (4, f"cut off: the root of {DAY + timedelta(days=1)} names record 4")


def without(lines: list[bytes], at: int) -> list[bytes]:
    return lines[:at] + lines[at + 1 :]


SPOILT: dict[str, tuple[Callable[[list[bytes]], list[bytes]], tuple[int, str]]] = {
    "a record is gone": (lambda x: without(x, place(x, CARRIED)), (3, "expected record 3, found 4")),
    "a row is gone": (lambda x: without(x, place(x, 5) + 1), (5, "its decision row is missing")),
    "the last row is gone": (lambda x: without(x, place(x, 6) + 1), (6, "its decision row is missing")),
    "a row was changed": (
        lambda x: [line.replace(b"cyc-2", b"cyc-9") for line in x],
        (2, "its decision row is not the one that its digest names"),
    ),
    "a carried row was changed": (
        lambda x: [line.replace(b"cyc-3", b"cyc-9") for line in x],
        (3, "its content is not what was hashed"),
    ),
    "a row too many": (lambda x: [*x[:-1], x[place(x, 2) + 1], x[-1]], (6, "followed by a row that it does not name")),
    "the file ends early": (lambda x: x[: place(x, 5)], (5, "cut off: the chain ends with record 6")),
    "the last line is gone": (lambda x: x[:-1], (7, "cut off: the file's last line is missing")),
    "a root is gone": (lambda x: without(x, 1), (7, "ends with 7 records, 5 rows and 2 roots, holds 7, 5 and 1")),
    "the end is torn": (lambda x: [*x[:-1], x[-1][:9]], (7, "cut off: the file ends within line 16")),
    "the end counts nothing": (lambda x: [*x[:-1], b'{"kind":"end"}\n'], (7, "line 16 cannot be read")),
    "the end comes twice": (lambda x: [*x, x[-1]], (7, "line 17 stands after the end")),
    "a line is deeper than any": (lambda x: [*x[:5], b"[" * 100_000, *x[5:]], (2, "line 6 cannot be read")),
    "a line is torn": (lambda x: [line[:40] if at == place(x, 2) else line for at, line in enumerate(x)], (2, "read")),
    "another kind of line": (lambda x: [x[0], b'{"kind":"note"}', *x[1:]], (0, "line 2 is a 'note'")),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_was_done_to_an_export_is_named(name: str) -> None:
    spoil, (seq, what) = SPOILT[name]
    found = problem(spoil(export()))
    assert found[0] == seq
    assert what in found[1]


@pytest.mark.parametrize(
    ("kept", "missing"), [(1, 0), (3, 5), (4, 4), (8, 2), (11, 0), (15, 0)], ids=lambda number: str(number)
)
def test_a_file_that_is_cut_off_says_how_many_sealed_records_it_lacks(kept: int, missing: int) -> None:
    found = verify_export([line + b"\n" for line in export()][:kept])
    assert found.problem is not None
    assert "cut off" in found.problem.what
    assert (found.missing, found.unread, found.unsealed) == (missing, 0, max(found.records - 5, 0) * (kept > 2))


def test_what_stands_behind_a_changed_record_is_not_said_to_be_missing() -> None:
    found = verify_export(without(export(), place(export(), CARRIED)))
    assert (found.records, found.missing, found.unread, found.unsealed) == (3, 0, 2, 0)


def test_a_root_that_was_left_out_between_two_is_missed() -> None:
    lines = export(sealed=(2, 3, 4))
    assert problem(without(lines, 2)) == (0, f"the root of {DAY + timedelta(days=2)} does not follow that of {DAY}")


def test_a_proof_of_another_tenant_or_another_root_is_refused() -> None:
    root = roots(records(), 4)[0]
    own, other = inclusion(root, "acme"), inclusion(root, "zen")
    assert own is not None
    lines, what = export(sealed=()), "does not lead to the root"
    for header, proof, said in [
        (root.header, other, "is of 'zen'"),
        (replace(root.header, size=4), own, what),
        (root.header, replace(own, path=own.path[1:]), what),
    ]:
        assert said in problem([lines[0], root_line(header, proof), *lines[1:]])[1]


def test_another_file_is_no_export() -> None:
    for first in (b"", b"hello", b"[]", b'{"kind":"export","format":1,"tenant":"acme"}', b'{"kind":"end","format":2}'):
        with pytest.raises(BadInput, match="export"):
            verify_export([first])


@pytest.mark.parametrize("head", [b"5", b"{}", b"null", b'{"seq":6}'])
def test_a_first_line_that_does_not_say_where_the_chain_ends_is_refused(head: bytes) -> None:
    first = b'{"kind":"export","format":2,"tenant":"acme","rows":true,"head":' + head + b"}"
    with pytest.raises(BadInput, match="where it ends"):
        verify_export([first, *export()[1:]])
