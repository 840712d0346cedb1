"""`qs report volatility`: measured and forecast volatility on the real series, as one Markdown file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantsentinel.cli.options import Json
from quantsentinel.cli.output import Answer, show
from quantsentinel.errors import BadInput, Unavailable

Data = Annotated[
    Path, typer.Option("--data", envvar="QS_MARKETDATA", help="The folder of real market data: daily, bars, chains.")
]
DEFAULT_DATA = Path("../shared/marketdata")
DEFAULT_OUT = Path("docs/reports/volatility.md")
BATCH = ("arch",)


def volatility(
    data: Data = DEFAULT_DATA,
    out: Annotated[Path, typer.Option("--out", help="The Markdown file to write.")] = DEFAULT_OUT,
    json: Json = False,
) -> None:
    """Fits and judges every volatility model on the real NIFTY series, out of sample; takes about a minute."""
    _require_batch()
    from quantsentinel.cli.report_volatility_page import page

    text = page(data)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write the report: {error.strerror}", where=str(out)) from None
    show(Answer({"report": str(out.resolve()), "bytes": len(text.encode())}, lines=[f"Report: {out.resolve()}"]), json)


def _require_batch() -> None:
    """Raises `Unavailable` where the batch libraries are not installed (the serve environment)."""
    from importlib.util import find_spec

    missing = [name for name in BATCH if find_spec(name) is None]
    if missing:
        raise Unavailable(f"needs {', '.join(missing)}", where="qs report volatility", fix="make setup")
