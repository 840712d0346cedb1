"""HTML tables: a caption, headers with scope, numbers to the right; long ones fold behind a summary."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from quantsentinel.frozen import dataclass

OPEN_ROWS = 40


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    numeric: bool = False


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], empty: str = "none") -> str:
    """Rows of text; every cell is escaped."""
    if not rows:
        return f'<p class="sub">{escape(caption)}: {escape(empty)}</p>'
    head = "".join(f'<th scope="col"{_right(column)}>{escape(column.name)}</th>' for column in columns)
    body = "".join(_row(columns, row) for row in rows)
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], empty: str = "none") -> str:
    """Like `table`, but rows after the first `OPEN_ROWS` are behind a summary."""
    if len(rows) <= OPEN_ROWS:
        return table(caption, columns, rows, empty)
    rest = table(f"{caption}, continued", columns, rows[OPEN_ROWS:])
    more = f"<details><summary>{len(rows) - OPEN_ROWS:,} more</summary>{rest}</details>"
    return table(caption, columns, rows[:OPEN_ROWS]) + more


def _row(columns: Sequence[Column], row: Sequence[str]) -> str:
    cells = zip(columns, row, strict=True)
    return "<tr>" + "".join(f"<td{_right(column)}>{escape(value)}</td>" for column, value in cells) + "</tr>"


def _right(column: Column) -> str:
    return ' class="number"' if column.numeric else ""
