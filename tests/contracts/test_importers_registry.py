"""Every importer: told apart by content alone, faithful to its declared blemishes and schema, pure, and idempotent."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from quantsentinel.errors import BadInput
from quantsentinel.market.importers import IMPORTERS, recognised
from quantsentinel.market.importers.datasets import DATASETS, PROVENANCE, encode
from quantsentinel.market.importers.document import Document, unpacked
from quantsentinel.market.importers.imported import Imported, Request
from tests.chains import rules
from tests.payloads import documents

COUNT = 25
NAMES = sorted(IMPORTERS)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    made = documents(tmp_path_factory.mktemp("samples"))
    return {name: unpacked(file, body)[0] for name, (file, body) in made.items()}


def imported(document: Document, name: str) -> Imported:
    return IMPORTERS[name].read(Request(document, rules()))


def test_the_registry_holds_what_the_samples_hold(samples: dict[str, Document]) -> None:
    assert len(IMPORTERS) == COUNT
    assert set(samples) == set(IMPORTERS)
    assert len(DATASETS) == 12


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_recognised_by_its_content_and_by_one_importer(samples: dict[str, Document], name: str) -> None:
    renamed = Document("unnamed", samples[name].body)
    assert recognised(renamed).name == name
    with pytest.raises(BadInput, match="not the layout of"):
        recognised(renamed, next(other for other in NAMES if other != name))


@pytest.mark.parametrize("name", NAMES)
def test_rows_have_the_schema_and_blemishes_are_declared(samples: dict[str, Document], name: str) -> None:
    found = imported(samples[name], name)
    declared = {item.name: item for item in IMPORTERS[name].blemishes}
    assert len(declared) == len(IMPORTERS[name].blemishes)
    assert set(found.touched) <= set(declared)
    flagged = {item for part in found.parts for text in part.frame["blemishes"] for item in text.split(",") if item}
    assert flagged <= set(found.touched)
    for part in found.parts:
        assert dict(part.frame.schema) == {**DATASETS[part.dataset].columns, **PROVENANCE}
        assert set(part.frame["importer"]) == {name}
        assert part.frame["contract_version"].null_count() == 0, "a source that nobody has described"
        assert set(part.frame["input_sha256"]) == {samples[name].input_sha256}


@pytest.mark.parametrize("name", NAMES)
def test_reading_twice_gives_the_same_bytes(samples: dict[str, Document], name: str) -> None:
    first, second = imported(samples[name], name), imported(samples[name], name)
    assert [part.digest for part in first.parts] == [part.digest for part in second.parts]
    for one, other in zip(first.parts, second.parts, strict=True):
        assert encode(one.frame, one.metadata) == encode(other.frame, other.metadata)
        assert pl.read_parquet(io.BytesIO(encode(one.frame, one.metadata))).equals(one.frame)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_or_empty_document_is_bad_input(samples: dict[str, Document], name: str) -> None:
    body = samples[name].body
    head = body[: body.find(b"\n")] if samples[name].kind == "csv" else body[: len(body) // 2]
    for cut in (b"", head):
        with pytest.raises(BadInput):
            imported(Document(samples[name].name, cut), name)


def test_an_unknown_layout_says_what_it_saw(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="of no known layout: a, b"):
        recognised(Document("x.csv", b"a,b\n1,2\n"))
    with pytest.raises(BadInput, match="no importer 'magic'"):
        recognised(Document("x.csv", b"a,b\n1,2\n"), "magic")
