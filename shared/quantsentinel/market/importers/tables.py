"""Text tables of rows that belong to many contracts, names or days: read line by line into columns of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

import polars as pl

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass
from quantsentinel.market.importers.cells import by_name, missing_column
from quantsentinel.market.importers.datasets import DATASETS, PROVENANCE, parts_of, provenance_of
from quantsentinel.market.importers.document import Document
from quantsentinel.market.importers.imported import Blemish, Imported, Importer, Part, Rejection, Request, Tally

VERSION = 1
NO_ROW = Blemish("unreadable_row", "refused", "a line whose cells are not what its header says")
TWICE = Blemish("stands_twice", "refused", "a second row of the same contract and day")
FOOTNOTE = Blemish("footnote_row", "refused", "a remark of one cell below or above the rows")
PADDED = Blemish("padded_cells", "converted", "names and values filled up with spaces or zeros")


class RowRefused(ValueError):
    """A row that a declared blemish refuses."""

    def __init__(self, blemish: Blemish) -> None:
        self.blemish = blemish
        super().__init__(blemish.note)


@dataclass(slots=True)
class Collected:
    """`take` a line's row with its dataset; rows are columns at the end."""

    request: Request
    importer: Importer
    tally: Tally
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen: set[tuple[Any, ...]] = field(default_factory=set)

    def add(self, number: int, dataset: str, key: tuple[Any, ...], row: dict[str, Any]) -> None:
        """Keeps a row, unless its contract and day stand already."""
        if (dataset, *key) in self.seen:
            self.tally.refuse(TWICE.name, Rejection(number, 1, "stands twice", str(key)))
            return
        self.seen.add((dataset, *key))
        self.rows.setdefault(dataset, []).append({**row, "input_row": number})


Line = Callable[[Collected, int, Mapping[str, str]], None]


def read_lines(request: Request, importer: Importer, line: Line, header: Callable[[list[str]], bool]) -> Imported:
    """Rows below the first line that `header` accepts. Lines of another width are footnotes or refused."""
    into = Collected(request, importer, Tally(importer.blemishes))
    names: list[str] = []
    for number, cells in request.document.lines():
        if not names:
            names = _names(cells, request.document) if header(cells) else []
            continue
        if len([cell for cell in cells if cell.strip()]) <= 1:
            _footnote(into, number, cells)
            continue
        try:
            line(into, number, by_name(names, _trimmed(names, cells)))
        except RowRefused as refused:
            into.tally.refuse(refused.blemish.name, Rejection(number, 1, str(refused), ",".join(cells)[:400]))
        except KeyError as error:
            raise missing_column(error, request) from None
        except (ValueError, OverflowError) as error:
            into.tally.refuse(NO_ROW.name, Rejection(number, 1, str(error), ",".join(cells)[:400]))
    return finished(into)


def _names(cells: list[str], document: Document) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()  # a comma at the end of every line
    if len(set(names)) != len(names):
        raise BadInput("a column name stands twice", where=document.name)
    return names


def _trimmed(names: list[str], cells: list[str]) -> list[str]:
    extra = len(cells) - len(names)
    return cells[: len(names)] if extra > 0 and not any(cell.strip() for cell in cells[-extra:]) else cells


def _footnote(into: Collected, number: int, cells: list[str]) -> None:
    said = " ".join(cells).strip()
    declared = any(item is FOOTNOTE for item in into.importer.blemishes)
    name = FOOTNOTE.name if declared else NO_ROW.name
    into.tally.refuse(name, Rejection(number, 1, "a remark, no row", said[:400]))


_CONTRACTED = {"udiff_bhavcopy": "udiff", "older_bhavcopy": "bhavcopy", "vix": "india_vix"}
"""The source in the data contracts, where it is not the importer's own name."""


def finished(into: Collected) -> Imported:
    """The parts of what was collected. Raises `BadInput` when no row could be used."""
    document, importer = into.request.document, into.importer
    wanted = into.request.wanted
    provenance = provenance_of(_CONTRACTED.get(importer.name, importer.name), importer, document)
    parts: list[Part] = []
    for dataset, rows in sorted(into.rows.items()):
        kept = [row for row in rows if not wanted or row["underlying"] in wanted]
        if kept:
            parts += parts_of(dataset, _frame(dataset, kept), provenance)
    if not parts:
        reason = into.tally.rejected[0].reason if into.tally.rejected else "it has none of the wanted rows"
        raise BadInput(f"no row can be used: {reason}", where=document.name)
    return Imported(tuple(parts), tuple(into.tally.rejected), dict(into.tally.touched))


def _frame(dataset: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    kind = DATASETS[dataset]
    schema = {"underlying": pl.String, **kind.columns, **PROVENANCE}
    if "day" not in kind.columns or kind.key == "date":
        schema["date"] = pl.Date
    optional = [name for name in PROVENANCE if name not in ("input_row", "blemishes")]
    rows = [{"blemishes": "", **row, **({"date": row["day"]} if "day" in row else {})} for row in rows]
    return pl.DataFrame(rows, schema={name: kind_ for name, kind_ in schema.items() if name not in optional})


def text_table(name: str, holds: str, columns: Iterable[str], blemishes: tuple[Blemish, ...], line: Line) -> Importer:
    """An importer of a text whose first line has `columns` (lower case, trimmed)."""
    wanted = set(columns)

    def header(cells: list[str]) -> bool:
        return wanted <= {cell.strip().lower() for cell in cells}

    found = Importer(
        name,
        VERSION,
        holds,
        (*blemishes, NO_ROW, TWICE),
        lambda document: document.kind == "csv" and any(header(cells) for cells in document.head),
        lambda request: read_lines(request, found, line, header),
    )
    return found
